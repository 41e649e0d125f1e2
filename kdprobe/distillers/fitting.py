"""One training from its first step to the finished folder.

Does: open the output folder for a new or an interrupted run, train, choose the best checkpoint,
score the model and write a plain model folder with its card and record. Does not: choose
objectives or data; `finetuning.py` and `distillation.py` do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from kdprobe.atomic import holds_files, require_empty_folder
from kdprobe.distillers.callbacks import (
    CompleteCheckpoints,
    Milestones,
    ShowProgress,
    StopEarly,
    stalled,
)
from kdprobe.distillers.compute import settled
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.model_folder import WritePage, write_model_folder
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.processes import process_group
from kdprobe.distillers.record import result_of
from kdprobe.distillers.resume import (
    CHECKPOINTS,
    checkpoint_folder,
    last_complete,
    read_plan,
    read_record,
    refuse_change,
    seconds_of,
    step_of,
    write_plan,
)
from kdprobe.distillers.trackers import tracker_callbacks
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_digests import order_digest, weights_digest
from kdprobe.distillers.training_job import TrainingJob, TrainingResult
from kdprobe.distillers.validation_scores import Score
from kdprobe.errors import OutputError
from kdprobe.leftovers import remove_folder
from kdprobe.models.checkpoint import quiet
from kdprobe.models.reparametrised_embeddings import FORMS, fold
from kdprobe.progress import Progress
from kdprobe.seeds import derive_seed


@dataclass(frozen=True)
class Run:
    """An output folder that is open for training.

    Args:
        output: where the model will be.
        checkpoint: the last whole checkpoint of an interrupted run, or None.
        begun: whether it goes on with a run that was begun earlier.
    """

    output: Path
    checkpoint: Path | None = None
    begun: bool = False

    @property
    def folder(self) -> Path:
        """Where checkpoints go."""
        return self.output / CHECKPOINTS

    @property
    def since(self) -> str:
        """For people, where it goes on: `, from checkpoint of step 12`; or nothing."""
        if self.checkpoint is None:
            return ""
        return f", from {self.checkpoint.name.replace('-', ' of step ')}"


@dataclass(frozen=True)
class PreviousStages:
    """The earlier stages of the same student.

    Args:
        stage: the name of the stage that follows; empty for a recipe without stages.
        last: the result of the stage before; None: there is none.
    """

    stage: str = ""
    last: TrainingResult | None = None

    @property
    def steps(self) -> int:
        """Optimiser steps taken in them."""
        return self.last.steps if self.last else 0

    def join(self, entries: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], ...]:
        """Append the log of this stage; steps count on."""
        history = self.last.history if self.last else ()
        place = int(max((entry.get("stage", 1) for entry in history), default=0)) + 1
        number = {"stage": float(place)} if self.stage else {}
        later = [{**e, **number, "step": e["step"] + self.steps} for e in entries]
        return (*(dict(entry) for entry in history), *later)


def open_run(
    output: Path, plan: Mapping[str, Any], *, resume: bool, force: bool, progress: Progress
) -> Run | TrainingResult:
    """Open a folder for a new run, or for one that goes on; a new run writes nothing yet.

    Args:
        output: the folder.
        plan: everything that decides the result, as JSON values.
        resume: go on with what was begun here; with nothing begun, begin.
        force: write over what stands here; what was begun is thrown away.
        progress: shows where the run goes on.

    Returns:
        An open run; or, with `resume`, the result of a run of the same plan that had finished.

    Raises:
        OutputError: the folder is not empty, a file, or its records cannot be read.
        TrainingError: the run that was begun here had other options.
    """
    require_empty_folder(output, force=force, resume=resume)
    folder = output / CHECKPOINTS
    begun = read_plan(folder) if resume else None
    if begun is not None:
        refuse_change(output, begun, plan)
        checkpoint = last_complete(folder)
        where = checkpoint.name.replace("-", " of step ") if checkpoint else "the beginning"
        progress.say(f"Going on from {where}.")
        return Run(output, checkpoint, begun=True)
    record = read_record(output) if resume else None
    if record is not None:
        refuse_change(output, record["plan"], plan)
        progress.say(f"{output} had finished already.")
        return result_of(output, record)
    if resume and holds_files(output):
        raise OutputError(
            str(output),
            found="is not empty and holds no training to go on with",
            expected="the folder of an interrupted run",
            remedy="choose another with `output`, or say `force` to write over its files",
        )
    return Run(output)


def begin_run(run: Run, plan: Mapping[str, Any]) -> None:
    """Write the plan down, in the place of what was begun here before.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    remove_folder(run.folder)
    write_plan(run.folder, plan)


def fit(
    job: TrainingJob,
    run: Run,
    *,
    plan: Mapping[str, Any],
    preflight: Preflight,
    card: CardFacts,
    progress: Progress,
    write_page: WritePage,
    previous: PreviousStages = PreviousStages(),
) -> TrainingResult:
    """Train, and write the model folder; the checkpoints are deleted once all of it stands.

    Args:
        job: what is trained on what.
        run: the open output folder.
        plan: everything that decides the result; it goes into the record.
        preflight: the facts before the first step.
        card: the model card beside the scores.
        progress: the display.
        write_page: writes the learning curves into the folder.
        previous: the earlier stages of the same student.

    Returns:
        The scores of the finished model. On a keyboard interrupt or a failure the last checkpoint
        stays, and no finished folder is written.

    Raises:
        TrainingError: a loss was not finite.
        OutputError: no space is left.
    """
    group = process_group()
    group.wait()  # every process has looked at the folder
    if not run.begun and group.leads:
        begin_run(run, plan)
    group.wait()
    before = seconds_of(run.checkpoint) if run.checkpoint else 0.0
    clock = CompleteCheckpoints(run.folder, before=before)
    begun = previous.last.initial_weights if previous.last else weights_digest(job.student)
    with quiet(), settled(job.compute, seed=job.seed, purpose="training"):
        trainer = _train(job, run, clock, progress)
        best = int(trainer.state.best_global_step or trainer.state.global_step)
        _load_weights(trainer, checkpoint_folder(run.folder, best))
        fold(job.student, *FORMS)
        scores = trainer.evaluate_student()
    steps = int(trainer.state.global_step)
    result = TrainingResult(
        folder=run.output,
        task=job.split.task.name,
        eval_split=job.evaluation.split.name,
        scores={name: score.value for name, score in scores.items()},
        undefined=_reasons(scores),
        history=previous.join(trainer.state.log_history),
        best_step=best + previous.steps,
        steps=steps + previous.steps,
        seconds=clock.seconds + (previous.last.seconds if previous.last else 0.0),
        preflight=preflight,
        notes=card.notes,
        initial_weights=begun,
        examples_order=order_digest(
            job, steps, before=previous.last.examples_order if previous.last else ""
        ),
    )
    if group.leads:
        write_model_folder(job, result, plan=plan, card=card, write_page=write_page)
        remove_folder(run.folder)
    group.wait()
    return result


def _train(
    job: TrainingJob, run: Run, clock: CompleteCheckpoints, progress: Progress
) -> StudentTrainer:
    """Run the optimiser steps that are still missing."""
    settings = job.settings
    score = job.split.task.primary_score
    with progress.stage(f"train on {job.split.task.name}", job.steps) as stage:
        done = step_of(run.checkpoint) if run.checkpoint else 0
        stage.advance(done)
        shown = ShowProgress(stage, score=score, shown=done)
        callbacks: list[TrainerCallback] = [Milestones(job.steps), clock, shown]
        if settings.early_stopping is not None:
            callbacks.append(StopEarly(settings.early_stopping))
        callbacks += tracker_callbacks(job.compute.report_to, run.output.name)
        trainer = StudentTrainer(job, folder=run.folder, callbacks=callbacks)
        _own_dropout(job)
        if run.checkpoint is not None and _was_over(trainer, run.checkpoint, job):
            return trainer
        try:
            trainer.train(resume_from_checkpoint=str(run.checkpoint) if run.checkpoint else None)
        except KeyboardInterrupt:
            last = last_complete(run.folder)
            progress.say(
                f"Interrupted; `resume` goes on from {last.name.replace('-', ' of step ')}."
                if last
                else "Interrupted before the first checkpoint; `resume` begins again."
            )
            raise
    return trainer


def _own_dropout(job: TrainingJob) -> None:
    """Let each further process draw other random numbers than the first."""
    rank = process_group().rank
    if rank:
        torch.manual_seed(derive_seed(job.seed, "training", f"process {rank}"))


def _was_over(trainer: StudentTrainer, checkpoint: Path, job: TrainingJob) -> bool:
    """Whether an earlier run had taken its last step when it was killed; its state is taken over.

    `transformers` would take one more step after a last one that lies inside an epoch.
    """
    from transformers import TrainerState

    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    patience = job.settings.early_stopping
    greater = bool(trainer.args.greater_is_better)
    stopped = patience is not None and stalled(state.log_history, patience, greater=greater)
    if not stopped and state.global_step < job.steps:
        return False
    trainer.state = state
    return True


def _load_weights(trainer: StudentTrainer, checkpoint: Path) -> None:
    """Load the weights of a checkpoint into the student and its projections."""
    from safetensors.torch import load_file

    trainer.trainable.load_state_dict(load_file(checkpoint / "model.safetensors"), strict=True)


def _reasons(scores: Mapping[str, Score]) -> dict[str, str]:
    return {name: score.undefined for name, score in scores.items() if score.value is None}
