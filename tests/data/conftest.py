"""Raw files for the tests of mtlx.data, and the full data where there are any."""

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from mtlx.data.builders.census_income_source import FULL, SAMPLE, TEST, TRAIN

ROOT = Path(__file__).resolve().parents[2]


def _full_data_dir() -> Path | None:
    named = os.environ.get("MTLX_DATA_DIR")
    places = [Path(named)] if named else [ROOT.parent / "shared" / "data"]
    return next((p for p in places if (p / FULL.raw_name).is_dir()), None)


def pytest_collection_modifyitems(config, items):
    if _full_data_dir() is None:
        left_out = [item for item in items if item.get_closest_marker("full_data")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter, config):
    if config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{config.stash[LEFT_OUT]} tests left out: they need {FULL.raw_name}/ in "
            f"MTLX_DATA_DIR or in ../shared/data beside the checkout."
        )


LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture(autouse=True)
def _no_ambient_folders(monkeypatch, tmp_path):
    """Tests see neither the user's data nor the user's cache."""
    monkeypatch.delenv("MTLX_DATA_DIR", raising=False)
    monkeypatch.setenv("MTLX_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def full_data_dir() -> Path:
    return _full_data_dir()


@pytest.fixture(scope="session")
def sample_lines() -> dict[str, list[str]]:
    """The lines of the shipped sample, by file name."""
    return {
        name: gzip.decompress((SAMPLE.folder / f"{name}.gz").read_bytes())
        .decode()
        .splitlines()
        for name in (TRAIN, TEST)
    }


@pytest.fixture
def tiny(tmp_path, sample_lines):
    """A source of 60 + 40 rows in a folder of its own, and that folder."""
    folder = tmp_path / "raw"
    folder.mkdir()
    digests = {}
    for name, rows in ((TRAIN, 60), (TEST, 40)):
        content = "".join(f"{line}\n" for line in sample_lines[name][:rows]).encode()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        digests[name] = hashlib.sha256(content).hexdigest()
    return FULL._replace(config="tiny", sha256=digests, url=None), folder
