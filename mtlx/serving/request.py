"""What a request must hold, checked row by row."""

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, Field, create_model

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.signature import Signature


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"expected text or a whole number, found {value!r}")
    return str(value)


def _text_or_nothing(value: Any) -> str | None:
    return None if value is None else _text(value)


def _list(value: Any) -> list[str] | str | None:
    return [_text(v) for v in value] if isinstance(value, list) else value


def _moment(value: Any) -> str:
    if isinstance(value, int) and len(str(value)) == len("YYYYMMDD"):
        raise ValueError(
            f"expected a time, found {value}, a day or a number; write a day as text"
        )
    return _text(value)


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# Kind of raw column (`mtlx.data.raw_rows`) -> the type of a JSON value.
TYPES = {
    "text": Annotated[str, BeforeValidator(_text)],
    "text?": Annotated[str | None, BeforeValidator(_text_or_nothing)],
    "list": Annotated[list[str] | str | None, BeforeValidator(_list)],
    "time": Annotated[str, BeforeValidator(_moment)],  # see `mtlx.data.inputs.Date`
    "whole": Annotated[int, Field(strict=True, ge=0)],
    "number": Number,
    "number?": Number | None,
}


def request_model(signature: Signature, max_rows: int) -> type[BaseModel]:
    """The body of a request: ``{"rows": [{column: value, ..}, ..]}``.

    Every raw column has to be there; others are ignored, as in files.

    Args:
        signature: of the model.
        max_rows: most rows of a request.
    """
    columns = {
        # Raw columns have names such as "Review Text", which no attribute has.
        f"column_{place}": (TYPES[kind], Field(alias=name))
        for place, (name, kind) in enumerate(signature.preprocessing.kinds.items())
    }
    row = create_model("Row", **columns)
    rows = (list[row], Field(min_length=1, max_length=max_rows))
    return create_model("Request", rows=rows)


def to_columns(signature: Signature, rows: list[BaseModel]) -> Columns:
    """Validated rows as raw columns."""
    preprocessing = signature.preprocessing
    values = {
        name: [getattr(row, f"column_{place}") for row in rows]
        for place, name in enumerate(preprocessing.kinds)
    }
    if preprocessing.table:
        return preprocessing.table.of_values(values, preprocessing.declared)
    return {n: _column(values[n], kind) for n, kind in preprocessing.kinds.items()}


def _column(values: list[Any], kind: str) -> np.ndarray | Categorical:
    if kind in ("text", "time"):
        return Categorical.of(np.array(values, str))
    if kind == "whole":
        return np.array(values, np.int64)
    return np.array(values, np.float64)  # None becomes NaN
