"""How a person names a student: `layers=3`, `bert:L4,H128`, a folder.

Does: parse the words into frozen types, and build a BERT that starts from nothing. Does not: copy
weights (`surgery.py`), build a BiLSTM (`bilstm.py`) or train a tokenizer (`word_pieces.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from kdprobe.errors import ConfigError
from kdprobe.models.bilstm_shape import MODES, LstmShape, Mode, parse_lstm, whole_number
from kdprobe.models.labels import PROBLEM_TYPES
from kdprobe.models.layer_choice import SPREADS, Spread
from kdprobe.models.scaling import bert_sizes, multipliers
from kdprobe.models.word_pieces import LONGEST
from kdprobe.registry import unknown_name
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Init = Literal["copy", "random", "projection", "principal", "truncated"]
INITS: tuple[Init, ...] = get_args(Init)
_SIZE_KEYS = ("layers", "heads", "hidden", "intermediate")
_COPY_KEYS = (*_SIZE_KEYS, "init", "mode")
_EXAMPLES = "layers=3, layers=3:last, layers=0+2+5, bert:L4,H128,I512,A4, bert:W1/2,D1 or a folder"


@dataclass(frozen=True)
class CopyShape:
    """A student made from another model.

    Args:
        layers: how many layers it has; None: as many as the other.
        which: the layers that are copied, counted from 0, or the rule that picks them.
        heads, hidden, intermediate: other sizes; None: those of the other model.
        init: what it starts from: a `copy` of the weights; `random` ones; the other's embeddings
            through a learned `projection`, or in their `principal` directions, all else at random;
            or its weights, `truncated` (`narrowing.py`). None: a copy where widths are equal.
        mode: of `projection`, whether the other's embeddings are trained beside the map: see
            `bilstm_shape.LstmShape`.
    """

    layers: int | None = None
    which: tuple[int, ...] | Spread = "even"
    heads: int | None = None
    hidden: int | None = None
    intermediate: int | None = None
    init: Init | None = None
    mode: Mode = "non-static"

    @property
    def start(self) -> Init:
        """What it starts from."""
        return self.init or ("copy" if self.keeps_widths else "random")

    @property
    def keeps_widths(self) -> bool:
        """Whether weights can be copied: the widths are the other model's."""
        return self.hidden is None and self.intermediate is None


@dataclass(frozen=True)
class NewShape:
    """A BERT that starts from random weights.

    Args:
        layers, hidden, intermediate, heads: its sizes.
        vocabulary: the number of word pieces when a tokenizer is trained for it; None: 8,000.
        embeddings: `teacher`: the teacher's through a learned projection (`projection.py`).
        mode: as in `CopyShape`.
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    vocabulary: int | None = None
    embeddings: Literal["teacher"] | None = None
    mode: Mode = "non-static"


@dataclass(frozen=True)
class ModelPlace:
    """A student that exists: a folder or a hub id."""

    path: str


def parse_student(
    text: str, *, where: str = "`student`"
) -> CopyShape | NewShape | LstmShape | ModelPlace:
    """Read how a person names a student.

    Args:
        text: `layers=3` (also `:first`, `:last`, `:even`, `:skip`, `:distilbert`), `layers=0+2+5`,
            any of `heads=`, `hidden=`, `intermediate=`, `init=`, `mode=` joined by commas;
            `bert:L4,H128,I512,A4` or `bert:W1/2,D1` (`scaling.py`), with `V8000` for its
            vocabulary or `embeddings=teacher` (and `mode=`); `bilstm:hidden=300,fc=400,layers=1`;
            `3` for `layers=3`; anything else is a folder or hub id.
        where: the option.

    Raises:
        ConfigError: a size that is missing, no number, or does not divide.
        UnknownNameError: an unknown key, rule or architecture.

    >>> parse_student("layers=3:last")
    CopyShape(layers=3, which='last', heads=None, hidden=None, intermediate=None, init=None, \
mode='non-static')
    >>> parse_student("bert:L4,H128,A2") == NewShape(4, 128, intermediate=512, heads=2)
    True
    >>> parse_student("out/s6")
    ModelPlace(path='out/s6')
    """
    number = text.isdecimal() and where == "`student`" and not Path(text).exists()
    if number or re.match(r"[a-z]+=", text):
        return _parse_copy(f"layers={text}" if number else text, where)
    shape = re.fullmatch(r"(?!python:)([a-z]+):(.*)", text)
    if shape is None:
        return ModelPlace(text)
    if shape[1] == "bilstm":
        return parse_lstm(shape[2], where=where)
    if shape[1] != "bert":
        raise unknown_name("kind of student", shape[1], ("bert", "bilstm"), option="student")
    return _parse_new(shape[2], where)


def _parse_copy(text: str, where: str) -> CopyShape:
    sizes: dict[str, int] = {}
    which: tuple[int, ...] | Spread = "even"
    init: Init | None = None
    mode: Mode | None = None
    given: set[str] = set()
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key not in _COPY_KEYS:
            raise unknown_name("setting of a student", key, _COPY_KEYS, option="student")
        if key in given:
            raise ConfigError(where, found=f"{key} twice in {text}", expected="once each")
        given.add(key)
        if key == "mode":
            mode = _mode(value)
            continue
        if key == "init":
            if value not in INITS:
                raise unknown_name("init", value, INITS, option="student")
            init = value
            continue
        if key == "layers" and "+" in value:
            which = _listed(value, where)
            sizes[key] = len(which)
            continue
        if key == "layers" and ":" in value:
            value, _, rule = value.partition(":")
            if rule not in SPREADS:
                raise unknown_name("choice of layers", rule, SPREADS, option="student")
            which = rule
        sizes[key] = whole_number(value, where, key)
    if mode is not None and init != "projection":
        raise ConfigError(
            where,
            found=f"mode={mode} in {text}",
            expected="init=projection beside it: mode says what becomes of the other's embeddings",
        )
    shape = CopyShape(which=which, init=init, mode=mode or "non-static", **sizes)
    if shape.start == "copy" and not shape.keeps_widths:
        raise ConfigError(
            where,
            found=f"init=copy with other widths in {text}",
            expected="the widths of the model that is copied",
            remedy="init=truncated cuts its weights, init=projection learns from its embeddings",
        )
    return shape


def _mode(value: str) -> Mode:
    if value not in MODES:
        raise unknown_name("mode", value, MODES, option="student")
    return value


def _listed(value: str, where: str) -> tuple[int, ...]:
    items = value.split("+")
    if not all(item.isascii() and item.isdigit() for item in items):
        raise ConfigError(
            where, found=f"layers={value}", expected="layers counted from 0, like layers=0+2+5"
        )
    which = tuple(int(item) for item in items)
    if list(which) != sorted(set(which)):
        raise ConfigError(
            where,
            found=f"layers={value}",
            expected="rising layers, each once; a layer out of its order reads what it never saw",
        )
    return which


def _parse_new(text: str, where: str) -> NewShape:
    given: dict[str, str] = {}
    words: dict[str, str] = {}
    for part in text.split(","):
        key, mark, value = part.partition("=")
        if mark and key in ("embeddings", "mode") and key not in words:
            words[key] = value
            continue
        if not part or part[0] not in "LHIAVWD" or part[0] in given:
            raise ConfigError(
                where,
                found=f"cannot read {part!r} in bert:{text}",
                expected="L layers, H width, I inner width, A heads (or W and D, multipliers), "
                "V vocabulary, once each, embeddings=teacher, mode=",
                remedy=f"examples: {_EXAMPLES}",
            )
        given[part[0]] = part[1:]
    scale = multipliers(given, others=("L", "H", "I", "A"), where=where, spec=f"bert:{text}")
    numbers = {
        key: whole_number(value, where, key) for key, value in given.items() if key not in "WD"
    }
    vocabulary = numbers.get("V")
    if vocabulary is not None and vocabulary < 100:
        raise ConfigError(where, found=f"V is {vocabulary}", expected="100 word pieces or more")
    if scale is not None:
        layers, hidden, inner, heads = bert_sizes(*scale)
    elif "L" not in numbers or "H" not in numbers:
        raise ConfigError(
            where,
            found=f"bert:{text}",
            expected="at least L (layers) and H (width), or W (a width multiplier)",
        )
    else:
        layers, hidden = numbers["L"], numbers["H"]
        inner, heads = numbers.get("I", 4 * hidden), numbers.get("A", max(1, hidden // 64))
    if hidden % heads:
        raise ConfigError(
            where, found=f"{heads} heads for a width of {hidden}", expected="heads that divide it"
        )
    _check_words(words, where, text)
    mode = _mode(words.get("mode", "non-static"))
    return NewShape(
        layers, hidden, inner, heads, vocabulary, "teacher" if "embeddings" in words else None, mode
    )


def _check_words(words: dict[str, str], where: str, text: str) -> None:
    """Refuse embeddings of another origin than a teacher's, and a mode of none."""
    if words.get("embeddings", "teacher") != "teacher":
        raise unknown_name(
            "kind of embeddings", words["embeddings"], ("teacher",), option="student"
        )
    if "mode" in words and "embeddings" not in words:
        raise ConfigError(
            where, found=f"mode={words['mode']} in bert:{text}", expected="embeddings=teacher too"
        )


def label_settings(task: Task) -> dict[str, Any]:
    """Return the config entries that make a model speak of a task: labels, or one number."""
    if task.kind == "regression":
        return {"num_labels": 1, "problem_type": PROBLEM_TYPES[task.kind]}
    return {
        "id2label": dict(enumerate(task.labels)),
        "label2id": {label: index for index, label in enumerate(task.labels)},
        "problem_type": PROBLEM_TYPES[task.kind],
    }


def build_new(
    shape: NewShape, task: Task, *, tokenizer: PreTrainedTokenizerBase
) -> PreTrainedModel:
    """Build a BERT classifier with random weights, drawn from torch's global generator.

    Raises:
        ConfigError: more than the memory takes; see `building.build_fresh`.
    """
    from transformers import BertConfig, BertForSequenceClassification

    from kdprobe.models.building import build_fresh

    config = BertConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_attention_heads=shape.heads,
        max_position_embeddings=LONGEST,
        pad_token_id=tokenizer.pad_token_id,
        **label_settings(task),
    )
    return build_fresh(
        BertForSequenceClassification, config, where=f"bert:L{shape.layers},H{shape.hidden}"
    )


def texts_of(texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[str, ...]:
    """Return all texts of a split, first and second ones."""
    return (*texts, *(pairs or ()))
