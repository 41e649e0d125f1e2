"""What happens between optimiser steps.

Does: show progress, log and evaluate together, mark a checkpoint as complete once it is, delete
those that are not needed, stop early. Does not: write the checkpoint; `transformers` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from kdprobe.distillers.processes import process_group
from kdprobe.distillers.resume import checkpoint_folder, mark_complete
from kdprobe.leftovers import remove_folder
from kdprobe.progress import ProgressStage


class ShowProgress(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Advances a stage by optimiser steps and shows the last loss and score beside it.

    Args:
        stage: what is advanced.
        score: the task's primary score.
        shown: steps of an earlier run that the stage has counted already.
    """

    def __init__(self, stage: ProgressStage, *, score: str, shown: int = 0) -> None:
        self.stage, self.score, self.shown = stage, score, shown
        self.notes: dict[str, str] = {}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Count a step."""
        self._advance(state)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **rest: Any,
    ) -> None:
        """Keep the last numbers for the note."""
        for key, word in (
            ("loss", "loss"),
            (f"eval_{self.score}", self.score),
            ("eval_agreement", "agreement"),
            ("eval_cohens_kappa", "kappa"),
        ):
            if logs and key in logs:
                self.notes[word] = f"{word} {logs[key]:.3f}"
        self.stage.advance(0, note=" · ".join(self.notes.values()))

    def _advance(self, state: TrainerState) -> None:
        done = state.global_step - self.shown
        self.shown = state.global_step
        self.stage.advance(done, note=" · ".join(self.notes.values()))


class Milestones(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Logs, evaluates and saves at the same steps, the last one included.

    Args:
        last: the last step; the training stops there though its schedule may be longer.
    """

    def __init__(self, last: int) -> None:
        self.last = last

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Evaluate at the end whatever the interval, and log before each evaluation.

        A log empties the running sums, so that a run that goes on from here logs the same numbers.
        """
        if state.global_step >= self.last:
            control.should_evaluate = control.should_save = True
            control.should_training_stop = True
        if control.should_evaluate:
            control.should_log = True


class StopEarly(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Stops after `patience` evaluations without a better one.

    It counts in the log, so that a run that goes on knows what an earlier one saw.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Stop when the best evaluation lies too far back."""
        if stalled(state.log_history, self.patience, greater=bool(args.greater_is_better)):
            control.should_training_stop = True


def stalled(history: Sequence[dict[str, float]], patience: int, *, greater: bool) -> bool:
    """Whether the last `patience` evaluations were no better than the best before them.

    >>> rising = [{"eval_selection": value} for value in (0.1, 0.3, 0.2, 0.3)]
    >>> stalled(rising, 2, greater=True), stalled(rising, 3, greater=True)
    (True, False)
    """
    values = [entry["eval_selection"] for entry in history if "eval_selection" in entry]
    if len(values) <= patience:
        return False
    best = max(values) if greater else min(values)
    return len(values) - 1 - values.index(best) >= patience


class CompleteCheckpoints(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Marks each checkpoint once all of it is written, then deletes what is not needed.

    The best and the last are kept. The marker is written last, and a checkpoint that is not needed
    has lost its name before its first file is deleted, so that a run killed at any moment never
    goes on from half a checkpoint.

    Args:
        folder: where the checkpoints are.
        before: seconds of training that earlier runs took.
    """

    def __init__(self, folder: Path, *, before: float) -> None:
        self.folder, self.before = folder, before
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training so far, interruptions left out."""
        return self.before + time.monotonic() - self.started

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Mark and tidy, once every process has written its part."""
        group = process_group()
        group.wait()
        if not group.leads:
            return
        place = checkpoint_folder(self.folder, state.global_step)
        mark_complete(place, seconds=self.seconds)
        kept = {checkpoint_folder(self.folder, step) for step in (state.global_step,)}
        if state.best_global_step:
            kept.add(checkpoint_folder(self.folder, state.best_global_step))
        for other in self.folder.glob("checkpoint-*"):
            if other not in kept:
                remove_folder(other)
