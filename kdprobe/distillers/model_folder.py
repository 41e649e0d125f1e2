"""The folder of a trained model, put in its place whole.

Does: write weights, tokenizer, card, learning curves, history and record beside the place of the
model, and exchange all of them at once; replace what an earlier training wrote there. Does not:
train, or delete checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdprobe.atomic import staged_folder, write_text
from kdprobe.distillers.model_card import CardFacts, write_card
from kdprobe.distillers.record import HISTORY, record_of
from kdprobe.distillers.resume import RECORD, read_record
from kdprobe.distillers.training_job import TrainingJob, TrainingResult
from kdprobe.errors import OutputError
from kdprobe.models.checkpoint import quiet

WritePage = Callable[[Path, TrainingResult], None]
"""Writes the page of the learning curves into a folder."""


def write_model_folder(
    job: TrainingJob,
    result: TrainingResult,
    *,
    plan: Mapping[str, Any],
    card: CardFacts,
    write_page: WritePage,
) -> None:
    """Write everything that a training leaves, so that all of it is there or nothing.

    Files that an earlier training left in the folder and this one does not write are deleted: an
    adapter beside other weights would change what they say. All other files stay.

    Args:
        job: what was trained; its student has the weights that were kept.
        result: scores, history and the folder.
        plan: everything that decided the result.
        card: the model card beside the scores.
        write_page: writes the learning curves.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    if result.folder is None:
        raise ValueError("a result without a folder cannot be written")
    with staged_folder(result.folder, outdated=_written_before(result.folder)) as stage:
        with quiet():
            _forget_last_call(job.tokenizer)
            job.tokenizer.save_pretrained(stage)
            job.student.cpu().save_pretrained(stage)
        write_card(stage, result, card)
        write_page(stage, result)
        history = json.dumps(list(result.history), indent=1, sort_keys=True, allow_nan=False)
        write_text(stage / HISTORY, history + "\n")
        record = record_of(result, plan, card)
        record["files"] = sorted({RECORD, *(item.name for item in stage.iterdir())})
        write_text(stage / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _forget_last_call(tokenizer: Any) -> None:
    """Clear the length limit and the padding that the last call left in a fast tokenizer.

    They would be saved with it, and differ with what was read from the cache before.
    """
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()


def _written_before(folder: Path) -> list[str]:
    """Return the names of the files that an earlier training recorded as its own."""
    try:
        record = read_record(folder) or {}
    except OutputError:
        return []
    names = record.get("files", [])
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
