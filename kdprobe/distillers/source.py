"""What a fine-tuning starts from: a pretrained encoder, a part of one, or random weights.

Does: turn MODEL and `student` into a model and its tokenizer. Does not: know a teacher;
`initial_student.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdprobe.distillers.data import TrainingData
from kdprobe.errors import ConfigError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.narrowing import student_of
from kdprobe.models.shapes import (
    CopyShape,
    ModelPlace,
    NewShape,
    build_new,
    parse_student,
    texts_of,
)
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.models.word_student import build_word_student
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_VOCABULARY = 8000


@dataclass(frozen=True)
class Source:
    """What a model is made from.

    Args:
        model: a folder, a hub id or a shape.
        student: the part of it that is trained; None: all.
        offline: ask no network.
        tokenizer: what a model of random weights reads with; None: one that is trained on the
            training texts.
    """

    model: str
    student: str | None
    offline: bool
    tokenizer: PreTrainedTokenizerBase | None = None

    @property
    def begins_at_random(self) -> bool:
        """Whether MODEL is a shape, and no encoder that was trained before."""
        return isinstance(parse_student(self.model, where="MODEL"), NewShape | LstmShape)

    def plan(self) -> dict[str, Any]:
        """Return what it is made from, by content, for the plan of a run."""
        shape = parse_student(self.model, where="MODEL")
        path = shape.path if isinstance(shape, ModelPlace) else None
        held = fingerprint(locate(path, offline=self.offline)) if path else None
        return {
            "command": "finetune",
            "model": self.model,
            "fingerprint": held,
            "student": self.student,
        }

    def build(
        self, data: TrainingData
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, list[str]]:
        """Make the model and its tokenizer; new weights come from torch's global generator."""
        shape = parse_student(self.model, where="MODEL")
        if isinstance(shape, CopyShape):
            raise ConfigError(
                "MODEL",
                found=f"{self.model!r} says what to keep of a model, but not of which",
                expected="a folder, a hub id or a shape like bert:L4,H128",
                remedy=f"say MODEL `student={self.model}`",
            )
        if isinstance(shape, NewShape | LstmShape):
            if self.student is not None:
                raise ConfigError(
                    "`student`", found=f"{self.student!r} of a model that starts from nothing"
                )
            texts = texts_of(data.train.texts, data.train.pairs)
            pairs = data.train.pairs is not None
            return self.new(shape, data.task, texts=texts, pairs=pairs)
        loaded = load_classifier(shape.path, task=data.task, new_head=True, offline=self.offline)
        if self.student is None:
            return loaded.model, loaded.tokenizer, ["its classifier head starts at random"]
        part = parse_student(self.student)
        if not isinstance(part, CopyShape):
            raise ConfigError(
                "`student`", found=repr(self.student), expected="a part of MODEL, like layers=3"
            )
        texts = texts_of(data.train.texts, data.train.pairs)
        cut = student_of(part, loaded.model, loaded.tokenizer, data.task, columns=None, texts=texts)
        return cut.model, loaded.tokenizer, list(cut.notes)

    def new(
        self, shape: NewShape | LstmShape, task: Task, *, texts: Sequence[str], pairs: bool
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, list[str]]:
        """Make a model of random weights, or of word vectors.

        Args:
            shape: what is made.
            task: gives its labels.
            texts: those whose words or word pieces it knows.
            pairs: whether it reads pairs of texts.
        """
        if isinstance(shape, LstmShape) and shape.file is not None:
            words = build_word_student(shape, task, texts=texts, pairs=pairs)
            return words.model, words.tokenizer, [words.note]
        tokenizer, note = self._tokenizer(shape, texts)
        self._refuse_teacher(shape)
        if isinstance(shape, NewShape):
            return build_new(shape, task, tokenizer=tokenizer), tokenizer, [note]
        return build_lstm(shape, task, tokenizer=tokenizer, pairs=pairs), tokenizer, [note]

    def _tokenizer(
        self, shape: NewShape | LstmShape, texts: Sequence[str]
    ) -> tuple[PreTrainedTokenizerBase, str]:
        vocabulary = shape.vocabulary if isinstance(shape, NewShape) else None
        if self.tokenizer is not None:
            if vocabulary is not None:
                raise ConfigError(
                    "MODEL",
                    found=f"V{vocabulary} in {self.model}",
                    expected="no V: it reads with the student's tokenizer",
                )
            note = f"started from random weights; the student's {len(self.tokenizer):,} word pieces"
            return self.tokenizer, note
        tokenizer = train_tokenizer(texts, vocabulary=vocabulary or _VOCABULARY)
        note = f"started from random weights; {len(tokenizer):,} word pieces of its own"
        return tokenizer, note

    def _refuse_teacher(self, shape: NewShape | LstmShape) -> None:
        if shape.embeddings == "teacher" or shape.mode != "non-static":
            raise ConfigError(
                "MODEL",
                found=f"{self.model!r} begins with the embeddings of a teacher",
                expected="mode=non-static and random embeddings: there is no teacher",
            )
