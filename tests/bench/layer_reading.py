"""Reads all layers of an encoder in a process of its own, so that its peak memory is its own.

Run as `python layer_reading.py FOLDER SENTENCES COUNT`; prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from kdprobe.extract.features import extract_features
from kdprobe.models.hf import open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
POOLINGS = ("mean", "max", "cls")


def main(folder: str, sentences: str, count: int) -> None:
    """Read the first so many sentences under all poolings."""
    handle = open_hf(folder, name="m", task=TASK, device="cpu")
    reader = LayerReader(handle, POOLINGS)
    with Path(sentences).open(encoding="utf-8") as stream:
        texts = [line.rstrip("\n") for _, line in zip(range(count), stream, strict=False)]
    before = _peak()
    with extract_features(reader, texts, cache=None, progress=Silent()) as made:
        told = {
            "sentences": made.read,
            "seconds": made.seconds,
            "bytes": made.values.nbytes,
            "cells": len(made.cells),
            "before": before,
            "peak": _peak(),
        }
    print(json.dumps(told))


def _peak() -> int:
    """The largest resident size so far in bytes; the system counts kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
