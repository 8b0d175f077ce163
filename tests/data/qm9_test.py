"""QM9 from molecules by hand, in the form of its raw files."""

import gzip
import sys

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx import metrics
from mtlx.data import DataError, qm9
from mtlx.data.builders import qm9_format
from mtlx.data.qm9 import atom_features
from tests.data.qm9_files import MOLECULES, write_qm9

SPLIT = {"validation_rows": 2, "test_rows": 3}
NAMES = tuple(MOLECULES)


@pytest.fixture
def folder(tmp_path):
    """A data_dir with qm9/raw/ of 15 molecules, of which two are unsure."""
    write_qm9(tmp_path / "qm9" / "raw", copies=3, unsure=(6, 14))
    return tmp_path


def rows_of(data):
    """All splits, one after another."""
    splits = (data.test, data.validation, data.train)
    return jax.tree.map(lambda *parts: np.concatenate(parts), *splits)


def test_atoms_bonds_and_places_are_those_of_the_molfiles(tmp_path):
    write_qm9(tmp_path / "raw")
    text = (tmp_path / "raw" / "gdb9.sdf").read_text()
    found = qm9_format.parse_molecules(text, tmp_path / "gdb9.sdf")
    for number, (atoms, bonds) in enumerate(MOLECULES.values()):
        expected = [qm9_format.NUMBERS[symbol] for symbol, *_ in atoms]
        assert found.numbers[number].tolist() == expected + [0] * (29 - len(atoms))
        places = [place for _, *place in atoms]
        np.testing.assert_allclose(found.positions[number, : len(atoms)], places)
        assert not found.positions[number, len(atoms) :].any()
        matrix = np.zeros((29, 29))
        for one, other, kind in bonds:
            matrix[one - 1, other - 1] = matrix[other - 1, one - 1] = kind
        np.testing.assert_array_equal(found.bonds[number], matrix)


def test_atoms_are_described_as_in_pytorch_geometric(tmp_path):
    write_qm9(tmp_path / "raw")
    text = (tmp_path / "raw" / "gdb9.sdf").read_text()
    found = qm9_format.parse_molecules(text, tmp_path)
    features = atom_features(found.numbers, found.bonds)
    assert features.shape == (5, 29, 7) and features.dtype == np.uint8
    water = features[NAMES.index("water")]
    assert water[:4].tolist() == [
        [0, 0, 0, 1, 0, 8, 2],  # H, C, N, O or F; number; hydrogens
        [1, 0, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 0, 1, 0],
        [0] * 7,
    ]
    assert features[NAMES.index("hydrogen cyanide"), :2].tolist() == [
        [0, 1, 0, 0, 0, 6, 1],
        [0, 0, 1, 0, 0, 7, 0],
    ]


def test_units_are_those_of_the_papers(tmp_path):
    """Hartree and kcal/mol become meV: of each task against its column."""
    values = write_qm9(tmp_path, copies=3)
    data = qm9(data_dir=tmp_path, **SPLIT)
    order = np.random.default_rng(0).permutation(15)
    hartree, kcal = 1000 * 27.211386246, 1000 * 0.04336414
    scales = {"homo": hartree, "lumo": hartree, "zpve": hartree}
    scales |= dict.fromkeys(("u0_atom", "u298_atom", "h298_atom", "g298_atom"), kcal)
    columns = "mu alpha homo lumo r2 zpve u0_atom u298_atom h298_atom g298_atom cv"
    tasks = [task.name for task in data.tasks]
    assert tasks == "mu alpha HOMO LUMO R2 ZPVE U0 U H G c_v".split()
    for task, column in zip(data.tasks, columns.split(), strict=True):
        y = scales.get(column, 1.0) * values[column][order]
        train = y[5:]
        assert task.unit == pytest.approx(train.std())
        found = rows_of(data).labels[task.name]
        expected = (y - train.mean()) / train.std()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert found.dtype == np.float32


def test_metrics_are_in_units(tmp_path):
    write_qm9(tmp_path, copies=3)
    data = qm9(tasks=("U0",), data_dir=tmp_path, **SPLIT)
    labels = data.test.labels
    outputs = {"U0": labels["U0"] + np.array([0.5, -1.0, 0.0], np.float32)}
    found = metrics.evaluate(data.tasks, outputs, labels, data.test.where)
    unit = data.tasks[0].unit
    assert found["U0"]["mae"] == pytest.approx(0.5 * unit, rel=1e-5)
    assert found["U0"]["rmse"] == pytest.approx(np.sqrt(1.25 / 3) * unit, rel=1e-5)


def test_unsure_molecules_are_left_out_and_the_seed_divides(folder):
    whole = qm9(data_dir=folder, **SPLIT)
    sizes = [len(s.labels["mu"]) for s in (whole.train, whole.validation, whole.test)]
    assert sizes == [8, 2, 3] and whole.notes == ("qm9: 13 molecules.",)
    counts = (rows_of(whole).features["atoms"][..., 5] > 0).sum(axis=1)
    expected = [len(atoms) for atoms, _ in MOLECULES.values()] * 3
    del expected[13], expected[5]
    assert sorted(counts) == sorted(expected)
    again, other = (qm9(data_dir=folder, split_seed=s, **SPLIT) for s in (0, 1))
    positions = [rows_of(d).features["positions"] for d in (whole, again, other)]
    np.testing.assert_array_equal(positions[0], positions[1])
    assert (positions[0] != positions[2]).any()


def test_files_are_parsed_once(folder, monkeypatch):
    first = qm9(data_dir=folder, **SPLIT)
    # The function `mtlx.data.qm9` hides its module.
    monkeypatch.setattr(sys.modules["mtlx.data.qm9"], "parse_molecules", None)
    again = qm9(data_dir=folder, **SPLIT)
    jax.tree.map(np.testing.assert_array_equal, rows_of(first), rows_of(again))
    raw = folder / "qm9" / "raw"
    (raw / "gdb9.sdf.gz").write_bytes(gzip.compress((raw / "gdb9.sdf").read_bytes()))
    (raw / "gdb9.sdf").unlink()
    with pytest.raises(TypeError, match="NoneType"):
        qm9(data_dir=folder, **SPLIT)


SDF, TABLE, UNSURE = "gdb9.sdf", "gdb9.sdf.csv", "uncharacterized.txt"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (SDF, "V2000", "V3000", r"molecule 1, from line 1: .*line 4 is .*V3000"),
        (SDF, " C  ", " Cl ", "molecule 1, .*KeyError: 'Cl'"),
        (SDF, "  1  2  1", "  1  9  1", "a bond of atoms 1 and 9 of 5"),
        (SDF, "  1  2  1", "  1  2  5", "a bond of type 5"),
        (SDF, "    0.6290    0.6290    0.6290", "0.1 x 0.2", "could not convert"),
        (SDF, "  5  4  0", " 30  4  0", "of at most 29 atoms .*30 atoms"),
        (TABLE, "mol_id", "id", "line 1: expected the columns mol_id, A, B"),
        (TABLE, "gdb_2,", "gdb_2,none,", "line 3: expected a name and 19 numbers"),
        (UNSURE, "     6  CC", "     x  CC", "line 10: expected the number of a"),
        (UNSURE, "    14  CC", "    16  CC", "molecule, 1 to 15, found '    16"),
    ],
)
def test_what_is_not_as_published_is_named(folder, name, old, new, message):
    path = folder / "qm9" / "raw" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        qm9(data_dir=folder, **SPLIT)


def test_a_table_of_another_length_is_named(folder):
    path = folder / "qm9" / "raw" / TABLE
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="each of the 15 molecules .*found 14"):
        qm9(data_dir=folder, **SPLIT)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(DataError, match="gdb9.sdf.csv.*docs/data/qm9.md"):
        qm9(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("gap",)}, "qm9: expected tasks"),
        ({"validation_rows": 10, "test_rows": 3}, "leave training rows of 13"),
        ({"validation_rows": 0, "test_rows": 3}, "of at least 1"),
    ],
)
def test_wrong_options_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        qm9(data_dir=folder, **SPLIT | options)


def test_a_property_that_never_changes_is_refused(tmp_path):
    write_qm9(tmp_path, copies=3)
    path = tmp_path / TABLE
    header, *rows = path.read_text().splitlines()
    rows = [",".join([*row.split(",")[:4], "1.5", *row.split(",")[5:]]) for row in rows]
    path.write_text("\n".join([header, *rows]))
    with pytest.raises(DataError, match="task 'mu': expected values that differ"):
        qm9(data_dir=tmp_path, **SPLIT)


def test_the_config_builds_what_the_network_reads(folder):
    options = ["data=qm9", f"data.data_dir={folder}", "encoder=graph/mpnn"]
    options += [f"data.{key}={value}" for key, value in SPLIT.items()]
    options += ["model=shared_bottom", "trainer=qm9", "model.tower_widths=[]"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = dict(parts.dataset.test.features)
    init = parts.model.init_with_output
    outputs, variables = jax.eval_shape(init, jax.random.key(0), features)
    assert {y.shape for y in outputs.values()} == {(3,)} and len(outputs) == 11
    kernel = variables["params"]["encoder"]["conv"]["kernel"]
    assert kernel.shape == (128, 64, 64)
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("train", overrides=[*options, "encoder=fields"])
        plain = mtlx.compose.build(cfg).model
    with pytest.raises(ValueError, match="'graph'. Graphs have .*encoder=graph/mpnn"):
        jax.eval_shape(plain.init, jax.random.key(0), features)
