"""The examples of a training: those it learns from and those it is scored on.

Does: load and check them, name them by content, tokenise them for a model. Does not: train, or
describe a training; `job_facts.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdprobe.config.task import TaskFile
from kdprobe.distillers.encoding import Encoded, encode
from kdprobe.errors import TaskError
from kdprobe.models.text_model import TextModel
from kdprobe.registry import known_name
from kdprobe.tasks.guess_labels import require_classes
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class TrainingData:
    """The examples of a training.

    Args:
        task: what they belong to.
        train: what is learnt from.
        evaluation: what is scored; always with gold labels.
        left_out: how many examples are not learnt from for want of a gold label; empty for none.
        columns: of a plain table, by what they are: `text`, `text_pair`, `label`.
    """

    task: Task
    train: Split
    evaluation: Split
    left_out: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> dict[str, Any]:
        """Name the examples by content, for the record of a run."""
        return {
            "task": self.task.name,
            "train": _named(self.train),
            "eval": _named(self.evaluation),
            **({"columns": dict(self.columns)} if self.columns else {}),
        }

    def rows(self) -> dict[str, str]:
        """Return names and values for people."""
        return {
            "task": f"{self.task.name} (version {self.task.version})",
            "trained on": _described(self.train),
            "scored on": _described(self.evaluation),
            **({"columns": ", ".join(f"{role} {name!r}" for role, name in self.columns.items())}
               if self.columns else {}),
        }  # fmt: skip

    def with_gold(self) -> TrainingData:
        """Return the data with those training examples that have a gold label.

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
        trained_on = set(zip(*_fields(self.train), strict=True))
        both = sum(row in trained_on for row in zip(*_fields(self.evaluation), strict=True))
        unlabelled = (f"{self.left_out}: not learnt from",) if self.left_out else ()
        if not both:
            return unlabelled
        return (
            *unlabelled,
            f"{both:,} of {len(self.evaluation):,} examples of {self.evaluation.name} are learnt "
            f"from too: their texts stand in {self.train.name}",
        )


def _named(split: Split) -> dict[str, Any]:
    return {"split": split.name, "fingerprint": split.fingerprint, "examples": len(split)}


def _fields(split: Split) -> list[tuple[str, ...]]:
    return [split.texts] if split.pairs is None else [split.texts, split.pairs]


def _described(split: Split) -> str:
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
) -> TrainingData:
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
    learnt = known_name("split", train_split, task_file.split_names, option="train_split")
    train = load_split(task_file, learnt, data_dir=place, offline=offline, limit=limit, seed=seed)
    evaluation = load_evaluation(
        task_file, eval_split=eval_split, data_dir=data_dir, eval_limit=eval_limit, seed=seed,
        offline=offline,
    )  # fmt: skip
    return TrainingData(task_file.task(), train, evaluation, columns=_columns(task_file))


def _columns(task_file: TaskFile) -> dict[str, str]:
    """Return the columns of a plain table; nothing for a task, whose file says them."""
    if not task_file.notes:
        return {}
    named = {"text": task_file.text, "text_pair": task_file.text_pair, "label": task_file.label}
    return {role: name for role, name in named.items() if name and isinstance(name, str)}


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
    names = task_file.split_names
    scored = eval_split or ("dev" if "dev" in names else task_file.compare_split)
    evaluation = load_split(
        task_file,
        known_name("split", scored, names, option="eval_split"),
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
    """Return the examples that have a gold label; the origin says how many have none."""
    if split.has_gold.all():
        return split
    origin = f"{split.origin} ({split.missing_gold}: left out)".strip()
    return replace(split.take(split.gold_rows), origin=origin)


def encode_for(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, *, max_length: int
) -> Encoded:
    """Tokenise a split as a model reads it, at most `max_length` tokens and its own limit."""
    text = TextModel(model, tokenizer, name=type(model).__name__)
    return encode(text, split, max_length=max_length)
