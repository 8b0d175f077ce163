"""A finished run that gives lists of items."""

from typing import NamedTuple

from omegaconf import DictConfig

from experiments.finished import Finished
from experiments.signature import stored_catalogue
from mtlx.data.signature import Signature
from mtlx.serving.answers import Answer
from mtlx.serving.lists import list_state, make_lists, query_signature
from mtlx.train.ranking import item_vectors
from mtlx.types import PyTree


class Recommender(NamedTuple):
    """What a scorer or an artifact of lists is made of."""

    signature: Signature
    answer: Answer
    state: PyTree  # its first argument
    num_items: int


def make_recommender(run: Finished, cfg: DictConfig) -> Recommender:
    """Lists of the `cfg.top` best items that leave out up to `cfg.max_seen`.

    Raises:
        ValueError: a run without a retrieval task, lists of no item, and as
            `query_signature`.
        DataError: the run's catalogue is damaged, or its data are not there.
    """
    signature = query_signature(run.signature, cfg.max_seen)
    answer = make_lists(run.model, signature, cfg.top)
    catalogue = stored_catalogue(run.folder, run.cfg)
    tasks = tuple(task.name for task in signature.tasks)
    vectors = item_vectors(run.model, run.variables, catalogue, tasks)
    state = list_state(run.variables, vectors, catalogue.offered)
    return Recommender(signature, answer, state, catalogue.num_items)
