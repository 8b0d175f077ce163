"""What a compiled program exchanges between devices, read from its text."""

import math
import re
from collections import Counter

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8}
_CALL = re.compile(rf"= (.*?) ({'|'.join(KINDS)})(-start)?\(")
_SHAPE = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")


def collectives(program: str) -> tuple[Counter, Counter]:
    """How often each kind of exchange is called, and the bytes of what it returns.

    The bytes are those of one device, each call counted once, inside loops too: compile
    the step, not the scan. An asynchronous call counts with its start.

    Args:
        program: `compiled.as_text()`.
    """
    calls, size = Counter(), Counter()
    for line in program.splitlines():
        found = _CALL.search(line)
        if not found:
            continue
        shapes, kind, is_start = found.groups()
        calls[kind] += 1
        shapes = _SHAPE.findall(shapes)
        if is_start and kind != "all-reduce":
            shapes = shapes[len(shapes) // 2 :]  # operands come before results
        size[kind] += sum(_bytes(*shape) for shape in shapes)
    return calls, size


def _bytes(dtype: str, shape: str) -> int:
    sizes = [int(size) for size in shape.split(",") if size]
    return BYTES.get(dtype, 4) * math.prod(sizes)
