"""The log-probabilities of an answer's token, as language models give them, over a task's labels.

Does: read the column `logprobs`, give each label the probability of the tokens that are its name,
and say what belongs to none. Does not: guess what a token means: it is a label's name, what a label
map says, or no label.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import numpy as np

from kdprobe.errors import CheckpointError
from kdprobe.models.labels import POSITIONAL
from kdprobe.models.predictions.answers import HARD_NAMES, TOKENS, Lack, quoted
from kdprobe.models.predictions.numbers import PROBABILITY_FLOOR
from kdprobe.plain_files import parse_json
from kdprobe.plain_text import printable
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Task

_EXPECTED = 'an object of tokens and their log-probabilities, like {"yes": -0.1, "no": -2.4}'
_LISTED = 3
_ROUNDED = 0.02
"""How far probabilities may sum above 1: logarithms of two digits may make each
0.5 % too large."""


class TokenProbabilities(NamedTuple):
    """What the tokens of each row give the labels.

    Args:
        values: float64 `[n, c]`, log-probabilities that sum to 1 over the labels; NaN where a row
            holds no answer.
        lacking: rows whose most probable token is no label.
        notes: what the reader of the report must know: how much of the probability is no label's.
    """

    values: Floats
    lacking: Mapping[int, Lack]
    notes: tuple[str, ...]


class _LabelRow(NamedTuple):
    """Probabilities of a row: of the labels, the least listed, and of tokens that are no label."""

    labels: Floats
    least: float
    others: Mapping[str, float]

    @property
    def covered(self) -> float:
        return float(self.labels.sum())


def token_probabilities(
    table: ColumnTable,
    task: Task,
    label_map: Mapping[str, str] | None,
    *,
    skip: Container[int] = (),
) -> TokenProbabilities:
    """Read the log-probabilities of the tokens of every row.

    Definition: of a row that lists the k most probable tokens t with log-probabilities l(t), label
    y has P(y), the sum of exp l(t) over the tokens that are y without the blanks around them, or
    that `label_map` says are y; its probability is P(y) divided by the sum of P over all labels. A
    label that is not listed has P = 0, and is taken as `PROBABILITY_FLOOR`. A row whose most
    probable token is no label is no answer.

    Args:
        table: with a column `logprobs`: an object, or a list of objects with `token` and `logprob`.
        task: a classification.
        label_map: what tokens mean.
        skip: rows that hold no answer anyway.

    Raises:
        CheckpointError: something else, numbers above 0, or probabilities that sum to more than 1.

    >>> task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
    >>> cell = '{" yes": -0.6931471805599453, "no": -1.3862943611198906, "The": -2.0}'
    >>> table = ColumnTable("p.jsonl", {"logprobs": (cell,)}, (1,))
    >>> np.exp(token_probabilities(table, task, None).values).round(4).tolist()  # 1/4 and 1/2
    [[0.3333, 0.6667]]
    """
    meaning = {} if label_map in (None, POSITIONAL) else dict(label_map or {})
    values = np.full((len(table.lines), len(task.labels)), np.nan)
    lacking: dict[int, Lack] = {}
    rows: list[_LabelRow] = []
    for place, cell in enumerate(table.columns[TOKENS]):
        if place in skip:
            continue
        tokens = _tokens(cell or "", table, place)
        best = max(tokens, key=lambda token: tokens[token])
        row = _of_labels(tokens, task, meaning)
        if meaning.get(best, best) not in task.labels:
            lacking[place] = Lack(best or "an empty token")
            continue
        shares = row.labels / row.covered
        values[place] = np.log(np.maximum(shares, PROBABILITY_FLOOR))
        rows.append(row)
    return TokenProbabilities(values, lacking, _notes(rows))


def answers_of(table: ColumnTable) -> set[str]:
    """Return the predicted labels and the tokens of a table, without the blanks around them."""
    named = [table.columns[name] for name in HARD_NAMES if name in table.columns]
    answers = {(cell or "").strip() for cells in named for cell in cells}
    for row, cell in enumerate(table.columns.get(TOKENS, ())):
        with contextlib.suppress(CheckpointError):  # reading the row says what is wrong with it
            answers |= _tokens(cell or "", table, row).keys()
    return answers


def _of_labels(tokens: Mapping[str, float], task: Task, meaning: Mapping[str, str]) -> _LabelRow:
    labels, others = np.zeros(len(task.labels)), {}
    places = {name: place for place, name in enumerate(task.labels)}
    for token, share in tokens.items():
        place = places.get(meaning.get(token, token))
        if place is None:
            others[token] = share
        else:
            labels[place] += share
    return _LabelRow(labels, min(tokens.values()), others)


def _tokens(cell: str, table: ColumnTable, row: int) -> dict[str, float]:
    """Return the probability of each token of a row, tokens without the blanks around them."""
    where = table.where(row)
    held = _pairs(parse_json(cell, where=where, error=CheckpointError, expected=_EXPECTED))
    if not held:
        raise CheckpointError(
            where, found=f"{TOKENS} is {printable(cell, limit=60)}", expected=_EXPECTED
        )
    shares: defaultdict[str, float] = defaultdict(float)
    for token, number in held:
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not (isinstance(token, str) and is_number) or math.isnan(number) or number > 1e-6:
            raise CheckpointError(
                where, found=f"{TOKENS} gives {printable(str(token), limit=40)!r} {number!r}",
                expected="logarithms of probabilities, which are 0 or less",
            )  # fmt: skip
        shares[token.strip()] += math.exp(number)
    total = sum(shares.values())
    if not 0 < total <= 1 + _ROUNDED:
        raise CheckpointError(
            where, found=f"the probabilities of {TOKENS} sum to {total:.6g}",
            expected="those of one token: above 0, and 1 at most",
        )  # fmt: skip
    return dict(shares)


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    """Return tokens and log-probabilities of the forms that interfaces give; none of others."""
    if isinstance(value, dict):
        inner = value.get("content", value.get("top_logprobs"))
        return _pairs(inner) if isinstance(inner, list) else list(value.items())
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        return []
    first = value[0]
    if isinstance(first.get("top_logprobs"), list):  # one entry a token of the answer: the first
        return _pairs(first["top_logprobs"])
    if all({"token", "logprob"} <= each.keys() for each in value):
        return [(each["token"], each["logprob"]) for each in value]
    return _pairs(first) if "token" not in first else []


def _notes(rows: list[_LabelRow]) -> tuple[str, ...]:
    """Say how much of the probability was left out, and which labels were not listed."""
    if not rows:
        return ()
    covered = np.array([min(row.covered, 1.0) for row in rows])
    others: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        for token, share in row.others.items():
            others[token] += share / len(rows)
    most = sorted(others, key=lambda token: -others[token])[:_LISTED]
    named = ", ".join(f"{quoted(token)} {others[token]:.1%}" for token in most)
    unlisted = max(0.0, 1 - covered.mean() - sum(others.values()))
    rest = f"{named}{', ' * bool(named)}{unlisted:.1%} of tokens that are not listed"
    notes = [
        f"its probabilities are those of its answers' tokens ({TOKENS}): the labels have "
        f"{covered.mean():.1%} of all probability on average and {covered.min():.1%} at least; the "
        f"rest ({rest}) was left out and each row divided by what its labels have"
    ]
    least = [(min(row.least, max(0.0, 1 - row.covered)), row.covered)
             for row in rows if (row.labels == 0).any()]  # fmt: skip
    bounds = [most / (most + share) for most, share in least]
    if bounds:
        notes += [
            f"in {len(bounds):,} of {len(rows):,} rows a label is not among the tokens listed: it "
            f"was given {PROBABILITY_FLOOR:g}, and has at most {max(bounds):.2g}"
        ]
    return tuple(notes)
