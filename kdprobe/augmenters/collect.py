"""The texts of a transfer set: made chunk by chunk until there is enough, then counted.

Does: keep what a method makes, what an interrupted run had made included, and say what became of
it. Does not: make texts, or open a folder.
"""

from __future__ import annotations

import json
from pathlib import Path

from kdprobe.atomic import write_text
from kdprobe.augmenters.augmenter import GeneratedText, Maker
from kdprobe.augmenters.deduplicate import Deduplicator
from kdprobe.augmenters.texts import Texts
from kdprobe.augmenters.writer import TransferSet
from kdprobe.errors import OutputError, TaskError
from kdprobe.plain_files import read_json
from kdprobe.progress import Progress


def collect(
    maker: Maker, texts: Texts, work: Path, *, title: str, progress: Progress
) -> Deduplicator:
    """Make chunks, or take those a killed run had made, until there is enough."""
    deduplicator = texts.deduplicator()
    wanted = maker.wanted
    with progress.stage(title, maker.chunks if wanted is None else wanted) as stage:
        for chunk in range(maker.chunks):
            kept = deduplicator.add(_chunk(maker, chunk, work), wanted=wanted)
            stage.advance(1 if wanted is None else kept, note=f"{len(deduplicator.kept):,} kept")
            if wanted is not None and len(deduplicator.kept) >= wanted:
                break
    return deduplicator


def _chunk(maker: Maker, chunk: int, work: Path) -> list[GeneratedText]:
    place = work / f"chunk-{chunk:06d}.json"
    if place.is_file():
        rows = read_json(place, error=OutputError, remedy="say `force` to start anew")
        return [GeneratedText(*row) for row in rows]
    drafts = maker.make(chunk)
    write_text(place, json.dumps(drafts))
    return drafts


def result_of(
    path: Path, maker: Maker, deduplicator: Deduplicator, texts: Texts, *, seconds: float
) -> TransferSet:
    """Return what was written and what became of every text.

    Raises:
        TaskError: no text is new.
    """
    size = len(deduplicator.kept)
    if not size:
        raise TaskError(
            f"{texts.train.task.name} {texts.train.name}",
            found=f"none of {deduplicator.drawn:,} texts that were made is new",
            remedy="give other options of the method, or more training texts",
        )
    notes = texts.notes()
    if maker.wanted is not None and size < maker.wanted:
        notes += (f"{maker.wanted:,} texts were asked for; the method made {size:,} new ones",)
    counts = {
        "drawn": deduplicator.drawn,
        "kept": size,
        "empty": deduplicator.empty,
        "known": deduplicator.known,
        "repeated": deduplicator.repeated,
        "leaked": deduplicator.leaked,
    }
    return TransferSet(path, size, counts, deduplicator.leaks, dict(maker.facts), notes, seconds)
