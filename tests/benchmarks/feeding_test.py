"""The benchmark of feeding trains on the rows that it wrote."""

import numpy as np

from benchmarks import feeding
from mtlx.data import Blocks, ParquetBlocks


def test_chunks_from_parquet_are_trained_on(tmp_path):
    path = tmp_path / "rows.parquet"
    source = ParquetBlocks(path, feeding.write_rows(path, rows=2 * feeding.BATCH))
    assert len(source.sizes) == 32
    assert sum(source.sizes) == 2 * feeding.BATCH
    blocks = Blocks(source, window=4)
    assert feeding.feeding_seconds(blocks, steps=1, chunks=2) > 0
    run = feeding.Run(blocks, steps=1)
    losses = [run()["loss"] for _ in range(3)]  # the third begins another epoch
    assert np.isfinite(losses).all()
    assert (run.epoch, int(run.state.step)) == (2, 3)
