"""Reads all layers of an encoder in a process of its own, so that its peak memory is its own.

Run as `python layer_reading.py FOLDER SENTENCES COUNT`; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kdprobe.extract.features import extract_features
from kdprobe.extract.fresh_process import resident_peak
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
    before = resident_peak()
    with extract_features(reader, texts, cache=None, progress=Silent()) as features:
        measured = {
            "sentences": features.read,
            "seconds": features.seconds,
            "bytes": features.values.nbytes,
            "cells": len(features.cells),
            "before": before,
            "peak": resident_peak(),
        }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
