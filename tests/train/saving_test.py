"""When a population's checkpoints are written."""

import optax
import pytest

from mtlx import balancers, models
from mtlx.data import synthetic_mmoe
from mtlx.train import Checkpointer, Recipe, fit_population, group


class Slow(Checkpointer):
    """A checkpointer that knows which epochs it was given, and takes its time."""

    def __init__(self, folder, clock):
        super().__init__(folder)
        self.clock, self.saved = clock, []

    def save(self, epoch, arrays, record):
        self.clock.now += 1.0
        self.saved.append(epoch)
        super().save(epoch, arrays, record)


class Clock:
    """A clock that only saving moves on, and a reading by a thousandth."""

    now = 0.0

    def perf_counter(self):
        self.now += 1e-3
        return self.now


@pytest.mark.parametrize(
    ("times", "expected"), [(0.0, [1, 2, 3, 4, 5, 6]), (1e3, [1, 6])]
)
def test_what_takes_long_to_save_is_saved_seldom(
    times, expected, tmp_path, monkeypatch
):
    clock = Clock()
    monkeypatch.setattr(group, "time", clock)
    monkeypatch.setattr(group, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(group, "SAVE_TIMES", times)
    model = models.SharedBottom(
        tasks=("task_1", "task_2"),
        outputs=(1, 1),
        encoder=models.FeatureEncoder,
        bottom_widths=(4,),
        tower_widths=(),
    )
    data = synthetic_mmoe(dim=6, eval_rows=40, steps_per_epoch=2, num_sines=2)
    kept = [Slow(tmp_path / str(seed), clock) for seed in range(2)]
    fit_population(
        lambda numbers: Recipe(model, balancers.equal(), optax.sgd(1e-2)),
        data,
        (0, 1),
        checkpointers=kept,
        epochs=6,
        batch_size=16,
    )
    assert [checkpointer.saved for checkpointer in kept] == [expected, expected]
    assert [Checkpointer(tmp_path / str(seed)).latest() for seed in range(2)] == [6, 6]
