"""What is wrong with a command's arguments, without a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import Any

EXPECTED = (ValueError, FileNotFoundError)  # `DataError` is a ValueError


def told(main: Callable[..., Any]) -> Callable[..., Any]:
    """`main`, whose refusals end the process with their text and status 1.

    Hydra says no more of an exception than its last line, and hides the text of one
    that spans several.
    """

    @functools.wraps(main)
    def run(*arguments):
        try:
            return main(*arguments)
        except EXPECTED as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)

    return run
