"""Taobao: what people marked, put in the cart and bought in nine days."""

from collections.abc import Mapping, Sequence

from mtlx.data.builders.taobao_source import BEHAVIORS, PUBLISHED
from mtlx.data.dataset import Dataset
from mtlx.data.events import EventTask
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Input
from mtlx.data.multibehavior import Shop, foretelling, multibehavior

METRICS = ("auc", "gauc", "log_loss")
SHOP = Shop(
    source=PUBLISHED,
    behaviors=BEHAVIORS,
    interest=("fav", "cart"),
    tasks={
        "buy": EventTask("buy", "binary", "buy", space="pair", metrics=METRICS),
        "cart": EventTask("cart", "binary", "cart", space="pair", metrics=METRICS),
        "cart_buy": EventTask(
            "cart_buy", "binary", "cart_buy", space="pair", metrics=METRICS
        ),
        "buy_given_fav": EventTask(
            "buy_given_fav", "binary", "buy", space="pair_fav", metrics=METRICS
        ),
        "buy_given_cart": EventTask(
            "buy_given_cart", "binary", "buy", space="pair_cart", metrics=METRICS
        ),
        **foretelling(BEHAVIORS),
    },
    utc_offset=8,
)


def taobao_multibehavior(
    tasks: Sequence[str] = ("buy", "next_behavior"),
    history: int = 20,
    show_item: bool = False,
    cold_targets: str = "mask",
    inputs: Mapping[str, Input | None] | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """357,412 events of 31,882 people, 25 November to 3 December 2017, split by time.

    An item that was marked or put in the cart is one row of its user, at the first
    moment known of the two: was it bought ("buy"; "buy_given_fav" and "buy_given_cart"
    on the rows with that behaviour)? Was it put in the cart, rather than marked alone
    ("cart"), and bought, too ("cart_buy", which implies "cart" as a chain needs)?
    "next_item" and "next_behavior" (fav, cart or buy) are foretold of every event that
    has a past, on rows that do not show the item. Page views are known of bought items
    alone, so they are neither label nor history.

    Args:
        tasks: from those above, each once.
        history, show_item, cold_targets, inputs: as in
            `mtlx.data.retailrocket_multibehavior`.
        data_dir: folder that holds taobao_multibehavior/ or its file; None means the
            variable MTLX_DATA_DIR. It is not downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with features "categorical" and "history", [B, L, 2] int32.

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none; a history below 0; an input of
            no such column.

    Reference: Alibaba Tianchi, data set 649, "User Behavior Data from Taobao", as
    filtered for multi-behaviour studies. Tasks and split are ours.
    """
    return multibehavior(
        SHOP, tasks, history, show_item, cold_targets, inputs, data_dir, cache_dir
    )
