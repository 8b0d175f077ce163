"""The real download manager, against a server on the loopback interface."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import pytest

from mtlx.data import DataError
from mtlx.data.builders.census_income_columns import prepare_census_income
from mtlx.data.builders.census_income_source import TEST, TRAIN
from mtlx.data.builders.movielens_100k_source import PUBLISHED as MOVIELENS
from mtlx.data.movielens_100k import prepare as prepare_movielens
from mtlx.data.prepared import prepared_columns
from tests.data.movielens_files import RATINGS, write_100k


@pytest.fixture
def served(tmp_path):
    """A folder and the address at which its files are served."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with contextlib.closing(server.socket):
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def plain(tiny):
    _, folder = tiny
    return {
        name: gzip.decompress((folder / f"{name}.gz").read_bytes())
        for name in (TRAIN, TEST)
    }


def compressed(tiny):
    return {f"{name}.gz": gzip.compress(text) for name, text in plain(tiny).items()}


LAYOUTS = {
    "gz": lambda tiny: zipped(compressed(tiny)),
    "plain": lambda tiny: zipped(plain(tiny)),
    "folder": lambda tiny: zipped({f"a/b/{n}": c for n, c in plain(tiny).items()}),
    "nested": lambda tiny: zipped({"census.tar.gz": tarred(plain(tiny))}),
    "outside": lambda tiny: tarred({f"../../{n}": c for n, c in plain(tiny).items()}),
}


def test_tables_are_downloaded_too(served, tmp_path):
    """MovieLens: three files in a folder of an archive, none of them at hand."""
    raw = write_100k(tmp_path / "raw")
    contents = {name: (raw / name).read_bytes() for name in MOVIELENS.sha256}
    folder, address = served
    archive = zipped({f"ml-100k/{name}": text for name, text in contents.items()})
    (folder / "ml-100k.zip").write_bytes(archive)
    digests = {n: hashlib.sha256(text).hexdigest() for n, text in contents.items()}
    source = MOVIELENS._replace(url=f"{address}/ml-100k.zip", sha256=digests)
    tables = prepared_columns(source, prepare_movielens)
    assert len(tables["ratings"]["user_id"]) == RATINGS
    assert set(tables) == {"ratings", "movies", "users"}


def load(tiny, served, archive, path="census.zip"):
    source, _ = tiny
    folder, address = served
    (folder / "census.zip").write_bytes(archive)
    source = source._replace(url=f"{address}/{path}")
    return prepared_columns(source, prepare_census_income)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_download(tiny, served, layout, tmp_path):
    columns = load(tiny, served, LAYOUTS[layout](tiny))
    assert len(columns["train"]["age"]) == 60
    assert len(columns["test"]["age"]) == 40
    outside = [p for p in tmp_path.rglob(TRAIN) if "downloads" not in p.parts]
    assert not outside


def test_second_load_downloads_nothing(tiny, served):
    load(tiny, served, LAYOUTS["gz"](tiny))
    columns = load(tiny, served, b"", path="gone")
    assert len(columns["train"]["age"]) == 60


def test_wrong_content(tiny, served):
    files = plain(tiny)
    files[TEST] = files[TEST].replace(b"Not in universe", b"Elsewhere", 1)
    with pytest.raises(DataError, match=f"{TEST}: .*expected sha256.*load again"):
        load(tiny, served, zipped(files))


def test_a_wrong_download_is_not_kept(tiny, served):
    files = plain(tiny)
    wrong = files | {TEST: files[TEST].replace(b"Not in universe", b"Elsewhere", 1)}
    with pytest.raises(DataError, match="expected sha256"):
        load(tiny, served, zipped(wrong))
    columns = load(tiny, served, zipped(files))
    assert len(columns["test"]["age"]) == 40


def test_no_archive(tiny, served):
    with pytest.raises(DataError, match="expected an archive that holds"):
        load(tiny, served, b"<html>moved</html>")


def test_archive_lacks_a_file(tiny, served):
    files = plain(tiny)
    del files[TEST]
    with pytest.raises(DataError, match=f"found no {TEST}.* put the files into"):
        load(tiny, served, zipped(files))


def test_no_such_address(tiny, served):
    with pytest.raises(
        DataError, match="(?s)/gone: expected to download.*404.*put the"
    ):
        load(tiny, served, b"", path="gone")
