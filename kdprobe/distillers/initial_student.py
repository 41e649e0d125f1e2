"""A student before its first step, and its layer map beside its teacher.

Does: turn `student` into a model and its tokenizer. Does not: train.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.distillers.layer_map import Pairs, read_layer_map
from kdprobe.distillers.source import Source
from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.models.narrowing import student_of
from kdprobe.models.projection import learn_projection
from kdprobe.models.shapes import (
    CopyShape,
    ModelPlace,
    NewShape,
    build_new,
    label_settings,
    parse_student,
)
from kdprobe.models.surgery import make_student
from kdprobe.models.word_student import build_word_student
from kdprobe.progress import Progress
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class InitialStudent(NamedTuple):
    """A student before training.

    Args:
        model: a sequence classifier.
        tokenizer: its tokenizer.
        copied: the teacher's layers whose weights it starts from, counted from 0, or None.
        notes: how it was built.
        how: in one word what happened to those layers.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    copied: tuple[int, ...] | None
    notes: tuple[str, ...]
    how: str = "copied"


def open_student(
    spec: str,
    teacher: Loaded | None,
    task: Task,
    *,
    offline: bool,
    progress: Progress,
    pairs: bool = False,
    texts: Sequence[str] = (),
) -> InitialStudent:
    """Make or open a student; new weights are drawn from torch's global generator.

    Args:
        spec: as `parse_student` reads it.
        teacher: what is copied from, and whose tokenizer a made student reads with; None: a made
            student reads with word pieces of its own.
        task: gives the student's labels.
        offline: ask no network.
        progress: a display, for vectors that are read and weights that are cut.
        pairs: whether its texts come in pairs.
        texts: the training texts, of pairs both: for the words of a student that reads words, and
            for what a narrower student begins with.

    Raises:
        ConfigError: sizes that do not fit, or a vocabulary for a student that has the teacher's.
        CheckpointError: a folder that is no usable model, or a file that holds no word vectors.
        CapabilityError: a teacher whose layers cannot be taken apart.
    """
    shape = parse_student(spec)
    if isinstance(shape, ModelPlace):
        return _existing(shape.path, task, offline=offline)
    if teacher is None:
        if isinstance(shape, CopyShape):
            raise ValueError("a student copied from no teacher")  # refused before it is opened
        source = Source(spec, None, offline)
        model, tokenizer, notes = source.new(shape, task, texts=texts, pairs=pairs)
        return InitialStudent(model, tokenizer, None, tuple(notes))
    if isinstance(shape, CopyShape):
        cut = shape.start in ("projection", "principal", "truncated")
        with progress.stage("narrow the teacher", None) if cut else nullcontext():
            cut_student = student_of(
                shape, teacher.model, teacher.tokenizer, task, columns=teacher.columns, texts=texts
            )
        how = "truncated" if shape.init == "truncated" else "copied"
        return InitialStudent(
            cut_student.model, teacher.tokenizer, cut_student.layers, cut_student.notes, how
        )
    if isinstance(shape, NewShape):
        if shape.vocabulary is not None:
            raise ConfigError(
                "`student`",
                found=f"V{shape.vocabulary} in {spec}",
                expected="no V: a student made for a teacher reads with the teacher's tokenizer",
            )
        model = build_new(shape, task, tokenizer=teacher.tokenizer)
        note = "all its weights start at random"
        if shape.embeddings == "teacher":
            with progress.stage("project the teacher's embeddings", None):
                note = learn_projection(
                    model, teacher.model, teacher.tokenizer, texts, mode=shape.mode
                )
        return InitialStudent(model, teacher.tokenizer, None, (note,))
    if shape.file is not None:
        with progress.stage("read the word vectors", None):
            words = build_word_student(shape, task, texts=texts, pairs=pairs)
        return InitialStudent(words.model, words.tokenizer, None, (words.note,))
    return _lstm(shape, teacher, task, pairs=pairs)


def _lstm(shape: LstmShape, teacher: Loaded, task: Task, *, pairs: bool) -> InitialStudent:
    """Build a BiLSTM that reads with the teacher's word pieces."""
    vectors, note = None, "all its weights start at random"
    if shape.embeddings != "random":
        vectors = teacher.model.get_input_embeddings().weight.detach().float().cpu()
        note = f"its embeddings start as the teacher's ({shape.mode}), all else at random"
    model = build_lstm(shape, task, tokenizer=teacher.tokenizer, vectors=vectors, pairs=pairs)
    return InitialStudent(model, teacher.tokenizer, None, (note,))


def _existing(path: str, task: Task, *, offline: bool) -> InitialStudent:
    """Open a folder: with its own head when that was trained for the task, else with a new one."""
    try:
        loaded = load_classifier(path, task=task, offline=offline)
    except CheckpointError as error:
        # an encoder without such a head is a good student; any other fault is raised again below
        loaded = load_classifier(path, task=task, new_head=True, offline=offline)
        note = f"its classifier head starts at random ({error.found})"
        return InitialStudent(loaded.model, loaded.tokenizer, None, (note,))
    model = loaded.model
    if loaded.columns != tuple(range(task.outputs)):
        model = make_student(CopyShape(), model, task, columns=loaded.columns).model
    model.config.update(label_settings(task))
    return InitialStudent(
        model, loaded.tokenizer, None, ("starts from its own trained head", *loaded.notes)
    )


def layer_map_of(text: str, student: InitialStudent, teacher: Loaded) -> Pairs:
    """Read a recipe's layer map for this student and teacher; see `layer_map.read_layer_map`."""
    return read_layer_map(
        text,
        student=int(student.model.config.num_hidden_layers),
        teacher=int(teacher.model.config.num_hidden_layers),
        copied=student.copied,
    )
