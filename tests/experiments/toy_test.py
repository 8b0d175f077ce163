"""`python -m experiments.toy`: complete, and its pictures and page are whole."""

import functools
import pickle

import numpy as np
import pytest

from experiments import toy, toy_figures, toy_methods, toy_page, toy_runs
from mtlx import balancers


def test_every_balancer_is_shown_or_said_to_be_left_out():
    shown = set(toy_methods.METHODS) | set(toy_methods.NOT_RUN)
    assert shown == set(balancers.__all__)


def test_an_unknown_method_is_an_error():
    with pytest.raises(ValueError, match="name of a balancer"):
        toy_methods.build("pcgard")


@pytest.fixture(scope="module")
def results():
    """Every job, with few steps and few methods of the others' kinds."""
    with pytest.MonkeyPatch.context() as patch:
        short = {
            key: setting._replace(steps=500, methods=("mgda", "famo"))
            for key, setting in toy_runs.SETTINGS.items()
        }
        for module in (toy, toy_figures, toy_page):
            patch.setattr(module, "SETTINGS", short)
            patch.setattr(module, "COMPARED", ("mgda", "nash_mtl"), raising=False)
        steps = dict.fromkeys(toy_runs.GRADNORM_STEPS, 50)
        patch.setattr(toy_runs, "GRADNORM_STEPS", steps)
        yield toy.run_all(toy.all_jobs(), workers=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_says_what_is_done_and_what_is_left(capsys, workers):
    jobs = {("toy2d", "nash", str(i)): functools.partial(int, i) for i in range(3)}
    found = toy.run_all(jobs, workers=workers)
    assert list(found.values()) == [0, 1, 2]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[1/3] toy2d nash ") and lines[0].endswith(" s left")
    assert lines[-1].startswith("[3/3] toy2d nash ") and ", 0 s left" in lines[-1]


def test_every_job_can_be_sent_to_a_process():
    jobs = toy.all_jobs()
    assert pickle.loads(pickle.dumps(jobs)).keys() == jobs.keys()


def test_a_failing_run_is_not_skipped():
    def fail():
        raise FloatingPointError("boom")

    with pytest.raises(FloatingPointError, match="boom"):
        toy.run_all({("toy2d", "nash", "x"): fail}, workers=1)


def test_pictures_and_page(results, tmp_path):
    pictures = toy_figures.draw_all(results, tmp_path)
    page = toy_page.write(results, pictures)
    for path in pictures.values():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 300_000
        assert f"({path.name})" in page
    for key in ("toy2d", "quadratics", "gradnorm"):
        assert any(job[0] == key for job in results)
    for name in toy_methods.METHODS:
        assert f"| {name} |" in page
    assert "nan" not in page


def test_no_run_leaves_the_numbers(results):
    for job, result in results.items():
        if job[0] != "gradnorm":
            assert np.isfinite(result.x).all(), job
