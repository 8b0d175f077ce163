"""The tables of conf/reproduce: which there are, and reading one."""

from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mtlx.results.reproduction.fields import SpecError
from mtlx.results.reproduction.parse import parse_spec
from mtlx.results.reproduction.spec import Spec

TABLES = Path(__file__).resolve().parents[1] / "conf" / "reproduce"


def table_names(folder: Path = TABLES) -> list[str]:
    """Every `paper/table` there is."""
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.glob("*/*.yaml")
    )


def choose_tables(paper: str | None, table: str | None) -> list[str]:
    """The names of one table, of all of a paper, or of all.

    Raises:
        SpecError: there is no such paper or table.
    """
    names = table_names()
    if table is not None and paper is None:
        raise SpecError(f"Expected paper= beside table={table}. Tables: {names}.")
    chosen = [
        name
        for name in names
        if (paper is None or name.split("/")[0] == paper)
        and (table is None or name.split("/")[1] == table)
    ]
    if not chosen:
        asked = f"paper={paper}" + (f" table={table}" if table else "")
        raise SpecError(f"Expected one of the tables {names}, found {asked}.")
    return chosen


def load_spec(name: str, folder: Path = TABLES) -> Spec:
    """The table `paper/table`.

    Raises:
        SpecError: the file is no YAML, or its content is not as it should be.
    """
    path = folder / f"{name}.yaml"
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OmegaConfBaseException, YAMLError) as error:
        raise SpecError(f"{path}: expected YAML, found {error}") from error
    paper, table = name.split("/")
    return parse_spec(content, paper, table)
