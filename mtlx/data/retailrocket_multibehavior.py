"""Retailrocket: what buyers in an online shop viewed, put in the cart and bought."""

from collections.abc import Mapping, Sequence

from mtlx.data.builders.retailrocket_source import BEHAVIORS, PUBLISHED
from mtlx.data.dataset import Dataset
from mtlx.data.events import EventTask
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Input
from mtlx.data.multibehavior import Shop, foretelling, multibehavior

METRICS = ("auc", "gauc", "log_loss")
SHOP = Shop(
    source=PUBLISHED,
    behaviors=BEHAVIORS,
    interest=("view",),
    tasks={
        "cart": EventTask("cart", "binary", "cart", space="pair", metrics=METRICS),
        "buy": EventTask("buy", "binary", "buy", space="pair", metrics=METRICS),
        "cart_buy": EventTask(
            "cart_buy", "binary", "cart_buy", space="pair", metrics=METRICS
        ),
        "buy_given_cart": EventTask(
            "buy_given_cart", "binary", "buy", space="pair_cart", metrics=METRICS
        ),
        **foretelling(BEHAVIORS),
    },
)


def retailrocket_multibehavior(
    tasks: Sequence[str] = ("cart", "buy"),
    history: int = 20,
    show_item: bool = False,
    cold_targets: str = "mask",
    inputs: Mapping[str, Input | None] | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """97,381 events of 2,174 buyers, May to September 2015, split by time.

    A viewed item is one row of its user, at the first moment known of the two: was it
    put in the cart ("cart"), bought ("buy"), both ("cart_buy", which implies "cart" as
    a chain needs), or bought once it was in the cart ("buy_given_cart", on those rows)?
    "next_item" and "next_behavior" (view, cart or buy) are foretold of every event that
    has a past, on rows that do not show the item.

    The first 80 % of the events are for training, the next 10 % for validation. A label
    counts what happened by the end of its split, so that training knows nothing of the
    weeks after it.

    Args:
        tasks: from those above, each once.
        history: how many earlier events of the user a row has, item and behaviour, at
            most; 0 for none.
        show_item: whether the rows of "next_item" and "next_behavior" show the item:
            for models that keep its columns away from these tasks, as two towers do.
        cold_targets: what becomes of a "next_item" that no training row has: "mask",
            the row does not count; "miss", its label is 0, which no training row has.
        inputs: column -> an input of `mtlx.data.inputs` in place of the default, or
            None to leave it out; of user_id, timestamp and item_id.
        data_dir: folder that holds retailrocket_multibehavior/ or its file; None means
            the variable MTLX_DATA_DIR. It is not downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with features "categorical" and "history", [B, L, 2] int32. Users
        are chosen for having bought: see the data card before reading its rates.

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; a history below 0; an input of
            no such column.

    Reference: the data are Retailrocket's (Kaggle), with the filter of Wei et al.,
    "Contrastive Meta Learning with Behavior Multiplicity for Recommendation", WSDM
    2022. Tasks and split are ours: theirs holds out one purchase a user, without time.
    """
    return multibehavior(
        SHOP, tasks, history, show_item, cold_targets, inputs, data_dir, cache_dir
    )
