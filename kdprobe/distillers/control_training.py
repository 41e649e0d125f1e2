"""The control that `distill` trains beside its student: the same training without the teacher.

Does: turn the trainings of a recipe into those of its control, and train them in a folder beside
the student's. Does not: take a step (`staged_training.py`), or make the control of a student that
stands already (`control.py`).

The control is the recipe with gold labels in the place of all objectives, stage by stage: it begins
with the very weights the student began with, layers copied from the teacher among them, and learns
the same examples in the same order for as many steps at the same rates. What lies between the two
is what the teacher's outputs added. Dropout draws the same numbers as long as the student's
objectives draw none and read of it what gold labels read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from kdprobe.atomic import finish_exchange, require_empty_folder
from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.stages import ResolvedStage
from kdprobe.distillers.control import epochs_of, rule_without_teacher, scheduled_steps
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.dry_run import dry_run
from kdprobe.distillers.fitting import open_run
from kdprobe.distillers.job_facts import precision_of, settings_rows
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.model_folder import WritePage
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.prepared_part import PreparedPart
from kdprobe.distillers.recorded_teacher import RecordedTeacher
from kdprobe.distillers.resume import CHECKPOINTS, read_plan, read_record
from kdprobe.distillers.run_options import RunOptions
from kdprobe.distillers.staged_training import StagedTraining
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import OutputError
from kdprobe.models.folder import fingerprint
from kdprobe.models.shapes import CopyShape, parse_student
from kdprobe.portable import portable_word

_GOLD = (ObjectiveSetting(name="hard_labels"),)
PageOf = Callable[[str, PreparedPart], WritePage]
"""Returns what writes the learning curves of a part under a title."""


def control_folder(output: Path) -> Path:
    """Return where the control of a student stands.

    >>> control_folder(Path("out/student")).as_posix()
    'out/student-control'
    """
    place = output if output.name not in ("", "..") else output.resolve()
    return place.parent / f"{place.name}-control"


@dataclass(frozen=True)
class ControlTraining:
    """The training of a control.

    Args:
        student: the trainings of its student.
        gold: the examples it learns from, all with gold labels.
        options: those of the command.
        word: what stands for the teacher in the command.
    """

    student: StagedTraining
    gold: TrainingData
    options: RunOptions[Any]
    word: str

    @property
    def folder(self) -> Path:
        """Where the control will be."""
        return control_folder(self.options.folder)

    @property
    def name(self) -> str:
        """The name of its student."""
        return self.folder.name.removesuffix("-control")

    @property
    def parts(self) -> tuple[ResolvedStage, ...]:
        """The student's own trainings: those of its assistants are left out."""
        parts = self.student.parts
        first = max(part.place for part in parts if not part.goes_on)
        return parts[first:]

    def require_place(self) -> None:
        """Refuse a folder that may not be written, before the student takes a step.

        Raises:
            OutputError: it holds something else than this student's control; or the student
                stands, its control does not, and nobody said to go on.
        """
        output, held = self.options.output, self._held_plan()
        begun = (self.folder / CHECKPOINTS).is_dir()
        if not output.resume and not output.force and (begun or not held):
            self._refuse_lonely_student()
        if not output.resume or held.get("control_of") != self.name:
            require_empty_folder(self.folder, force=output.force)

    def _refuse_lonely_student(self) -> None:
        place = self.options.folder
        finish_exchange(place)
        if (read_record(place) or {}).get("kind") == "distill":
            raise OutputError(
                str(place),
                found="holds a student whose control is not finished",
                expected="a new or empty folder",
                remedy="say `resume` to train the control alone, choose another with `output`, or "
                "say `force` to train both anew",
            )

    def _held_plan(self) -> dict[str, Any]:
        """Return the plan of the control that was begun or finished here; empty: none."""
        finish_exchange(self.folder)
        record = read_record(self.folder) or {}
        held = read_plan(self.folder / CHECKPOINTS) or record.get("plan")
        return held if isinstance(held, dict) else {}

    def train(self, page_of: PageOf) -> TrainingResult:
        """Train the control of a student that has been trained.

        Args:
            page_of: returns what writes the learning curves.

        Raises:
            UsageError: what `StagedTraining.run` raises; the student stays.
        """
        totals = [self._record(part)["steps"] for part in self.parts]
        steps = [now - before for before, now in pairwise([0, *totals])]
        training, notes = self._training(steps, self.student.teacher_of(self.parts[0]))
        like = fingerprint(self.options.folder)
        plan = self._plan(training, like)
        output, held = self.options.output, self._held_plan()
        # a control of an earlier student of this folder is trained anew, as that student was
        anew = output.resume and held.get("control_of") == self.name and held["like"] != like
        run = open_run(
            self.folder, plan, resume=output.resume and not anew, force=output.force or anew,
            progress=self.student.progress,
        )  # fmt: skip
        if isinstance(run, TrainingResult):
            return run
        self.student.progress.say(f"The control, in {self.folder}: the same without the teacher.")

        def card(prepared: PreparedPart) -> CardFacts:
            return self._card(prepared, like, notes)

        title = f"{self.gold.task.name}: the control of {self.name}"
        return training.run(run, plan, card, lambda prepared: page_of(title, prepared))

    def dry_run(self) -> TrainingResult:
        """Check the control as far as it can be before its student is trained."""
        checked = self.student.check_parts()[self.parts[0].place :]
        steps = [prepared.job.steps for prepared, _ in checked]
        training, notes = self._training(steps, checked[0][1])
        if self.parts[0].teacher is not None:
            notes = (*notes, "begins with an assistant that is not trained yet: not estimated")
            facts = (*self.gold.rows().items(), ("steps", f"{sum(steps):,}"))
            return TrainingResult.of_dry_run(self.gold, Preflight(facts, notes=notes))
        preflight = dry_run(training)
        preflight = replace(preflight, notes=(*preflight.notes, *notes))
        return TrainingResult.of_dry_run(self.gold, preflight)

    def _record(self, part: ResolvedStage) -> dict[str, Any]:
        return read_record(self.student.folder(part)) or {}

    def _training(
        self, steps: Sequence[int], teacher: Teacher | RecordedTeacher
    ) -> tuple[StagedTraining, tuple[str, ...]]:
        """Return the trainings without the teacher, each of so many steps, and notes on them."""
        notes = [self._start_note(), *self._examples_note()]
        parts = []
        for place, (part, count) in enumerate(zip(self.parts, steps, strict=True)):
            settings, last_step = part.recipe.training, None
            best_by, more = rule_without_teacher(settings.best_by)
            changes: dict[str, Any] = {"best_by": best_by, "early_stopping": None}
            planned = scheduled_steps(len(self.gold.train), settings)
            if settings.early_stopping is not None:
                more += (f"stops after the {count:,} steps after which {self.name} had stopped",)
            if settings.early_stopping is not None and count < planned:
                last_step = count
            elif count != planned:
                changes["epochs"] = epochs_of(count, len(self.gold.train), settings)
            recipe = part.recipe.model_copy(
                update={"objectives": _GOLD, "training": settings.model_copy(update=changes)}
            )
            parts.append(
                replace(part, place=place, recipe=recipe, teacher=None, last_step=last_step)
            )
            notes += [note for note in more if note not in notes]
        training = replace(
            self.student, parts=tuple(parts), data=self.gold, teacher=teacher.reading(self.gold),
            output=self.folder, made_for=self.student.data.train,
        )  # fmt: skip
        return training, tuple(notes)

    def _start_note(self) -> str:
        copied = isinstance(parse_student(self.parts[-1].recipe.student), CopyShape)
        more = ", layers of its teacher among them" if copied else ""
        return f"begins with the weights that {self.name} began with{more}"

    def _examples_note(self) -> tuple[str, ...]:
        """Say when the examples are not the student's: without gold labels there is no control."""
        ours, theirs = self.gold.train, self.student.data.train
        if ours.fingerprint == theirs.fingerprint:
            return ()
        return (
            f"learns from {len(ours):,} examples with gold labels for as many steps; {self.name} "
            f"learnt from {len(theirs):,} texts, those without a gold label among them",
        )

    def _plan(self, training: StagedTraining, like: str) -> dict[str, Any]:
        """Name everything that decides the control."""
        settings = [part.recipe.training.model_dump(mode="json") for part in training.parts]
        stages = [
            {"name": part.name, "training": each, "last_step": part.last_step}
            for part, each in zip(training.parts, settings, strict=True)
        ]
        return {
            "command": "finetune", "model": self.student.teacher.path,
            "fingerprint": self.student.teacher.fingerprint,
            "student": self.parts[-1].recipe.student, "training": settings[-1], "stages": stages,
            **self.options.plan(self.gold, training.teacher.compute),
            "control_of": self.name, "like": like,
        }  # fmt: skip

    def _card(self, prepared: PreparedPart, like: str, notes: tuple[str, ...]) -> CardFacts:
        """Compose what the model card says."""
        settings, options = prepared.part.recipe.training, self.options
        return CardFacts(
            kind="finetune",
            headline=f"The control of {self.name}: the same student for {self.gold.task.name}, "
            f"trained without its teacher{prepared.part.stage_label}.",
            sections={
                "Control of": {"student": self.name, "student's fingerprint": like},
                "Data": self.gold.rows(),
                "Training": {
                    "student": portable_word(prepared.part.recipe.student),
                    **settings_rows(settings.model_dump()),
                    "seed": str(options.seed),
                    "computed in": precision_of(prepared.job),
                },
            },
            command=options.command_line(
                "distill", self.word, seed=options.seed, with_control=True,
                student=self.parts[-1].recipe.student,
            ),
            precision=precision_of(prepared.job),
            notes=(*prepared.preflight.notes, *notes),
            control_of={"name": self.name, "fingerprint": like},
        )  # fmt: skip
