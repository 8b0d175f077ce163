"""Small files in the true format of a data set, in place of its published ones."""

import gzip
import hashlib
import importlib


def publish(monkeypatch, folder, name, contents):
    """Makes `contents` the published files of the data set `name`, gzipped in `folder`.

    Args:
        monkeypatch: pytest's.
        folder: where the files are put; created.
        name: of the module in mtlx.data, which has a source `PUBLISHED`.
        contents: file name -> uncompressed content.
    """
    module = importlib.import_module(f"mtlx.data.{name}")
    digests = {
        file: hashlib.sha256(content).hexdigest() for file, content in contents.items()
    }
    tiny = module.PUBLISHED._replace(sha256=digests, config="tiny")
    monkeypatch.setattr(module, "PUBLISHED", tiny)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        (folder / f"{file}.gz").write_bytes(gzip.compress(content, 1))
    return folder


def as_text(table, rows):
    """A file's content: the header of a `CsvTable`, and rows as dicts."""
    lines = [list(table.kinds), *([row[name] for name in table.kinds] for row in rows)]
    return "".join(f"{table.delimiter.join(line)}\n" for line in lines).encode()
