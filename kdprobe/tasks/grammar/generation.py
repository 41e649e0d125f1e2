"""The embedded task: acceptable English sentences and minimally damaged ones, from a small grammar.

Does: generate splits of any size from a seed, minimal pairs, and the derivation of every sentence.
Does not: read or write files; the same call gives the same sentences on every machine.

Text: words joined with blanks, the final mark a word of its own, so that `text.split()` gives the
words that positions count. Splits: every clause's lexical frame (subject, verb, object) falls into
train, dev or test by a hash, so no size or seed of one split shares a frame with another; single
words are shared. Every split consists of minimal pairs, the acceptable sentence and the damage done
to it, next to each other in either order: no content word tells anything about the label, and
what remains to be learned is grammar.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType

import numpy as np

from kdprobe.errors import TaskError
from kdprobe.seeds import derive_seed
from kdprobe.tasks.grammar import agreement, structure
from kdprobe.tasks.grammar.clauses import SentenceDraft, Writer
from kdprobe.tasks.grammar.lexicon import PARTS
from kdprobe.tasks.grammar.trees import Derivation, Tree
from kdprobe.tasks.task import Split, Task

DEFAULT_SIZES: Mapping[str, int] = MappingProxyType({"train": 8000, "dev": 1000, "test": 1000})
DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Phenomenon:
    """What one kind of damage is called, its field and the function that plans it.

    Args:
        name: the value of the column `phenomenon`.
        field: `morphology`, `syntax`, `semantics` or `syntax-semantics`, BLiMP's grouping
            (Warstadt et al. 2020) applied to ours.
        weight: how many pairs of it there are in each round over all phenomena.
        build: builds one acceptable sentence and the damage to be done to it.
    """

    name: str
    field: str
    weight: int
    build: Callable[[Writer], SentenceDraft]


PHENOMENA = tuple(
    Phenomenon(build.__name__, field, weight, build)
    for field, weight, build in (
        ("morphology", 2, agreement.subject_verb_agreement),
        ("morphology", 1, agreement.agreement_attractor),
        ("morphology", 1, agreement.reflexive_agreement),
        ("morphology", 2, agreement.determiner_noun),
        ("morphology", 2, agreement.verb_form),
        ("morphology", 2, agreement.pronoun_case),
        ("syntax", 2, structure.word_order),
        ("syntax", 2, structure.argument_structure),
        ("syntax", 1, structure.filler_gap),
        ("syntax", 1, structure.adjunct_island),
        ("syntax", 1, structure.coordination),
        ("semantics", 1, structure.npi_licensing),
        ("semantics", 1, structure.tense_adverb),
        ("syntax-semantics", 1, agreement.reflexive_binding),
        ("syntax-semantics", 2, structure.relative_pronoun),
    )
)


@dataclass(frozen=True)
class GrammarPairs:
    """Minimal pairs: an acceptable sentence and the damage done to it, `[n]` each.

    Args:
        ids: `grammar-<phenomenon>-0001`, unique.
        phenomena: what was damaged.
        fields: the field of each phenomenon (`morphology`, `syntax`, ...).
        good: the acceptable texts.
        bad: the damaged texts, as many words as their partners.
        damaged_word: index of the damaged word in `bad.split()`.
    """

    ids: tuple[str, ...]
    phenomena: tuple[str, ...]
    fields: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    damaged_word: tuple[int, ...]


def generate_split(task: Task, name: str, *, size: int = 0, seed: int = DEFAULT_SEED) -> Split:
    """Generate a split of the embedded task, half of it acceptable.

    A smaller size gives the beginning of a larger one.

    Args:
        task: a classification of two labels that names the acceptable one.
        name: `train`, `dev` or `test`.
        size: number of sentences; 0 for the default (train 8000, dev and test 1000).
        seed: any integer.

    Returns:
        Ids `grammar-dev-0001`; columns (strings): `phenomenon`; `damaged_word`, the index in
        `text.split()` of the word that cannot stand there, and `damaged_text`, that word, both
        empty for an acceptable sentence; `frame`, the lexical frames of its clauses joined by
        `+`; `pair`, equal for the two members of a pair and empty for a last one alone.

    Raises:
        TaskError: the task is not of that kind, the name is none of the three, the size is
            negative.
    """
    where = f"{task.name} {name}"
    _check_task(where, task)
    _check(where, name, size)
    size = size or DEFAULT_SIZES[name]
    good = task.labels.index(task.acceptable)
    rows = list(derivations(name, size=size, seed=seed))
    damaged = [row.damaged_word for row in rows]
    return Split(
        task=task,
        name=name,
        ids=tuple(f"grammar-{name}-{k:04d}" for k in range(1, size + 1)),
        texts=tuple(row.text for row in rows),
        labels=np.array([good if row.acceptable else 1 - good for row in rows], dtype=np.int64),
        columns={
            "phenomenon": tuple(row.phenomenon for row in rows),
            "damaged_word": tuple("" if at is None else str(at) for at in damaged),
            "damaged_text": tuple(
                "" if at is None else row.words[at] for row, at in zip(rows, damaged, strict=True)
            ),
            "frame": tuple(row.frame for row in rows),
            "pair": _pair_ids(name, size),
        },
        origin=f"embedded grammar, seed {seed}",
    )


def derivations(name: str, *, size: int, seed: int = DEFAULT_SEED) -> Iterator[Derivation]:
    """Yield the sentences of `generate_split(task, name, size=size, seed=seed)` with their trees.

    Raises:
        TaskError: the name is no split of the grammar, the size is negative.

    >>> first = next(derivations("dev", size=2))
    >>> first.text.split() == list(first.words)
    True
    """
    _check(f"grammar {name}", name, size)
    return _pairs(name, seed, size)


def minimal_pairs(*, size_per_phenomenon: int, seed: int = DEFAULT_SEED) -> GrammarPairs:
    """Generate minimal pairs of every phenomenon, on frames of the test split.

    Definition: as in BLiMP (Warstadt et al. 2020), two sentences that differ in what makes the
    one unacceptable: one word, or two words that change places.

    Raises:
        TaskError: the size is negative.
    """
    _check("grammar minimal pairs", "test", size_per_phenomenon)
    rows: list[tuple[Phenomenon, int, Derivation, Derivation]] = []
    for phenomenon in PHENOMENA:
        rng = random.Random(derive_seed(seed, "grammar", "minimal pairs", phenomenon.name))
        known_texts: set[str] = set()
        for k in range(1, size_per_phenomenon + 1):
            good, bad = _fresh(phenomenon, rng, "test", known_texts)
            rows.append((phenomenon, k, good, bad))
    return GrammarPairs(
        ids=tuple(f"grammar-{phenomenon.name}-{k:04d}" for phenomenon, k, _, _ in rows),
        phenomena=tuple(phenomenon.name for phenomenon, _, _, _ in rows),
        fields=tuple(phenomenon.field for phenomenon, _, _, _ in rows),
        good=tuple(good.text for _, _, good, _ in rows),
        bad=tuple(bad.text for _, _, _, bad in rows),
        damaged_word=tuple(bad.damaged_word or 0 for _, _, _, bad in rows),
    )


def _check_task(where: str, task: Task) -> None:
    if task.kind != "classification" or len(task.labels) != 2 or task.acceptable not in task.labels:
        raise TaskError(
            where,
            found=f"{task.kind} with labels {', '.join(task.labels) or 'none'}"
            f" and acceptable = {task.acceptable!r}",
            expected="a classification of two labels of which one is named acceptable",
            remedy="the embedded grammar yields acceptable and unacceptable sentences only",
        )


def _check(where: str, name: str, size: int) -> None:
    if name not in PARTS:
        raise TaskError(
            where, found="no such split of the embedded grammar", expected=", ".join(PARTS)
        )
    if size < 0:
        raise TaskError(where, found=f"{size} sentences", expected="0 or more")


def _pair_ids(name: str, size: int) -> tuple[str, ...]:
    """Return both members of a pair one id; a sentence without its partner has none."""
    return tuple(
        f"grammar-{name}-pair-{k // 2 + 1:04d}" if k < size - size % 2 else "" for k in range(size)
    )


def _rounds(rng: random.Random) -> Iterator[Phenomenon]:
    """Yield all phenomena by weight again and again, each round in a new order."""
    while True:
        left = [phenomenon for phenomenon in PHENOMENA for _ in range(phenomenon.weight)]
        while left:
            yield left.pop(int(rng.random() * len(left)))


def _pairs(name: str, seed: int, size: int) -> Iterator[Derivation]:
    """Yield both members of each pair, in either order."""
    rng = random.Random(derive_seed(seed, "grammar", name))
    known_texts: set[str] = set()
    phenomena = _rounds(rng)
    for k in count(0, 2):
        pair = _fresh(next(phenomena), rng, name, known_texts)
        if rng.random() < 0.5:
            pair = (pair[1], pair[0])
        for at, sentence in enumerate(pair, start=k):
            if at >= size:
                return
            yield sentence


def _fresh(
    phenomenon: Phenomenon, rng: random.Random, part: str, known_texts: set[str]
) -> tuple[Derivation, Derivation]:
    """Build an acceptable sentence that was not seen before, and its damaged counterpart."""
    while True:
        draft = phenomenon.build(Writer(rng, part))
        good, bad = _spell(phenomenon.name, draft)
        # "The man that that boy greeted" is English but hard to read.
        if " that that " in good.text or " that that " in bad.text:
            continue
        if good.text not in known_texts and bad.text not in known_texts:
            known_texts.update((good.text, bad.text))
            return good, bad


def _spell(phenomenon: str, draft: SentenceDraft) -> tuple[Derivation, Derivation]:
    """Read the acceptable and the damaged sentence off a draft."""
    # Leaves are compared by identity: equal words stand in several places.
    changed = {id(leaf): word for leaf, word in draft.changes}
    leaves = list(draft.tree.leaves())
    damaged = [changed.get(id(leaf), leaf.word) for leaf in leaves]
    damaged[0] = damaged[0][:1].upper() + damaged[0][1:]
    at = next(k for k, leaf in enumerate(leaves) if leaf is draft.point)
    tree: Tree = draft.tree.capitalised()
    words = tree.words()
    frame = "+".join(draft.frames)
    good = Derivation(words, tree, True, phenomenon, None, frame, words)
    return good, Derivation(tuple(damaged), tree, False, phenomenon, at, frame, words)
