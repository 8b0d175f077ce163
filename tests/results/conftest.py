import pytest

from tests.results.made_up import StudyFactory, fill


@pytest.fixture
def factory(tmp_path) -> StudyFactory:
    """An empty study folder, to be filled run by run."""
    path = tmp_path / "compare"
    path.mkdir()
    return StudyFactory(path)


@pytest.fixture
def filled(factory) -> StudyFactory:
    """The study of `fill`."""
    return fill(factory)
