"""What a config says of a model's labels, checked against itself.

Does: give the names in the order of the outputs, and refuse numbers that are not those of outputs
and tables that contradict each other. Does not: match names to a task's; `labels.py` does. Loads no
torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from kdprobe.errors import CheckpointError
from kdprobe.plain_text import printable

_SHOWN = 5
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")  # one way to write each, so that no two keys are one
_REMEDY = "correct id2label and label2id in config.json"


def numbered_names(written: Mapping[str, object], *, where: str) -> dict[int, str]:
    """Return the names of a config's labels by the numbers that stand there, in their order.

    Args:
        written: the config as its file holds it.
        where: the file, for messages.

    Returns:
        Number -> name; empty when the config names none.

    Raises:
        CheckpointError: no table of numbers and names, or a number that is none.

    >>> numbered_names({"id2label": {"1": "pos", "0": "neg"}}, where="config.json")
    {0: 'neg', 1: 'pos'}
    """
    table = written.get("id2label")
    if table is None:
        return {}
    if not isinstance(table, dict) or not table:
        raise CheckpointError(
            where, found=f"id2label is {printable(json.dumps(table), limit=60)}",
            expected='a name for each output, like {"0": "negative", "1": "positive"}',
            remedy=_REMEDY,
        )  # fmt: skip
    for key in table:
        if not _NUMBER.fullmatch(key):
            raise CheckpointError(
                where, found=f"id2label numbers an output {key[:40]!r}",
                expected="whole numbers from 0", remedy=_REMEDY,
            )  # fmt: skip
    return {int(key): str(table[key]) for key in sorted(table, key=int)}


def label_names(written: Mapping[str, object], *, where: str) -> tuple[str, ...]:
    """Return the names of a config's labels in the order of the outputs.

    Args:
        written: the config as its file holds it.
        where: the file, for messages.

    Returns:
        One name an output; `LABEL_0` … when the config names none, as `transformers` calls them.

    Raises:
        CheckpointError: the numbers are not 0, 1, 2 …, or `label2id` gives a name another number.

    >>> label_names({"id2label": {"0": "neg", "1": "pos"}}, where="config.json")
    ('neg', 'pos')
    >>> label_names({"num_labels": 3}, where="config.json")
    ('LABEL_0', 'LABEL_1', 'LABEL_2')
    >>> label_names({"id2label": {"1": "neg", "2": "pos"}}, where="config.json")
    Traceback (most recent call last):
    kdprobe.errors.CheckpointError: config.json: its config names labels 1, 2; outputs are counted \
from 0; correct id2label and label2id in config.json, or say `label_map='*=*'` when they are in \
the task's order
    """
    names = numbered_names(written, where=where)
    if not names:
        count = written.get("num_labels", 2)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count < 1_000_000:
            raise CheckpointError(
                where, found=f"num_labels is {printable(json.dumps(count), limit=40)}",
                expected="a number of outputs from 1",
            )  # fmt: skip
        return tuple(f"LABEL_{index}" for index in range(count))
    if tuple(names) != tuple(range(len(names))):
        shown = ", ".join(map(str, list(names)[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
        raise CheckpointError(
            where, found=f"its config names labels {shown}; outputs are counted from 0",
            remedy=f"{_REMEDY}, or say `label_map='*=*'` when they are in the task's order",
        )  # fmt: skip
    _refuse_contradiction(names, written.get("label2id"), where)
    return tuple(names.values())


def _refuse_contradiction(names: Mapping[int, str], numbers: object, where: str) -> None:
    """Refuse a name that `label2id` gives another number than `id2label`."""
    if not isinstance(numbers, dict):
        return
    for index, name in names.items():
        other = numbers.get(name, index)
        if isinstance(other, int) and other != index and list(names.values()).count(name) == 1:
            raise CheckpointError(
                where, found=f"output {index} is {name!r} by id2label and {other} by label2id",
                expected="one number for each label",
                remedy=f"{_REMEDY}, or say `label_map='*=*'` when outputs are in the task's order",
            )  # fmt: skip
