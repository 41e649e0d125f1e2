"""What fine-tuning and distilling have in common before the first step.

Does: load and check the examples, read a student's words into a model, tell the facts of a
training. Does not: train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdprobe.config.task import TaskFile
from kdprobe.distillers.encoding import Encoded, encode
from kdprobe.distillers.precision import price_of
from kdprobe.distillers.training_job import Lesson
from kdprobe.errors import TaskError
from kdprobe.models.checkpoint import describe
from kdprobe.models.mixed_precision import SMALL_WEIGHT, products
from kdprobe.models.reparametrised_embeddings import folded_size
from kdprobe.models.text_model import TextModel
from kdprobe.tasks.guess_labels import require_classes
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Data:
    """The examples of a training.

    Args:
        task: what they belong to.
        train: what is learnt from.
        evaluation: what is scored; always with gold labels.
        left_out: how many examples are not learnt from for want of a gold label; empty for none.
    """

    task: Task
    train: Split
    evaluation: Split
    left_out: str = ""

    def plan(self) -> dict[str, Any]:
        """Name the examples by content, for the record of a run."""
        return {
            "task": self.task.name,
            "train": _named(self.train),
            "eval": _named(self.evaluation),
        }

    def rows(self) -> dict[str, str]:
        """Tell them to people."""
        return {
            "task": f"{self.task.name} (version {self.task.version})",
            "trained on": _told(self.train),
            "scored on": _told(self.evaluation),
        }

    def with_gold(self) -> Data:
        """Give the data with those training examples that have a gold label.

        Raises:
            TaskError: none has one.
        """
        require_labels(self.train, why="fine-tuning learns from them")
        train = with_gold(self.train)
        return (
            self
            if train is self.train
            else replace(self, train=train, left_out=self.train.missing_gold)
        )

    def notes(self) -> tuple[str, ...]:
        """Warn when texts that are scored are learnt from too."""
        learnt = set(zip(*_fields(self.train), strict=True))
        both = sum(row in learnt for row in zip(*_fields(self.evaluation), strict=True))
        told = (f"{self.left_out}: not learnt from",) if self.left_out else ()
        if not both:
            return told
        return (
            *told,
            f"{both:,} of {len(self.evaluation):,} examples of {self.evaluation.name} are learnt "
            f"from too: their texts stand in {self.train.name}",
        )


def _named(split: Split) -> dict[str, Any]:
    return {"split": split.name, "fingerprint": split.fingerprint, "examples": len(split)}


def _fields(split: Split) -> list[tuple[str, ...]]:
    return [split.texts] if split.pairs is None else [split.texts, split.pairs]


def _told(split: Split) -> str:
    origin = f" from {split.origin}" if split.origin else ""
    return f"{split.name}, {len(split):,} examples{origin}"


def load_data(
    task_file: TaskFile,
    *,
    train_split: str,
    eval_split: str | None,
    data_dir: str | Path | None,
    limit: int | None,
    eval_limit: int | None,
    seed: int,
    offline: bool,
) -> Data:
    """Load the examples of a training.

    Args:
        task_file: the task.
        train_split: the split that is learnt from.
        eval_split: the split that is scored; None: `dev`, or what the task compares on.
        data_dir: where the task's folder is; None: as `load_split` looks.
        limit: at most so many training examples.
        eval_limit: at most so many evaluation examples.
        seed: of the sample that a limit takes.
        offline: ask no network.

    Raises:
        TaskError: no data, or the evaluation split has no gold labels.
    """
    require_classes(task_file)
    place = Path(data_dir) if data_dir is not None else None
    train = load_split(
        task_file, train_split, data_dir=place, offline=offline, limit=limit, seed=seed
    )
    evaluation = load_evaluation(
        task_file, eval_split=eval_split, data_dir=data_dir, eval_limit=eval_limit, seed=seed,
        offline=offline,
    )  # fmt: skip
    return Data(task_file.task(), train, evaluation)


def load_evaluation(
    task_file: TaskFile,
    *,
    eval_split: str | None,
    data_dir: str | Path | None,
    eval_limit: int | None,
    seed: int,
    offline: bool,
) -> Split:
    """Load the examples that are scored: those with gold labels; see `load_data`.

    Raises:
        TaskError: no data, or the split has no gold labels.
    """
    evaluation = load_split(
        task_file,
        eval_split or ("dev" if "dev" in task_file.split_names else task_file.compare_split),
        data_dir=Path(data_dir) if data_dir is not None else None,
        offline=offline,
        limit=eval_limit,
        seed=seed,
    )
    require_labels(evaluation, why="it is what the model is scored on")
    return with_gold(evaluation)


def require_labels(split: Split, *, why: str) -> None:
    """Refuse a split without gold labels where they are read.

    Raises:
        TaskError: it has none.
    """
    if not split.has_gold.any():
        raise TaskError(
            f"{split.task.name} {split.name}",
            found="has no gold labels",
            expected=f"a split with labels: {why}",
        )


def with_gold(split: Split) -> Split:
    """Give the examples that have a gold label; how many have none is told by the origin."""
    if split.has_gold.all():
        return split
    origin = f"{split.origin} ({split.missing_gold}: left out)".strip()
    return replace(split.take(split.gold_rows), origin=origin)


def encode_for(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, *, max_length: int
) -> Encoded:
    """Tokenise a split as a model can read it: no longer than asked, and than it can."""
    text = TextModel(model, tokenizer, name=type(model).__name__)
    return encode(text, split, max_length=max_length)


def parameter_count(model: PreTrainedModel) -> int:
    """Count a model's parameters as it is saved, shared ones once."""
    return folded_size(model)


def lesson_facts(lesson: Lesson) -> list[tuple[str, str]]:
    """Tell what will be done, for the preflight."""
    settings = lesson.settings
    terms = (f"{term.weight:g} x {term.name}" for term in lesson.mixture.terms)
    return [
        ("student", describe(lesson.student)),
        ("student's parameters", f"{parameter_count(lesson.student):,}"),
        ("learns from", " + ".join(terms)),
        (
            "steps",
            f"{lesson.steps:,} of {settings.batch_size * settings.gradient_accumulation} examples "
            f"({settings.epochs:g} epochs), scored every {lesson.evaluate_every:,}",
        ),
        ("best checkpoint", f"by {_rule(lesson)}"),
        ("computes in", precision_of(lesson)),
        *(("bfloat16", note) for note in precision_notes(lesson)),
        *_truncations(lesson),
    ]


def _rule(lesson: Lesson) -> str:
    wanted = lesson.settings.best_by
    return lesson.split.task.primary_score if wanted == "score" else wanted


def precision_of(lesson: Lesson) -> str:
    """Tell the device and the number format."""
    compute = lesson.compute
    threads = f", {compute.threads} threads" if compute.device == "cpu" else ""
    return f"{compute.precision} on {compute.device}{threads}"


def precision_notes(lesson: Lesson) -> tuple[str, ...]:
    """Tell what bfloat16 products are of this student, and what they cost; nothing in float32."""
    if not lesson.compute.bf16:
        return ()
    large, every = products(lesson.student)
    told = (
        f"{large} of its {every} weight matrices, those of {SMALL_WEIGHT:,} elements or more, were "
        "multiplied in bfloat16, all else in float32"
    )
    if not large:
        return (f"{told}: --bf16 changed nothing",)
    architecture = str(lesson.student.config.model_type).removeprefix("kdprobe_")
    return (told, f"the price of bfloat16: {price_of(architecture)}")


def _truncations(lesson: Lesson) -> list[tuple[str, str]]:
    cut = lesson.encoded.truncated + lesson.examination.encoded.truncated
    if not cut:
        return []
    return [("too long", f"{cut:,} examples are read in part only, up to the longest allowed")]


def settings_rows(settings: Mapping[str, Any]) -> dict[str, str]:
    """Tell settings to people; what is not set is left out."""
    return {name: f"{value}" for name, value in settings.items() if value is not None}
