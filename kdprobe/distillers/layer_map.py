"""A small language for which layer of the teacher belongs to which of the student's.

Does: read `uniform`, `emb+uniform`, `first`, `last`, `skip`, `distilbert` or a list of
`teacher:student` pairs. Does not: decide what is done with the pairs; objectives do.
"""

from __future__ import annotations

import re

from kdprobe.errors import ConfigError
from kdprobe.models.layer_choice import layer_pairs
from kdprobe.registry import unknown_name

RULES = ("copied", "distilbert", "first", "last", "skip", "uniform")
_DISTILBERT = (1, 3, 5, 8, 10, 12)
Pairs = tuple[tuple[int, int], ...]


def read_layer_map(
    text: str,
    *,
    student: int,
    teacher: int,
    copied: tuple[int, ...] | None = None,
    where: str = "layer_map",
) -> Pairs:
    """Read a layer map.

    Definition, with k layers of the student and n of the teacher, both counted from 1, and 0 the
    output of the embeddings: `uniform` matches i with ceil(i n / k) (TinyBERT); `skip` with
    floor(i n / k), at least 1 (PKD); `first` with i; `last` with n - k + i; `distilbert` 1..6 with
    1 3 5 8 10 12 of 12; `copied` with the layer whose weights it was copied from, else as `uniform`.
    `emb+` before a rule adds the embeddings. `0:0,4:1` lists pairs, the teacher's layer first; layers
    of the student that are not named have no partner.

    Args:
        text: the rule or list.
        student: the number of the student's layers.
        teacher: the number of the teacher's layers.
        copied: the teacher's layers the student was copied from, counted from 0, or None.
        where: the file or option, for messages.

    Returns:
        Pairs (student's layer, teacher's layer), rising in the student's.

    Raises:
        UnknownNameError: no such rule; neighbours are listed.
        ConfigError: a layer that is not there, one of the student's named twice, or a rule that is
            not defined for these numbers.

    >>> read_layer_map("emb+uniform", student=2, teacher=12)
    ((0, 0), (1, 6), (2, 12))
    >>> read_layer_map("0:0,9:2", student=3, teacher=12)
    ((0, 0), (2, 9))
    """  # noqa: E501 (a rule a line)
    if ":" in text or re.fullmatch(r"[\d\s,]+", text):
        return _listed(text, student=student, teacher=teacher, where=where)
    rule = text.removeprefix("emb+")
    if rule not in RULES:
        raise unknown_name("layer-map", rule, RULES)
    layers = _layers(rule, student, teacher, copied, where)
    pairs = tuple(enumerate(layers, start=1))
    return ((0, 0), *pairs) if text.startswith("emb+") else pairs


def _layers(
    rule: str, student: int, teacher: int, copied: tuple[int, ...] | None, where: str
) -> tuple[int, ...]:
    if rule == "copied" and copied is not None:
        return tuple(layer + 1 for layer in copied)
    if rule in ("copied", "uniform"):
        return layer_pairs(student, teacher)
    expected = ""
    if rule == "distilbert" and (student, teacher) != (6, 12):
        expected = "a student of 6 and a teacher of 12, all it is defined for"
    elif rule in ("first", "last") and student > teacher:
        expected = "at most as many layers as the teacher has"
    if expected:
        raise ConfigError(
            where,
            found=f"{rule} for a student of {student} layers and a teacher of {teacher}",
            expected=expected,
            remedy="use uniform, or list the pairs",
        )
    if rule == "distilbert":
        return _DISTILBERT
    if rule == "first":
        return tuple(range(1, student + 1))
    if rule == "last":
        return tuple(range(teacher - student + 1, teacher + 1))
    return tuple(max(1, index * teacher // student) for index in range(1, student + 1))


def _listed(text: str, *, student: int, teacher: int, where: str) -> Pairs:
    pairs: list[tuple[int, int]] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+):(\d+)\s*", part)
        if match is None:
            raise ConfigError(
                where,
                found=f"cannot read {part.strip()!r}",
                expected="teacher:student pairs like 0:0,4:1,8:2",
                remedy=f"or a rule: {', '.join(RULES)}, emb+uniform",
            )
        theirs, ours = int(match[1]), int(match[2])
        for layer, count, who in ((theirs, teacher, "teacher"), (ours, student, "student")):
            if layer > count:
                raise ConfigError(
                    where,
                    found=f"layer {layer} of the {who} in {text}",
                    expected=f"0 (the embeddings) to {count}",
                )
        pairs.append((ours, theirs))
    ours_only = [ours for ours, _ in pairs]
    for layer in ours_only:
        if ours_only.count(layer) > 1:
            raise ConfigError(
                where, found=f"layer {layer} of the student twice in {text}", expected="once each"
            )
    return tuple(sorted(pairs))
