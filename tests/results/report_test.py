import re
from html.parser import HTMLParser

import pytest

from experiments.report import main
from mtlx.results.report import write_report
from tests.results.made_up import StudyFactory

DATA = "census_income_sample"
PICTURES = (
    "delta_m",
    "headlines",
    "trade_off",
    "validation",
    "weights",
    "diagnostics",
)


class Page(HTMLParser):
    """Collects what a page refers to, and its cells by class."""

    def __init__(self, text):
        super().__init__()
        self.links, self.cells, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        names = ("href", "src", "srcset", "data", "action")
        self.links += [values[name] for name in names if name in values]
        if tag not in ("meta", "img", "link"):
            self.open.append((tag, values.get("class")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if self.open and self.open[-1][0] == "td" and text.strip():
            self.cells.append((self.open[-1][1], text.strip()))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One report on two models, two seeds and an unfinished run, for the readers."""
    factory = StudyFactory(tmp_path_factory.mktemp("compare"))
    for model, quality in (("single_task", 0.0), ("mmoe", 0.01)):
        for seed in range(2):
            factory.run(model, seed=seed, quality=quality, weights=True)
    factory.unfinished(f"{DATA}/mtan/equal/0")
    return factory.path, write_report(factory.path)


def test_writes_all_files_into_the_study_folder(written):
    folder, report = written
    texts = [report.markdown, report.csv, report.comparisons, report.html]
    paths = [*texts, *report.pictures]
    assert [path.name for path in paths] == [
        *("results.md", "results.csv", "comparisons.csv", "report.html"),
        *(f"{DATA}_{name}.png" for name in PICTURES),
    ]
    assert all(path.parent == folder and path.stat().st_size for path in paths)


def test_the_page_refers_to_nothing_outside(written):
    text = written[1].html.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert len(page.links) == len(PICTURES)
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"https?://|@import|url\(|<script|<link", text)


def test_the_page_marks_the_best(written):
    page = Page(written[1].html.read_text(encoding="utf-8"))
    best = [text for mark, text in page.cells if mark == "best"]
    assert len(best) == 5 + 10  # the headline table's columns, and the full table's
    assert f"**{best[0]}**" in written[1].markdown.read_text(encoding="utf-8")


def test_unfinished_runs_are_named(written):
    for path in (written[1].html, written[1].markdown):
        text = path.read_text(encoding="utf-8")
        assert "4 finished runs, 1 unfinished" in text
        assert f"{DATA}/mtan/equal/0" in text


def test_says_how_it_was_run_without_the_folders_of_this_machine(factory):
    for seed in range(2):
        factory.run(
            seed=seed, overrides=["data.data_dir=/home/me/census", "+a=[/b/c,d]"]
        )
    report = write_report(factory.path)
    for path in (report.html, report.markdown):
        text = path.read_text(encoding="utf-8")
        assert "0.10.2" in text and "TFRT-cpu, x86_64, 2 cores" in text
        assert "0, 1" in text
        assert ".../census" in text and "[.../c,d]" in text
        assert "/home" not in text and str(factory.path.parent) not in text


def test_names_are_escaped_on_the_page(factory):
    factory.run(overrides=["note=<script>alert(1)</script>"])
    text = write_report(factory.path).html.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text


def test_reporting_twice_gives_the_same(written):
    paths = [path for path in written[0].iterdir() if path.is_file()]
    first = [path.read_bytes() for path in paths]
    write_report(written[0])
    assert [path.read_bytes() for path in paths] == first


def test_command_prints_the_table_and_where_the_files_are(written, capsys):
    folder, report = written
    assert main([str(folder)]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert f"Unfinished, not counted: {DATA}/mtan/equal/0" in lines
    assert max(line.count("±") for line in lines) == 5  # unfolded though no terminal
    assert any("**" in line for line in lines)  # a log shows no bold
    assert lines[-1].startswith(f"Report: {report.html}")


def test_command_takes_several_folders(factory, capsys):
    one, two = factory.path / "one", factory.path / "two"
    factory.run(folder="one/0")
    factory.run(folder="two/0")
    assert main([str(one), str(two)]) == 0
    assert capsys.readouterr().out.count("Report: ") == 2


@pytest.mark.parametrize("kind", ["absent", "empty", "damaged"])
def test_command_says_what_is_wrong_and_goes_on(factory, capsys, kind):
    good = factory.run(folder="good/0").parent
    bad = factory.path / "bad"
    if kind != "absent":
        bad.mkdir()
    if kind == "damaged":
        (bad / "result.json").write_text("{")
    assert main([str(bad), str(good)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and str(bad) in captured.err
    assert captured.out.count("Report: ") == 1


def test_help_reads_well(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert "runs/STUDY" in text and "python -m experiments.report runs/compare" in text
