"""Probing sets: labelled sentences in three parts, in SentEval's format.

Does: read and write SentEval's files, check them, and draw stratified samples. Does not: build sets
from trees; `probing_build.py` does.

One line an instance: `tr|va|te <TAB> class <TAB> … <TAB> tokenised sentence` (the last field);
classes are the sorted label strings of the training part (Conneau and Kiela 2018).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdprobe import atomic
from kdprobe.errors import TaskError
from kdprobe.seeds import derive_generator
from kdprobe.tasks.readers import read_lines

PARTS = ("tr", "va", "te")
Rows = Sequence[tuple[str, str]]
"""(label, sentence) pairs."""


@dataclass(frozen=True)
class ProbingPart:
    """The sentences of one part, words joined with blanks, and their class indices, `[n]`."""

    sentences: tuple[str, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self.sentences)

    def take(self, rows: NDArray[np.int64]) -> ProbingPart:
        """Return these rows in this order."""
        return ProbingPart(tuple(self.sentences[row] for row in rows.tolist()), self.labels[rows])


@dataclass(frozen=True)
class ProbingSet:
    """A probing task's sentences.

    Args:
        name: the task's name.
        labels: the classes: the training part's label strings, sorted as strings.
        train, dev, test: the three parts.
        origin: where they come from, for the report.
    """

    name: str
    labels: tuple[str, ...]
    train: ProbingPart
    dev: ProbingPart
    test: ProbingPart
    origin: str

    @property
    def parts(self) -> tuple[ProbingPart, ProbingPart, ProbingPart]:
        """Train, dev and test."""
        return self.train, self.dev, self.test

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all sentences and labels."""
        digest = hashlib.sha256()
        for part in self.parts:
            for label, sentence in zip(part.labels.tolist(), part.sentences, strict=True):
                digest.update(f"{self.labels[label]}\x1f{sentence}\x1e".encode())
            digest.update(b"\x1d")
        return digest.hexdigest()


def make_set(name: str, parts: Mapping[str, Rows], *, origin: str, where: str = "") -> ProbingSet:
    """Make a probing set of rows, and check that it can be probed.

    Args:
        name: the task's name.
        parts: `tr`, `va`, `te` -> (label, sentence) rows.
        origin: where they come from.
        where: the file, for messages.

    Raises:
        TaskError: a part is empty, the training part has one class only, or a class stands in dev
            or test and not in the training part.
    """
    place = where or f"probing task {name}"
    for part in PARTS:
        if not parts.get(part):
            raise TaskError(
                place, found=f"no sentence of part {part!r}", expected="some of tr, va and te each"
            )
    labels = tuple(sorted({label for label, _ in parts["tr"]}))
    if len(labels) < 2:
        raise TaskError(
            place,
            found=f"the training part has one class only, {labels[0]!r}",
            expected="at least two",
        )
    index = {label: at for at, label in enumerate(labels)}
    for part in ("va", "te"):
        unseen = sorted({label for label, _ in parts[part]} - set(labels))
        if unseen:
            raise TaskError(
                place,
                found=f"class {unseen[0]!r} stands in part {part!r} and never in 'tr'",
                expected="classes that can be learned",
                remedy="leave its lines out, or add some to the training part",
            )
    samples = [
        ProbingPart(
            tuple(sentence for _, sentence in parts[part]),
            np.array([index[label] for label, _ in parts[part]], dtype=np.int64),
        )
        for part in PARTS
    ]
    return ProbingSet(name, labels, samples[0], samples[1], samples[2], origin)


def read_senteval(path: Path, name: str) -> ProbingSet:
    """Read one of SentEval's probing files.

    Raises:
        TaskError: the file cannot be read, a line is malformed (its number is told), or it cannot
            be probed (see `make_set`).
    """
    parts: dict[str, list[tuple[str, str]]] = {part: [] for part in PARTS}
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.rstrip().split("\t")
        if fields == [""]:
            continue
        sentence = " ".join(fields[-1].split())
        if len(fields) < 3 or fields[0] not in PARTS or not fields[1] or not sentence:
            raise TaskError(
                f"{path.name}:{number}",
                found=f"{len(fields)} tab-separated fields that start with {fields[0][:20]!r}",
                expected="tr, va or te, a class, and a sentence as the last field",
                remedy="was the file re-saved by another program?",
            )
        parts[fields[0]].append((fields[1], sentence))
    return make_set(name, parts, origin=f"file {path.name}", where=str(path.name))


def write_senteval(probing_set: ProbingSet, path: Path) -> None:
    """Write a probing set in SentEval's format.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    lines = [
        f"{part}\t{probing_set.labels[label]}\t{sentence}\n"
        for part, held in zip(PARTS, probing_set.parts, strict=True)
        for label, sentence in zip(held.labels.tolist(), held.sentences, strict=True)
    ]
    atomic.write_text(path, "".join(lines))


def sample_part(part: ProbingPart, size: int, *, seed: int, names: tuple[str, ...]) -> ProbingPart:
    """Draw a stratified sample, in the part's order; all of it when it is not larger.

    Definition: every class keeps its share to the nearest whole sentence (largest remainders get
    the rest) and at least one where it has one.
    """
    return part.take(sample_rows(part.labels, size, seed=seed, names=names))


def sample_rows(
    labels: NDArray[np.int64], size: int, *, seed: int, names: tuple[str, ...]
) -> NDArray[np.int64]:
    """Draw the rows of `sample_part`, int64, ascending."""
    if len(labels) <= size:
        return np.arange(len(labels))
    generator = derive_generator(seed, "probing sample", *names)
    order = generator.permutation(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * size / len(labels)
    quota = np.maximum(np.floor(exact).astype(int), 1)
    for at in np.argsort(-(exact - np.floor(exact)), kind="stable"):
        if quota.sum() >= size:
            break
        quota[at] += 1
    kept = [
        order[labels[order] == label][:share]
        for label, share in zip(classes, quota.tolist(), strict=True)
    ]
    return np.sort(np.concatenate(kept))


def sample_set(whole: ProbingSet, *, sentences: int, seed: int) -> ProbingSet:
    """Draw at most so many training sentences, and half as many of dev and test each.

    The training sentences come in SentEval's order, by number of words, then class, then place in
    the file: the minibatches of its protocol are seeded permutations of just this order.
    """
    half = max(sentences // 2, 1)
    train, dev, test = (
        sample_part(part, size, seed=seed, names=(whole.name, key))
        for part, size, key in zip(whole.parts, (sentences, half, half), PARTS, strict=True)
    )
    words = np.array([len(sentence.split()) for sentence in train.sentences])
    ordered = train.take(np.lexsort((train.labels, words)))
    return ProbingSet(whole.name, whole.labels, ordered, dev, test, whole.origin)
