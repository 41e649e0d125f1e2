"""A model that kills the process that first asks it, as a lack of memory does."""

from __future__ import annotations

import os
from pathlib import Path

MARK = "KDPROBE_TEST_DEATHS"


def dies_once(texts: list[str]) -> list[list[float]]:
    """Answer by a word; the first process to ask is gone without a trace."""
    mark = Path(os.environ[MARK])
    if not mark.exists():
        mark.write_text("dead")
        os._exit(9)
    return [[0.2, 0.8] if "great" in text else [0.8, 0.2] for text in texts]


def answers(texts: list[str]) -> list[list[float]]:
    """Answer by a word, a little less surely."""
    return [[0.3, 0.7] if "great" in text else [0.7, 0.3] for text in texts]


def dies(texts: list[str]) -> list[list[float]]:
    """Kill every process that asks."""
    os._exit(9)
