"""The trainings of a recipe, one after the other.

Does: make each part's student and training job, hand a student on from stage to stage and from
assistant to student, go on where an earlier run stopped. Does not: choose recipes or take an
optimiser step.

Every part but the last is a whole model folder of its own, `stages/1-NAME` inside the output
folder, which the next part opens. It does so in an uninterrupted run too: both end in the same
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kdprobe.config.stages import ResolvedStage
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.compute import settled
from kdprobe.distillers.data import TrainingData, encode_for
from kdprobe.distillers.fitting import PreviousStages, Run, begin_run, fit, open_run
from kdprobe.distillers.initial_student import InitialStudent, open_student
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.model_folder import WritePage
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.preflight import Facts
from kdprobe.distillers.prepared_part import PreparedPart, pair_models, preflight_of
from kdprobe.distillers.processes import process_group
from kdprobe.distillers.recorded_teacher import RecordedTeacher
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_signal import NoTeacher, TeacherSignal
from kdprobe.distillers.training_job import EvaluationSet, TrainingJob, TrainingResult
from kdprobe.distillers.transfer import refuse_unlabelled
from kdprobe.distillers.weighted_loss import WeightedLoss, build_weighted_loss, require_values
from kdprobe.distillers.word_alignment import match_words
from kdprobe.leftovers import remove_folder
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.models.shapes import texts_of
from kdprobe.models.text_model import TextModel
from kdprobe.progress import Progress, Silent
from kdprobe.tasks.task import Split

STAGES = "stages"


@dataclass(frozen=True)
class StagedTraining:
    """All trainings of a recipe.

    Args:
        parts: what is trained, in order.
        data: the examples of all of them.
        teacher: the teacher of the command.
        output: the folder of the last student.
        seed: of new weights, the order of the examples and dropout.
        offline: ask no network.
        progress: the display.
        made_for: the examples whose words a new student knows; None: those it learns from.
    """

    parts: tuple[ResolvedStage, ...]
    data: TrainingData
    teacher: Teacher | RecordedTeacher
    output: Path
    seed: int
    offline: bool
    progress: Progress
    made_for: Split | None = None

    def folder(self, part: ResolvedStage) -> Path:
        """Return the folder that a part writes."""
        last = part.place == len(self.parts) - 1
        return self.output if last else self.output / STAGES / part.folder

    def run(
        self,
        run: Run,
        plan: Mapping[str, Any],
        card_of: Callable[[PreparedPart], CardFacts],
        page_of: Callable[[PreparedPart], WritePage],
    ) -> TrainingResult:
        """Train every part that is not finished.

        Args:
            run: the open output folder.
            plan: everything that decides the result.
            card_of: composes the model card of a part.
            page_of: returns what writes the learning curves of a part.

        Returns:
            The result of the last part.
        """
        if len(self.parts) > 1:
            run = self._begin(run, plan)
        results: list[TrainingResult] = []
        for part in self.parts:
            own_plan = {**plan, "stage": part.name} if part.name else dict(plan)
            place = self._open(part, own_plan, run)
            if isinstance(place, TrainingResult):
                results.append(place)
                continue
            if part.name:
                self.progress.say(
                    f"Stage {part.place + 1} of {len(self.parts)}: {part.name}{place.since}."
                )
            prepared = self.prepare(part)
            previous = PreviousStages(part.name, results[-1] if part.goes_on else None)
            results.append(fit(
                prepared.job, place, plan=plan if place is run else own_plan,
                preflight=prepared.preflight, card=card_of(prepared), progress=self.progress,
                write_page=page_of(prepared), previous=previous,
            ))  # fmt: skip
        return results[-1]

    def _begin(self, run: Run, plan: Mapping[str, Any]) -> Run:
        """Check all parts, and write the plan down before the first is trained."""
        self.score_teacher(self.teacher)
        self.check_parts()
        group = process_group()
        group.wait()
        if group.leads and not run.begun:
            remove_folder(run.folder)
            remove_folder(self.output / STAGES)
            begin_run(run, plan)
        group.wait()
        return replace(run, begun=True)

    def _open(self, part: ResolvedStage, plan: Mapping[str, Any], run: Run) -> Run | TrainingResult:
        """Open the folder of a part; return the result of a finished one."""
        folder = self.folder(part)
        if folder == self.output:
            return run
        return open_run(folder, plan, resume=True, force=False, progress=Silent())

    def teacher_of(self, part: ResolvedStage) -> Teacher | RecordedTeacher:
        """Open the teacher of a part; an assistant is trained by then."""
        if part.teacher is None:
            return self.teacher
        place = self.folder(self.parts[part.teacher])
        return Teacher.open(
            str(place), self.data, part.recipe, self.teacher.compute, None, offline=True
        )

    def check_parts(self) -> list[tuple[PreparedPart, Teacher | RecordedTeacher]]:
        """Prepare every part as far as it can be before the first is trained.

        Returns:
            Each part with its teacher; where that is an assistant of an earlier part, with the
            assistant before its training.

        Raises:
            UsageError: anything that would stop a later part.
        """
        prepared: list[tuple[PreparedPart, Teacher | RecordedTeacher]] = []
        for part in self.parts:
            teacher = self.teacher
            if part.teacher is not None:
                assistant = prepared[part.teacher][0].student
                teacher = self._untrained_assistant(assistant, part)
            prepared.append((self.prepare_job(part, teacher, dry_run=True), teacher))
        return prepared

    def _untrained_assistant(self, student: InitialStudent, part: ResolvedStage) -> Teacher:
        columns = tuple(range(self.data.task.outputs))
        loaded = Loaded(student.model, student.tokenizer, columns, ())
        return self.teacher.replaced_by(loaded, self.data, part.recipe)

    def score_teacher(self, teacher: Teacher | RecordedTeacher) -> Facts:
        """Score a teacher on the evaluation split, and stop when it is no better than chance."""
        evaluation = self.data.evaluation
        logits = teacher.logits(evaluation, progress=self.progress)
        return teacher.facts(evaluation, logits)

    def prepare(self, part: ResolvedStage) -> PreparedPart:
        """Score the teacher of a part and prepare its job, the teacher's outputs included."""
        teacher = self.teacher_of(part)
        facts = self.score_teacher(teacher)
        prepared = self.prepare_job(part, teacher, dry_run=False)
        rows = (*self.data.rows().items(), *facts, *prepared.preflight.facts)
        return prepared._replace(preflight=replace(prepared.preflight, facts=rows))

    def _initial_student(
        self, part: ResolvedStage, teacher: Teacher | RecordedTeacher, *, dry_run: bool
    ) -> InitialStudent:
        """Make a part's student, or take over that of the part before."""
        examples = self.made_for or self.data.train
        with settled(self.teacher.compute, seed=self.seed, purpose="new weights"):
            student = open_student(
                part.recipe.student, teacher.loaded, self.data.task,
                offline=self.offline, pairs=examples.pairs is not None,
                texts=texts_of(examples.texts, examples.pairs),
                progress=self.progress,
            )  # fmt: skip
        if dry_run or not part.goes_on:
            return student
        before = self.parts[part.place - 1]
        trained = load_classifier(str(self.folder(before)), task=self.data.task, offline=True)
        return student._replace(
            model=trained.model, notes=(*student.notes, f"goes on from stage {before.name}")
        )

    def prepare_job(
        self,
        part: ResolvedStage,
        teacher: Teacher | RecordedTeacher,
        *,
        dry_run: bool,
        student: InitialStudent | None = None,
    ) -> PreparedPart:
        """Put student, objectives and teacher together; a dry run computes no teacher outputs.

        Raises:
            UsageError: an objective has no value for these models, or reads labels that are
                missing; a rule for the best checkpoint that has no number here.
        """
        recipe, data = part.recipe, self.data
        student = student or self._initial_student(part, teacher, dry_run=dry_run)
        longest = recipe.training.max_length
        encoded, evaluation = (
            encode_for(student.model, student.tokenizer, split, max_length=longest)
            for split in (data.train, data.evaluation)
        )
        own = TextModel(student.model, student.tokenizer, name="the student")
        with settled(self.teacher.compute, seed=self.seed, purpose="student"):
            OwnReading(own, data.train, encoded, longest).require_student()
        models = pair_models(
            data.task, student, teacher, encoded=encoded, layer_map=recipe.layer_map
        )
        teacher = teacher.beside(encoded) if models.same_tokens else teacher
        weighted_loss = self._weighted_loss(part, models)
        needs = weighted_loss.needs(models)
        labelled = data.with_gold() if needs.labels else data
        if labelled is not data:
            training, reading = replace(self, data=labelled), teacher.reading(labelled)
            return training.prepare_job(part, reading, dry_run=dry_run, student=student)
        if needs.words:
            encoded = match_words(
                encoded, own, data.train, max_length=longest, progress=self.progress,
                title="match the student's words",
            )  # fmt: skip
        logits = None
        signal: TeacherSignal = NoTeacher()
        if not dry_run:
            logits = teacher.logits(data.evaluation, progress=self.progress)
            if needs.asks_teacher:
                signal = teacher.signal(weighted_loss, models, data, progress=self.progress)
        job = TrainingJob(
            student=student.model, tokenizer=student.tokenizer, split=data.train, encoded=encoded,
            evaluation=EvaluationSet(data.evaluation, evaluation, logits),
            weighted_loss=weighted_loss, models=models, teacher=signal,
            settings=recipe.training, compute=teacher.compute, seed=self.seed,
            last_step=part.last_step,
        )  # fmt: skip
        check_best_by(job)
        preflight = preflight_of(job, student, teacher, data=data, progress=self.progress)
        return PreparedPart(part, job, preflight, student)

    def _weighted_loss(self, part: ResolvedStage, models: ModelPair) -> WeightedLoss:
        recipe = part.recipe
        weighted_loss = build_weighted_loss(
            recipe.objectives,
            reduction=recipe.reduction,
            where=f"recipe {recipe.name}{part.stage_label}",
        )
        require_values(weighted_loss, models)
        refuse_unlabelled(weighted_loss, models, self.data.train)
        return weighted_loss
