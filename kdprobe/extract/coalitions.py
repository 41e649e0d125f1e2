"""The one value function of all methods that leave words out: v(S), what a model says of S alone.

Does: write the text of a coalition, ask the model about each distinct text once, many sentences at
a time, and remember the answers. Does not: know LIME, Shapley or any other method.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from kdprobe.errors import CapabilityError
from kdprobe.extract.written_words import SegmentWords
from kdprobe.models.texts_reader import TextsReader
from kdprobe.models.tokens import Texts
from kdprobe.observations.attributions import Word
from kdprobe.seeds import derive_generator
from kdprobe.segmentation import writes_no_blanks
from kdprobe.stats.arrays import Bools, Floats

Removal = Literal["delete", "mask"]
Output = Literal["log-odds", "probability", "label log-odds", "label probability"]
"""What is explained; the latter two are of labels that do not exclude each other."""
_CHECKED = 4
BLOCK_LETTERS = 1_000_000
"""Letters of the texts that are encoded at one time, about 100 MB of token ids."""


def output_of(logits: Floats, target: int, output: Output = "log-odds") -> Floats:
    """Return what is explained of a model's logits.

    Definition: the log-odds of a class against the rest, z_c - log(sum of exp(z_j) over j != c)
    (two classes: the difference of the logits), or its probability; of labels that do not exclude
    each other the logit z_c, which is its log-odds, or its logistic function. One output (a
    regression): the output itself.

    Args:
        logits: float64 `[n, c]`.
        target: the explained class or label.
        output: which of them.

    Returns:
        float64 `[n]`.

    >>> output_of(np.array([[1.0, 3.0]]), 1)
    array([2.])
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    odds = logits[:, target]
    if output in ("log-odds", "probability"):
        rest = np.delete(logits, target, axis=1)
        top = rest.max(axis=1)
        odds = odds - top - np.log(np.exp(rest - top[:, None]).sum(axis=1))
    if output.endswith("log-odds"):
        return odds
    share: Floats = np.exp(-np.logaddexp(0.0, -odds))
    return share


class ValueFunction:
    """v(S) for one text and model: the model's logits when only the words in S are there.

    Definition: `delete`: left-out words go together with the blanks before them; words that were
    neighbours keep what stood between them, others are put one blank apart, but nothing is put
    where no blank stood and one of the two is of a script that writes none. `mask`: the model's
    mask token stands for each word left out. The coalition of all words is the text itself.

    Args:
        reader: the model.
        texts: the text, or the pair.
        words: what is left out or there.
        removal: how.
        answers: what the model said of whole requests; games that share it ask none of them twice.
    """

    def __init__(
        self,
        reader: TextsReader,
        texts: Texts,
        words: Sequence[Word],
        *,
        removal: Removal = "delete",
        answers: dict[bytes, Floats] | None = None,
    ) -> None:
        self.reader, self.texts, self.words, self.removal = reader, texts, tuple(words), removal
        self.answers: dict[bytes, Floats] = {} if answers is None else answers
        if removal == "mask" and reader.mask_token is None:
            raise CapabilityError(
                reader.name,
                found="its tokenizer has no mask token",
                expected="one, to put in place of words",
                remedy="leave words out instead: removal = delete",
            )
        places = list(enumerate(self.words))
        self._segments = [
            SegmentWords(text, [(place, word) for place, word in places if word.segment == at])
            for at, text in enumerate(texts)
        ]
        self._rows: dict[bytes, int] = {}
        self._open: dict[bytes, Texts] = {}
        self._known: dict[Texts, int] = {}
        self._values: list[Floats] = []
        self._exact: bool | None = None

    def anew(self, answers: dict[bytes, Floats]) -> ValueFunction:
        """Return the same game with nothing known but the answers to whole requests.

        The batch that a text is run in decides the last digits of its outputs. With a game of its
        own, a method says the same whatever other methods are asked, or were before a kill.
        """
        return ValueFunction(
            self.reader, self.texts, self.words, removal=self.removal, answers=answers
        )

    @property
    def n(self) -> int:
        """The number of words."""
        return len(self.words)

    def text(self, kept: Bools) -> Texts:
        """Write the text of a coalition, bool `[n]`."""
        if kept.all():
            return self.texts
        mask = None if self.removal == "delete" else str(self.reader.mask_token)
        return tuple(segment.written(kept, mask) for segment in self._segments)

    def missing(self, masks: Bools) -> list[Texts]:
        """Return the distinct texts of these coalitions, bool `[m, n]`, that are not yet known."""
        wanted: dict[Texts, None] = {}
        for key, mask in _distinct(masks).items():
            if key in self._rows:
                continue
            text = self._open.get(key) or self.text(mask)
            if text in self._known:
                self._rows[key] = self._known[text]
                self._open.pop(key, None)
            else:
                wanted[text] = None
                self._open[key] = text
        return list(wanted)

    def tokens(self, samples: Sequence[Texts]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Encode texts of this game, from pieces where a check shows that this is exact."""
        if self._exact is None:
            generator = derive_generator(0, "coalitions", *self.texts)
            drawn = generator.random((_CHECKED, self.n)) < 0.5
            checked = [self.texts, *(self.text(mask) for mask in drawn)]
            # Without blanks every text would be one piece of its own, remembered for nothing.
            spaced = not any(map(writes_no_blanks, self.texts))
            self._exact = spaced and self.removal == "delete" and self.reader.is_exact(checked)
        if not self._exact:
            return self.reader.retokenise(samples) if samples else []
        return [
            self.reader.shorten(texts)
            if all(text == " ".join(text.split()) for text in texts)
            else self.reader.retokenise([texts])[0]
            for texts in samples
        ]

    def learn(self, samples: Sequence[Texts], values: Floats) -> None:
        """Take up the model's answers for texts that `missing` named."""
        for texts, row in zip(samples, values, strict=True):
            self._known[texts] = len(self._values)
            self._values.append(row)

    def logits(self, masks: Bools) -> Floats:
        """Return the logits of coalitions, float64 `[m, c]`; what is not known is asked now."""
        fill([(self, masks)])
        for key in _distinct(masks):
            if key not in self._rows:
                self._rows[key] = self._known[self._open.pop(key)]
        rows = [self._rows[mask.tobytes()] for mask in masks]
        return np.array([self._values[row] for row in rows]).reshape(
            len(masks), len(self.reader.columns)
        )

    def values(self, masks: Bools, target: int, output: Output = "log-odds") -> Floats:
        """Return what is explained of coalitions, float64 `[m]`; see `output_of`."""
        return output_of(self.logits(masks), target, output)


def _distinct(masks: Bools) -> dict[bytes, Bools]:
    """Return each different row once, by its bytes, in the order they come."""
    return {mask.tobytes(): mask for mask in masks}


def fill(wanted_masks: Sequence[tuple[ValueFunction, Bools]]) -> None:
    """Ask one model about the coalitions of many texts in common batches, each text once.

    Complete enumerations are requests of their own: LIME's limit and Shapley's values share them.
    Texts are encoded in blocks of `BLOCK_LETTERS` letters, shortest first, so that memory does not
    grow with the number of coalitions of a long text.
    """
    _fill([(game, masks) for game, masks in wanted_masks if len(masks) == 2**game.n])
    _fill([(game, masks) for game, masks in wanted_masks if len(masks) != 2**game.n])


def _fill(wanted_masks: Sequence[tuple[ValueFunction, Bools]]) -> None:
    wanted = [(game, text) for game, masks in wanted_masks for text in game.missing(masks)]
    sizes = [sum(map(len, texts)) for _, texts in wanted]
    block: list[tuple[ValueFunction, Texts]] = []
    letters = 0
    for place in sorted(range(len(wanted)), key=sizes.__getitem__):
        block.append(wanted[place])
        letters += sizes[place]
        if letters >= BLOCK_LETTERS:
            _ask(block)
            block, letters = [], 0
    if block:
        _ask(block)


def _ask(block: Sequence[tuple[ValueFunction, Texts]]) -> None:
    samples: dict[ValueFunction, list[Texts]] = {}
    for game, texts in block:
        samples.setdefault(game, []).append(texts)
    rows = [row for game, texts in samples.items() for row in game.tokens(texts)]
    first = next(iter(samples))
    request = hashlib.sha256(repr(rows).encode()).digest()
    if request not in first.answers:
        first.answers[request] = first.reader.logits(rows)
    values = first.answers[request]
    start = 0
    for game, missing in samples.items():
        game.learn(missing, values[start : start + len(missing)])
        start += len(missing)


def every_coalition(n: int) -> Bools:
    """Return all coalitions of n words, bool `[2**n, n]`; row r holds the binary digits of r.

    >>> every_coalition(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    rows: Bools = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.bool_)
    return rows
