"""The command line that the benchmarks share."""

import argparse
import importlib.util
import os
import sys


def parse(description: str, argv: list[str] | None = None) -> argparse.Namespace:
    """Options of one benchmark; `peer_python` is None where there are no peers."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("MTLX_PEER_PYTHON", _here()),
        help="interpreter with benchmarks/requirements.txt installed "
        "(default: $MTLX_PEER_PYTHON, or this one if it has torch)",
    )
    parser.add_argument("--rounds", type=int, default=9, help="turns of each member")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="groups to run, comma-separated")
    parser.add_argument("--chunk", type=int, default=20, help="steps of one dispatch")
    parser.add_argument("--name", default="", help="of the results, in place of w1, ..")
    return parser.parse_args(argv)


def _here() -> str | None:
    return sys.executable if importlib.util.find_spec("torch") else None
