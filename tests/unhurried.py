"""Writes tests/unhurried.txt: what `make check` leaves out so that it ends within 90 seconds.

Does: read the durations that a run of all tests printed (`pytest --durations=0
--durations-min=0.2`) and list the tests that took long. Does not: run anything; `make test` and CI
run all.

`python -m tests.unhurried DURATIONS.txt`
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).parent / "unhurried.txt"
LONG = 0.25  # seconds of a test or of its fixtures


def main(durations: str) -> None:
    """List each test, without its parameters, that took longer than `LONG` in one case."""
    longest: defaultdict[str, float] = defaultdict(float)
    lines = Path(durations).read_text(encoding="utf-8").splitlines()
    for line in lines:
        read = re.match(r"\s*([\d.]+)s (?:call|setup|teardown)\s+(\S+?)(?:\[.*)?$", line)
        if read:
            longest[read[2]] = max(longest[read[2]], float(read[1]))
    names = sorted(name for name, seconds in longest.items() if seconds >= LONG)
    LIST.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
