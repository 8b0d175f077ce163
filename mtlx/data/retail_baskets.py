"""Lines of invoices to baskets: what was bought at once, before and afterwards."""

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.event_sums import EventSums, neighbours

DAY = 86_400  # seconds
SEPARATOR = "|"
LONGEST = 40  # products of a basket that are kept: some wholesalers buy hundreds


def baskets(lines: Columns, horizon: int) -> Columns:
    """One row for each invoice that buys something, in the order of time.

    A cancellation takes back the latest purchase of the same product by the same
    customer before it. What it takes back of purchases before the first day is of none.

    Args:
        lines: as `mtlx.data.builders.online_retail_format.sales` gives them.
        horizon: days that are looked ahead.

    Returns:
        "time" and "customer" (whole numbers), "country"; of the basket itself "value"
        (pounds), "units", "products", "mean_price", "basket" (the codes of its
        products, the 40 dearest sums, the dearest first), "weekday", "hour"; of the
        customer strictly before it "previous_invoices", "previous_spend" and
        "previous_returns" (pounds), "days_since_previous" (NaN for the first); and of
        the `horizon` days after it, the last second included: "again" (whether the
        customer buys), "spend" (pounds bought after it and not taken back within),
        "next_basket" (log1p of the pounds of the next invoice; NaN without one),
        "returned" (whether some of it is taken back).
    """
    seconds = lines["time"].astype(np.int64)
    bought = ~lines["cancelled"]
    user, value = lines["customer"].codes, lines["quantity"] * lines["price"]
    _, first, invoice = np.unique(
        lines["invoice"].codes[bought], return_index=True, return_inverse=True
    )
    rows = np.flatnonzero(bought)[first]  # the first line of each invoice
    own = {"time": seconds[rows], "customer": user[rows].astype(np.int64)}
    own["value"] = np.round(np.bincount(invoice, value[bought]), 2)
    own["units"] = np.bincount(invoice, lines["quantity"][bought])
    own["products"] = np.bincount(invoice).astype(np.float64)
    own["mean_price"] = own["value"] / own["units"]
    own["country"] = lines["country"].take(rows)
    own["basket"] = _codes(lines, value, bought, invoice)
    times = lines["time"][rows]
    days = times.astype("datetime64[D]")
    own["weekday"] = (days.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    own["hour"] = (times - days) // np.timedelta64(1, "h")
    taken = _taken_back(lines, seconds, value, bought, invoice)
    own |= _before(own, taken) | _after(own, taken, horizon * DAY)
    order = np.lexsort((own["customer"], own["time"]))
    return {
        name: c.take(order) if isinstance(c, Categorical) else c[order]
        for name, c in own.items()
    }


def _codes(
    lines: Columns, value: np.ndarray, bought: np.ndarray, invoice: np.ndarray
) -> Categorical:
    """The products of each invoice as one text, by their sums, the dearest first."""
    product = lines["product"].codes[bought]
    key = invoice.astype(np.int64) * len(lines["product"].values) + product
    pairs, inverse = np.unique(key, return_inverse=True)
    sums = np.bincount(inverse, value[bought])
    owner, item = np.divmod(pairs, len(lines["product"].values))
    order = np.lexsort((item, -sums, owner))
    names = lines["product"].values[item[order]].tolist()
    ends = np.cumsum(np.bincount(owner))
    starts = [0, *ends[:-1].tolist()]
    texts = [
        SEPARATOR.join(names[a : min(b, a + LONGEST)])
        for a, b in zip(starts, ends.tolist(), strict=True)
    ]
    return Categorical.of(np.array(texts))


def _taken_back(
    lines: Columns,
    seconds: np.ndarray,
    value: np.ndarray,
    bought: np.ndarray,
    invoice: np.ndarray,
) -> Columns:
    """Of each cancelled line: customer, time, value, and of which invoice, bought when.

    The latter two are -1 where no purchase is known.
    """
    user, product = lines["customer"].codes, lines["product"].codes
    pair = user.astype(np.int64) * len(lines["product"].values) + product
    # At one moment the purchase stands in front of what takes it back.
    order = np.lexsort((~bought, seconds, pair))
    place = np.maximum.accumulate(np.where(bought[order], np.arange(len(order)), -1))
    back = ~bought[order]
    line, found = order[back], place[back]
    source = order[np.maximum(found, 0)]
    known = (found >= 0) & (pair[source] == pair[line])
    numbers = np.full(len(bought), -1)
    numbers[bought] = invoice
    return {
        "customer": user[line].astype(np.int64),
        "time": seconds[line],
        "value": value[line],
        "invoice": np.where(known, numbers[source], -1),
        "bought": np.where(known, seconds[source], -1),
    }


def _before(own: Columns, taken: Columns) -> Columns:
    user, time = own["customer"], own["time"]
    earlier = [user, -1, time - 1]
    invoices = EventSums(user, time, np.ones(len(user))).within(*earlier)
    spend = EventSums(user, time, own["value"]).within(*earlier)
    back = EventSums(taken["customer"], taken["time"], taken["value"])
    last, _ = neighbours(user, time)
    return {
        "previous_invoices": invoices,
        "previous_spend": np.round(spend, 2),
        "previous_returns": np.round(back.within(*earlier), 2),
        "days_since_previous": np.where(last >= 0, (time - time[last]) / DAY, np.nan),
    }


def _after(own: Columns, taken: Columns, span: int) -> Columns:
    user, time = own["customer"], own["time"]
    until = time + span
    count = EventSums(user, time, np.ones(len(user))).within(user, time, until)
    spend = EventSums(user, time, own["value"]).within(user, time, until)
    spend -= _returns_of_later(own, taken, span)
    _, later = neighbours(user, time)
    following = np.where(count > 0, np.log1p(own["value"][later]), np.nan)
    back = (taken["invoice"] >= 0) & (taken["time"] <= taken["bought"] + span)
    returned = np.zeros(len(user), np.int8)
    returned[taken["invoice"][back]] = 1
    return {
        "again": (count > 0).astype(np.int8),
        # To the penny: what is taken back whole must not leave a rest.
        "spend": np.maximum(np.round(spend, 2), 0.0),
        "next_basket": following,
        "returned": returned,
    }


def _returns_of_later(own: Columns, taken: Columns, span: int) -> np.ndarray:
    """[B] pounds taken back within the span of purchases that are after the row."""
    back = EventSums(taken["customer"], taken["time"], taken["value"])
    user, time = own["customer"], own["time"]
    every = back.within(user, time, time + span)
    # Less those of purchases up to the row: pairs, for the few customers that have any.
    for row in np.flatnonzero(every):
        earlier = taken["customer"] == user[row]
        earlier &= (taken["time"] > time[row]) & (taken["time"] <= time[row] + span)
        earlier &= taken["bought"] <= time[row]
        every[row] -= taken["value"][earlier].sum()
    return every
