"""The page of joint against alone, held against figures worked out from the runs."""

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from scipy import stats

from experiments.ecommerce import joint
from experiments.ecommerce.joint_runs import ALONE, outcomes
from experiments.study_page import BEGIN, END
from experiments.train import CONF
from mtlx.results.store import load_study
from tests.results import made_up

FILMS = {
    "rating": {"kind": "regression", "metrics": ["rmse", "mae"]},
    "next_item": {"kind": "retrieval", "metrics": ["hit_rate@10"]},
}
SHOP = {
    "cart": {"kind": "binary", "metrics": ["auc", "log_loss"]},
    "next_item": {"kind": "retrieval", "metrics": ["hit_rate@10"]},
}
SEARCH = {
    "offers_category": {"kind": "multiclass", "metrics": ["accuracy", "log_loss"]},
    "queries_gain": {"kind": "ranking", "metrics": ["list_ndcg"]},
}
PRODUCTS = {
    "category": {"kind": "multiclass", "metrics": ["accuracy"]},
    "product": {"kind": "retrieval", "metrics": ["hit_rate@10"]},
}
TWO_TOWERS = {
    "movielens_100k_retrieval": FILMS,
    "retailrocket_retrieval": SHOP,
    "pricerunner_retrieval": PRODUCTS,
}
RMSE = {"alone": (1.0, 1.1), "equal": (0.9, 0.92), "pcgrad": (1.0, 1.3)}


def run_two_towers(factory, data, tasks):
    names = list(tasks)
    for seed in range(2):
        for read in names:
            (trained,) = (name for name in names if name != read)
            rated = {"rating": {"rmse": RMSE["alone"][seed]}}
            factory.run(
                "recommendation/two_tower",
                seed=seed,
                data=data,
                tasks=tasks,
                folder=f"{data}/{trained}/{seed}",
                overrides=[f"model.read=[{read}]"],
                test=rated if trained == "rating" else None,
                train_seconds=5.0,
            )
        for balancer in ("pcgrad", "equal"):
            test = {"rating": {"rmse": RMSE[balancer][seed]}}
            factory.run(
                "recommendation/two_tower",
                balancer,
                seed,
                data=data,
                tasks=tasks,
                folder=f"{data}/{balancer}/{seed}",
                test=test if "rating" in tasks else None,
                train_seconds=6.0,
            )


def run_together(factory, seed):
    """Joined data sets, all of them and each by itself."""
    parts = {
        part: {f"{part}_{task}": facts for task, facts in tasks.items()}
        for part, tasks in (("films", FILMS), ("shop", SHOP))
    }
    model, data = "recommendation/two_tower", "joint_ecommerce"
    together = parts["films"] | parts["shop"]
    for name, tasks in {"all": together, **parts}.items():
        factory.run(
            model,
            seed=seed,
            data=data,
            tasks=tasks,
            folder=f"{data}/{name}/{seed}",
            overrides=[] if name == "all" else [f"data.only=[{name}]"],
        )


@pytest.fixture
def factory(tmp_path, monkeypatch):
    for name in ("hit_rate@10", "list_ndcg"):
        monkeypatch.setitem(made_up.BASE, name, 0.2)
    monkeypatch.setattr(made_up, "HIGHER", {*made_up.HIGHER, "hit_rate@10"})
    made = made_up.StudyFactory(tmp_path / "ecommerce")
    for data, tasks in TWO_TOWERS.items():
        run_two_towers(made, data, tasks)
    for model in ("shared_bottom", "single_task"):
        for seed in range(2):
            made.run(model, seed=seed, data="joint_search", tasks=SEARCH)
    return made


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "ecommerce.md"
    path.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    return path


def cells(text, title, method):
    part = text.split(f"### {title}")[1]
    table = next(p for p in part.split("\n\n") if p.startswith("| trained"))
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    (row,) = (row for row in rows if row[0] == method)
    return dict(zip(rows[0], row, strict=True))


def test_alone_is_of_the_runs_that_trained_one_task(factory, page):
    assert joint.main([str(factory.path), str(page)]) == 0
    text = page.read_text()
    assert (
        text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    )
    half = stats.t.ppf(0.975, 1) * 0.1 / 2
    alone = cells(text, "MovieLens-100K", ALONE)
    assert alone["rating rmse ↓"] == f"1.0500 ± {half:.4f}"
    assert alone["seconds"] == "10.0"
    assert alone["Δm % ↓"].startswith("+0.00 ± ")
    assert cells(text, "MovieLens-100K", "two_tower, equal")["seconds"] == "6.0"
    assert list(cells(text, "Search", ALONE))[1:3] == [
        "offers_category accuracy ↑",
        "queries_gain list_ndcg ↑",
    ]
    assert list(cells(text, "Retailrocket", ALONE))[1:3] == [
        "cart auc ↑",
        "next_item hit_rate@10 ↑",
    ]
    assert text.index("| each alone") < text.index("| two_tower, equal")
    assert text.index("| two_tower, equal") < text.index("| two_tower, pcgrad")
    for data in joint.TITLES:
        assert (page.parent / "ecommerce" / f"{data}.png").stat().st_size > 1000
    runs = pd.read_csv(page.parent / "ecommerce" / "runs.csv")
    assert len(runs[runs["data"] == "joint_search"]) == 2 * 2 * 3


def test_joined_data_sets_are_held_against_each_of_them(tmp_path, page, factory):
    made = made_up.StudyFactory(tmp_path / "everything")
    for seed in range(2):
        run_together(made, seed)
    assert joint.main([str(made.path), str(page)]) == 0
    title = joint.TOGETHER["joint_ecommerce"]
    assert list(cells(page.read_text(), title, ALONE))[1:5] == [
        "films_rating rmse ↓",
        "films_next_item hit_rate@10 ↑",
        "shop_cart auc ↑",
        "shop_next_item hit_rate@10 ↑",
    ]
    sizes = outcomes(load_study(made.path), "joint_ecommerce").groupby("method").size()
    assert sizes.to_dict() == {ALONE: 2 * 6, "two_tower, equal": 2 * 6}


def test_delta_m_is_the_mean_drop_against_the_means_alone(factory, page):
    joint.main([str(factory.path), str(page)])
    study = load_study(factory.path)
    found = outcomes(study, "movielens_100k_retrieval")

    def mean(method, task, metric):
        rows = found[(found["method"] == method) & (found["task"] == task)]
        return rows[rows["metric"] == metric].set_index("seed")["value"]

    errors = mean("two_tower, equal", "rating", "rmse") / 1.05 - 1
    hits = mean("two_tower, equal", "next_item", "hit_rate@10")
    hits = 1 - hits / mean(ALONE, "next_item", "hit_rate@10").mean()
    drop = 100 * (errors + hits) / 2
    wanted = f"{drop.mean():+.2f} ± "
    shown = cells(page.read_text(), "MovieLens-100K", "two_tower, equal")["Δm % ↓"]
    assert shown.startswith(wanted)


def test_what_is_told_from_alone_is_marked():
    alone = [0.70, 0.71, 0.70]
    assert joint._cell([0.80, 0.81, 0.80], alone, "auc").endswith(" ▲")
    assert joint._cell([0.80, 0.81, 0.80], alone, "rmse").endswith(" ▼")
    assert joint._cell([0.60, 0.80, 0.75], alone, "auc")[-1] in "0123456789"


@pytest.mark.parametrize("left_out", ["rating", "equal", "joint_search"])
def test_a_study_that_lacks_runs_is_refused(factory, page, left_out, capsys):
    study = load_study(factory.path)
    data = "movielens_100k_retrieval"
    gone = {"equal": ("equal", "pcgrad")}.get(left_out, (left_out,))
    kept = {
        run: record
        for run, record in study.records.items()
        if not any(run.startswith((f"{data}/{name}/", f"{name}/")) for name in gone)
    }
    rows = study.runs[study.runs["run"].isin(kept)]
    tasks = {d: t for d, t in study.tasks.items() if d in set(rows["data"])}
    study = study._replace(records=kept, runs=rows, tasks=tasks)
    with pytest.raises(ValueError, match="make ecommerce"):
        joint.write_page(study, page)


def test_two_runs_of_one_kind_and_a_run_of_some_tasks_are_refused(factory):
    tasks = FILMS | {"interests": {"kind": "multilabel", "metrics": ["auc"]}}
    data = "movielens_100k_retrieval"
    options = {"data": data, "tasks": tasks, "overrides": ["model.read=[rating]"]}
    factory.run("recommendation/two_tower", seed=9, folder=f"{data}/some/9", **options)
    with pytest.raises(ValueError, match=r"some/9: expected a run of all tasks"):
        outcomes(load_study(factory.path), data)
    factory.run("single_task", data="retailrocket_retrieval", tasks=SHOP)
    with pytest.raises(ValueError, match="found two of .'method': 'each alone'"):
        outcomes(load_study(factory.path), "retailrocket_retrieval")


@pytest.mark.parametrize("name", ["movielens", "retailrocket", "search"])
def test_the_experiments_are_those_of_the_page(name):
    with open(f"{CONF}/experiment/ecommerce/{name}.yaml") as file:
        header = file.read()
    for line in ("Question:", "Command:", "Takes:", "Published:"):
        assert f"# {line}" in header
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose(
            "train",
            overrides=[f"experiment=ecommerce/{name}"],
            return_hydra_config=True,
        )
    assert cfg.study == f"ecommerce/{name}"
    assert cfg.hydra.runtime.choices.data in joint.TITLES
    assert np.size(cfg.hydra.sweeper.params.seed) == 1
