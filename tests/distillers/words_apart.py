"""A BERT that reads word pieces and a BiLSTM that reads words, with the same texts matched.

Does: build the pair and read batches of it. Does not: train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from kdprobe.distillers.data import encode_for
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import prepare, read, shape_of
from kdprobe.distillers.objective import OBJECTIVES, Batch, ModelPair, View
from kdprobe.distillers.word_alignment import match_words
from kdprobe.models.bilstm_shape import parse_lstm
from kdprobe.models.shapes import NewShape, build_new
from kdprobe.models.text_model import TextModel
from kdprobe.models.word_student import build_word_student
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.distillers.builders import TASK, toy_split
from tests.models.tiny import tiny_tokenizer

LONGEST = 40


def vectors_file(folder: Path, words: str, *, width: int = 12) -> Path:
    """Random vectors of some words, as GloVe writes them."""
    rng = np.random.default_rng(0)
    rows = [
        f"{word} {' '.join(f'{n:.4f}' for n in rng.normal(0, 1, width))}" for word in words.split()
    ]
    path = folder / "vectors.txt"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def matched(model: Any, tokenizer: Any, split: Split) -> Encoded:
    """A split as a model reads it, with its words."""
    plain = encode_for(model, tokenizer, split, max_length=LONGEST)
    text = TextModel(model, tokenizer, name="m")
    return match_words(plain, text, split, max_length=LONGEST, progress=Silent(), title="words")


class Apart(NamedTuple):
    """Student and teacher with a training and a held-out split as each reads it."""

    student: Any
    teacher: Any
    models: ModelPair
    train: tuple[Encoded, Encoded]
    held: tuple[Encoded, Encoded]

    def values(
        self, name: str, rows: Any, *, held: bool = False, trained: Any = None, **options: Any
    ) -> torch.Tensor:
        """Each example's value of an objective."""
        objective = OBJECTIVES.load(name)
        chosen = objective.options(**options)
        needs = objective.needs(self.models, chosen)
        ours, theirs = (part.batch(rows) for part in (self.held if held else self.train))
        with torch.no_grad():
            said = read(self.teacher, theirs, needs.teacher)
        shown = self.teacher if needs.teacher_model else None
        teacher = View(said, theirs, shown)
        shown = self.student if needs.student_model else None
        student = View(read(self.student, ours, needs.student), ours, shown, projection=trained)
        batch = Batch(ours["attention_mask"].bool(), models=self.models)
        given = objective.loss_sum(student, teacher, batch, chosen)
        return given / objective.loss_count(batch, chosen)


def apart(folder: Path, *, hidden: int = 8, train: int = 24) -> Apart:
    """The pair: a BERT of two layers, 16 wide, and a BiLSTM of one, with vectors for its words."""
    pieces = tiny_tokenizer("bert")
    torch.manual_seed(2)
    teacher = build_new(NewShape(2, 16, 32, 2), TASK, tokenizer=pieces).eval()
    prepare(teacher, frozenset(), gradients=True)
    with torch.no_grad():
        for weight in teacher.parameters():
            if weight.ndim == 2:
                weight.mul_(8.0)
    teacher.requires_grad_(False)
    split, held = toy_split(train, seed=3), toy_split(12, seed=4, name="dev")
    file = vectors_file(folder, "the a film story music actor plan city dog man great terrible")
    shape = parse_lstm(f"hidden={hidden},fc=8,embeddings={file}", where="`student`")
    torch.manual_seed(1)
    student, words, _ = build_word_student(shape, TASK, texts=split.texts, pairs=False)
    parts = [
        tuple(matched(m, t, s) for m, t in ((student, words), (teacher, pieces)))
        for s in (split, held)
    ]
    models = ModelPair(TASK, shape_of(student), shape_of(teacher), ((1, 2),))
    return Apart(student, teacher, models, *parts)  # type: ignore[arg-type]
