"""The trainings of a recipe, one after the other.

Does: make each part's student and lesson, hand a student on from stage to stage and from assistant
to student, go on where an earlier run stopped. Does not: choose recipes or take a step.

Every part but the last is a whole model folder of its own, `stages/1-NAME` inside the output
folder, which the next part opens. It does so in an uninterrupted run too: both end in the same
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.config.stages import Part
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.compute import settled
from kdprobe.distillers.data import Data, encode_for, lesson_facts, precision_notes
from kdprobe.distillers.dry_run import rehearse
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.fitting import Earlier, Run, begin_run, fit, open_run
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.initial_agreement import first_look
from kdprobe.distillers.initial_student import Pupil, layer_map_of, open_student, with_words
from kdprobe.distillers.model_card import Story
from kdprobe.distillers.model_folder import WritePage
from kdprobe.distillers.objective import Situation
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.preflight import Facts, Preflight, layer_table
from kdprobe.distillers.processes import team
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_quantities import wanted
from kdprobe.distillers.teacher_store import NoTeacher, TeacherSignal
from kdprobe.distillers.training_job import Examination, Lesson, TrainingResult
from kdprobe.distillers.transfer import refuse_unlabelled
from kdprobe.distillers.weighted_loss import build_mixture, refuse_unmet, remarks
from kdprobe.leftovers import remove_folder
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.shapes import texts_of
from kdprobe.models.text_model import TextModel
from kdprobe.progress import Progress, Silent

STAGES = "stages"


class Made(NamedTuple):
    """A part that is ready: its lesson, what was found while it was prepared, and its student."""

    part: Part
    lesson: Lesson
    preflight: Preflight
    pupil: Pupil


@dataclass(frozen=True)
class Course:
    """All trainings of a recipe.

    Args:
        parts: what is trained, in order.
        data: the examples of all of them.
        master: the teacher of the command.
        output: the folder of the last student.
        seed: of new weights, the order of the examples and dropout.
        offline: ask no network.
        progress: the display.
    """

    parts: tuple[Part, ...]
    data: Data
    master: Teacher
    output: Path
    seed: int
    offline: bool
    progress: Progress

    def folder(self, part: Part) -> Path:
        """Give the folder that a part writes."""
        last = part.place == len(self.parts) - 1
        return self.output if last else self.output / STAGES / part.folder

    def run(
        self,
        run: Run,
        plan: Mapping[str, Any],
        tell: Callable[[Made], Story],
        draw: Callable[[Made], WritePage],
    ) -> TrainingResult:
        """Train every part that is not finished.

        Args:
            run: the open output folder.
            plan: everything that decides the result.
            tell: composes the model card of a part.
            draw: gives what writes the learning curves of a part.
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
            made = self.prepare(part)
            earlier = Earlier.of(results[-1] if part.goes_on else None, part.name)
            result = fit(
                made.lesson,
                place,
                plan=plan if place is run else own_plan,
                preflight=made.preflight,
                story=tell(made),
                progress=self.progress,
                write_page=draw(made),
                earlier=earlier,
            )
            results.append(result)
        return results[-1]

    def _begin(self, run: Run, plan: Mapping[str, Any]) -> Run:
        """Check all parts, and write down what is asked for before the first is trained."""
        rehearse(self, timed=False)
        crew = team()
        crew.wait()
        if crew.leads and not run.begun:
            remove_folder(run.folder)
            remove_folder(self.output / STAGES)
            begin_run(run, plan)
        crew.wait()
        return replace(run, begun=True)

    def _open(self, part: Part, plan: Mapping[str, Any], run: Run) -> Run | TrainingResult:
        """Open the folder of a part; a finished part gives its result."""
        folder = self.folder(part)
        if folder == self.output:
            return run
        return open_run(folder, plan, resume=True, force=False, progress=Silent())

    def _teacher(self, part: Part) -> Teacher:
        if part.teacher is None:
            return self.master
        place = self.folder(self.parts[part.teacher])
        return Teacher.open(
            str(place), self.data, part.recipe, self.master.compute, None, offline=True
        )

    def score(self, teacher: Teacher) -> Facts:
        """Score a teacher on the evaluation split, and stop when it knows nothing."""
        evaluation = self.data.evaluation
        logits = teacher.logits(evaluation, progress=self.progress)
        return teacher.facts(evaluation, logits)

    def prepare(self, part: Part) -> Made:
        """Score the teacher of a part, make its student, and refuse what cannot teach or learn."""
        teacher = self._teacher(part)
        facts = self.score(teacher)
        made = self.lesson(part, teacher, rehearsal=False)
        rows = (*self.data.rows().items(), *facts, *made.preflight.facts)
        return made._replace(preflight=replace(made.preflight, facts=rows))

    def _pupil(self, part: Part, teacher: Teacher, *, rehearsal: bool) -> Pupil:
        """Make a part's student, or take over the one of the part before."""
        with settled(self.master.compute, seed=self.seed, purpose="new weights"):
            pupil = open_student(
                part.recipe.student, teacher.loaded, self.data.task,
                offline=self.offline, pairs=self.data.train.pairs is not None,
                texts=texts_of(self.data.train.texts, self.data.train.pairs),
                progress=self.progress,
            )  # fmt: skip
        if rehearsal or not part.goes_on:
            return pupil
        before = self.parts[part.place - 1]
        taught = load_classifier(str(self.folder(before)), task=self.data.task, offline=True)
        return pupil._replace(
            model=taught.model, notes=(*pupil.notes, f"goes on from stage {before.name}")
        )

    def lesson(
        self, part: Part, teacher: Teacher, *, rehearsal: bool, pupil: Pupil | None = None
    ) -> Made:
        """Put student, objectives and teacher together; a rehearsal asks the teacher nothing."""
        recipe, data = part.recipe, self.data
        pupil = pupil or self._pupil(part, teacher, rehearsal=rehearsal)
        longest = recipe.training.max_length
        encoded, examined = (
            encode_for(pupil.model, pupil.tokenizer, split, max_length=longest)
            for split in (data.train, data.evaluation)
        )
        self._require_own(pupil, encoded, longest)
        situation = self._situation(part, teacher, pupil, encoded)
        teacher = teacher.beside(encoded) if situation.same_tokens else teacher
        mixture = build_mixture(
            recipe.objectives, reduction=recipe.reduction, where=f"recipe {recipe.name}{part.told}"
        )
        refuse_unmet(mixture, situation)
        refuse_unlabelled(mixture, situation, data.train)
        labelled = data.with_gold() if mixture.needs(situation).labels else data
        if labelled is not data:
            course, reading = replace(self, data=labelled), teacher.reading(labelled)
            return course.lesson(part, reading, rehearsal=rehearsal, pupil=pupil)
        if mixture.needs(situation).words:
            encoded = with_words(
                encoded, pupil, data.train, max_length=longest, progress=self.progress
            )
        said = None
        signal: TeacherSignal = NoTeacher()
        if not rehearsal:
            said = teacher.logits(data.evaluation, progress=self.progress)
            signal = teacher.signal(mixture, situation, data, progress=self.progress)
        lesson = Lesson(
            student=pupil.model,
            tokenizer=pupil.tokenizer,
            split=data.train,
            encoded=encoded,
            examination=Examination(data.evaluation, examined, said),
            mixture=mixture,
            situation=situation,
            teacher=signal,
            settings=recipe.training,
            compute=teacher.compute,
            seed=self.seed,
        )
        check_best_by(lesson)
        facts = [*lesson_facts(lesson), *self._look(lesson, pupil)]
        facts.append(("asks the teacher", wanted(mixture, situation, teacher.train.lengths).told))
        told = "yes" if situation.same_tokens else "no: each reads with its own tokenizer"
        facts.append(("same token ids", told))
        notes = (*pupil.notes, *teacher.loaded.notes, *remarks(mixture, situation), *data.notes())
        notes += precision_notes(lesson)
        table = layer_table(situation.layer_map, pupil.copied, how=pupil.how)
        return Made(part, lesson, Preflight(tuple(facts), table, notes), pupil)

    def _require_own(self, pupil: Pupil, encoded: Encoded, longest: int) -> None:
        """Stop unless a student reads in a training what it would read of each text alone."""
        own = TextModel(pupil.model, pupil.tokenizer, name="the student")
        with settled(self.master.compute, seed=self.seed, purpose="student"):
            OwnReading(own, self.data.train, encoded, longest).require_student()

    def _situation(self, part: Part, teacher: Teacher, pupil: Pupil, encoded: Encoded) -> Situation:
        """Lay a student and its teacher side by side."""
        return Situation(
            self.data.task,
            shape_of(pupil.model, TextModel(pupil.model, pupil.tokenizer, name="the student")),
            shape_of(
                teacher.loaded.model,
                TextModel(teacher.loaded.model, teacher.loaded.tokenizer, name=teacher.name),
            ),
            layer_map_of(part.recipe.layer_map, pupil, teacher.loaded),
            same_tokens=encoded.columns["input_ids"] == teacher.train.columns["input_ids"],
        )

    def _look(self, lesson: Lesson, pupil: Pupil) -> Facts:
        """Compare a student with its teacher before the first step; nothing in a rehearsal."""
        examination = lesson.examination
        if examination.teacher is None:
            return []
        return first_look(
            pupil, examination.split, examination.encoded, examination.teacher,
            device=lesson.compute.device, progress=self.progress,
        )  # fmt: skip
