"""Which inputs of a data set are wanted, by name."""

from collections.abc import Mapping

from mtlx.data.inputs import Input


def choose_inputs(
    owner: str,
    wanted: Mapping[str, Input | None],
    known: Mapping[str, Input | None],
) -> dict[str, Input | None]:
    """The inputs of a data set, some of them replaced or left out.

    Other columns of the log are refused: among them are the labels.

    Raises:
        ValueError: `wanted` names a column that is none of `known`.
    """
    others = sorted(set(wanted) - set(known))
    if others:
        raise ValueError(
            f"{owner}: expected inputs to be of the columns {sorted(known)}, found "
            f"{others}. Mend data.inputs."
        )
    return dict(known) | dict(wanted)
