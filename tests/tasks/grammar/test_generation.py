"""The embedded task: splits, pairs, derivations, and what would let a model cheat."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef

from kdprobe.errors import TaskError
from kdprobe.tasks.grammar.generation import PHENOMENA, derivations, generate_split, minimal_pairs
from kdprobe.tasks.grammar.lexicon import frame_part
from kdprobe.tasks.grammar.trees import Derivation
from kdprobe.tasks.task import Split, Task

TASK = Task(
    name="grammar",
    version=1,
    kind="classification",
    labels=("unacceptable", "acceptable"),
    primary_score="mcc",
    acceptable="acceptable",
)
SEEDS = st.integers(min_value=0, max_value=2**31)


@pytest.fixture(scope="module")
def train() -> Split:
    """Training sentences, enough to fit a guesser."""
    return generate_split(TASK, "train", size=6000)


@pytest.fixture(scope="module")
def dev() -> Split:
    """Sentences to test it on."""
    return generate_split(TASK, "dev", size=3000)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Derivation, Derivation]]:
    """Acceptable sentences and their damaged counterparts."""
    rows = list(derivations("dev", size=3000))
    return [
        (one, two) if one.acceptable else (two, one)
        for one, two in zip(rows[::2], rows[1::2], strict=True)
    ]


def test_seed_1_gives_these_sentences() -> None:
    """A change of the grammar or of the platform would silently make old results incomparable."""
    split = generate_split(TASK, "dev", size=8, seed=1)
    assert split.texts == GOLDEN
    assert split.ids[0] == "grammar-dev-0001"


def test_the_hash_seed_of_python_does_not_matter() -> None:
    """Iterating over a set of strings would give other sentences in every process."""
    program = (
        "from kdprobe.tasks.grammar.generation import derivations\n"
        "print([row.text for row in derivations('train', size=40, seed=3)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    here = [row.text for row in derivations("train", size=40, seed=3)]
    assert outputs == {f"{here}\n"}


def test_a_smaller_size_is_the_beginning_of_a_larger_one() -> None:
    """--limit and --generate would otherwise compare models on other sentences."""
    small = generate_split(TASK, "test", size=11, seed=4)
    large = generate_split(TASK, "test", size=60, seed=4)
    assert small.texts == large.texts[:11]
    assert small.labels is not None
    assert large.labels is not None
    assert small.labels.tolist() == large.labels[:11].tolist()


def test_sizes_by_default(train: Split) -> None:
    """An empty default size would pass as an empty split."""
    assert len(generate_split(TASK, "dev")) == 1000
    assert generate_split(TASK, "dev", seed=1).texts == generate_split(TASK, "dev").texts
    assert len(train) == 6000


@settings(max_examples=12, deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 80), st.integers(1, 80))
def test_no_frame_is_shared_by_two_splits(a: int, b: int, m: int, n: int) -> None:
    """A shared combination of content words would let memory pass for grammar."""
    frames = {}
    for name, seed, size in (("train", a, m), ("dev", b, n), ("test", a, n)):
        rows = derivations(name, size=size, seed=seed)
        frames[name] = {frame for row in rows for frame in row.frame.split("+")}
        assert {frame_part(frame) for frame in frames[name]} == {name}
    assert not frames["train"] & frames["dev"]
    assert not frames["train"] & frames["test"]
    assert not frames["dev"] & frames["test"]


def test_no_text_is_shared_or_repeated(train: Split, dev: Split) -> None:
    """A damaged sentence has words of another frame and could be the same in train and dev."""
    test = generate_split(TASK, "test", size=3000)
    everything = train.texts + dev.texts + test.texts
    assert len(set(everything)) == len(everything)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(["train", "dev", "test"]), st.integers(1, 90))
def test_labels_are_balanced(seed: int, name: str, size: int) -> None:
    """An unbalanced split would move accuracy without any skill."""
    split = generate_split(TASK, name, size=size, seed=seed)
    assert split.labels is not None
    assert int(split.labels.sum()) in (size // 2, size - size // 2)


def test_labels_follow_the_names_of_the_task() -> None:
    """A task file with the labels in another order would silently swap them."""
    turned = replace(TASK, labels=("acceptable", "unacceptable"))
    one, other = generate_split(TASK, "dev", size=40), generate_split(turned, "dev", size=40)
    assert one.texts == other.texts
    assert one.labels is not None
    assert other.labels is not None
    assert (one.labels == 1 - other.labels).all()


def test_every_phenomenon_has_both_labels_equally_often(dev: Split) -> None:
    """A slice with one label only has no MCC."""
    assert dev.labels is not None
    counts = Counter(zip(dev.columns["phenomenon"], dev.labels.tolist(), strict=True))
    assert len(PHENOMENA) >= 10
    assert {name for name, _ in counts} == {each.name for each in PHENOMENA}
    for name in {name for name, _ in counts}:
        assert counts[name, 0] == counts[name, 1] >= 60


def test_the_damaged_word_is_where_the_column_says(dev: Split) -> None:
    """A wrong index would make every pointing game a lottery."""
    assert dev.labels is not None
    columns = (dev.columns["damaged_word"], dev.columns["damaged_text"])
    for text, label, at, word in zip(dev.texts, dev.labels, *columns, strict=True):
        if label == 1:
            assert (at, word) == ("", "")
        else:
            assert text.split()[int(at)] == word


def test_pairs_stand_together(dev: Split) -> None:
    """A pair column off by one would pair a sentence with a stranger."""
    labels = defaultdict(list)
    frames = defaultdict(set)
    assert dev.labels is not None
    rows = zip(dev.columns["pair"], dev.labels.tolist(), dev.columns["frame"], strict=True)
    for pair, label, frame in rows:
        labels[pair].append(label)
        frames[pair].add(frame)
    assert all(sorted(both) == [0, 1] for both in labels.values())
    assert all(len(both) == 1 for both in frames.values())
    assert generate_split(TASK, "dev", size=3).columns["pair"][2] == ""


def test_damage_is_minimal(pairs: list[tuple[Derivation, Derivation]]) -> None:
    """Damage that adds or drops words would let length give the label away."""
    for good, bad in pairs:
        assert good.words == bad.source_words == good.tree.words()
        assert good.tree is bad.tree or good.tree == bad.tree
        assert bad.damaged_word is not None
        assert good.damaged_word is None
        lower = [[word.lower() for word in words] for words in (good.words, bad.words)]
        assert len(lower[0]) == len(lower[1])
        different = [k for k, (a, b) in enumerate(zip(*lower, strict=True)) if a != b]
        assert len(different) in (1, 2)
        if len(different) == 1:
            assert different == [bad.damaged_word]
        else:
            assert sorted(lower[0]) == sorted(lower[1])


def test_the_damaged_word_of_each_phenomenon(pairs: list[tuple[Derivation, Derivation]]) -> None:
    """An index that is right for another phenomenon points at an innocent word."""
    kinds = {
        "reflexive_agreement": {"himself", "herself", "themselves"},
        "reflexive_binding": {"himself", "herself", "themselves"},
        "pronoun_case": {"he", "him", "she", "her", "they", "them"},
        "coordination": {"and", "or", "nor"},
        "npi_licensing": {"ever", "any"},
        "tense_adverb": {"yesterday", "tomorrow", "last", "next"},
        "relative_pronoun": {"who", "which"},
        "filler_gap": {"who", "what", "that"},
        "verb_form": {"will", "has", "have"},
    }
    for _, bad in pairs:
        if bad.phenomenon in kinds:
            assert bad.damaged_word is not None
            assert bad.words[bad.damaged_word].lower() in kinds[bad.phenomenon]


def test_words_do_not_give_the_label_away(train: Split, dev: Split) -> None:
    """A word that is commoner in damaged sentences would be learned instead of grammar."""
    counter = CountVectorizer(token_pattern=r"\S+")
    fitted = LogisticRegression(max_iter=2000).fit(counter.fit_transform(train.texts), train.labels)
    guessed = fitted.predict(counter.transform(dev.texts))
    assert abs(matthews_corrcoef(dev.labels, guessed)) < 0.15


def test_every_common_word_stands_in_both_kinds(train: Split) -> None:
    """The guesser above could miss a single word that tells the label."""
    assert train.labels is not None
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for text, label in zip(train.texts, train.labels, strict=True):
        for word in set(text.lower().split()):
            counts[word][label] += 1
    assert len(counts) <= 350
    for word, (bad, good) in counts.items():
        if bad + good >= 150:
            # Members of a pair share their words, so four standard errors are generous.
            assert abs(good - bad) < 4 * np.sqrt(good + bad), word


def test_lengths_vary(train: Split) -> None:
    """Probing for length and depth needs sentences of many lengths."""
    lengths = [len(text.split()) - 1 for text in train.texts]
    assert min(lengths) <= 4
    assert max(lengths) >= 25
    assert 6 <= np.median(lengths) <= 14


def test_texts_begin_with_a_capital_and_end_with_a_mark(dev: Split) -> None:
    """A mark glued to a word in some sentences only would be a cue."""
    for text in dev.texts:
        assert text[0].isupper()
        assert text[1:] == text[1:].lower()
        assert text.endswith((" .", " ?"))


def test_minimal_pairs_use_frames_of_test_only() -> None:
    """Pairs on training frames would measure memory."""
    found = minimal_pairs(size_per_phenomenon=4, seed=2)
    assert len(found.ids) == len(set(found.ids)) == 4 * len(PHENOMENA)
    assert set(found.fields) == {"morphology", "syntax", "semantics", "syntax-semantics"}
    seen = set(generate_split(TASK, "train", size=4000).texts)
    for good, bad, at in zip(found.good, found.bad, found.damaged_word, strict=True):
        assert good not in seen
        assert len(good.split()) == len(bad.split()) > at
        assert good != bad
    assert found == minimal_pairs(size_per_phenomenon=4, seed=2)
    assert found.good != minimal_pairs(size_per_phenomenon=4, seed=3).good


def test_minimal_pairs_of_a_size_below_zero() -> None:
    """A negative size would pass as none."""
    with pytest.raises(TaskError) as caught:
        minimal_pairs(size_per_phenomenon=-1)
    assert str(caught.value) == "grammar minimal pairs: -1 sentences, expected 0 or more"


def test_unknown_split() -> None:
    """An unknown name would hash to no frames and never end."""
    with pytest.raises(TaskError) as caught:
        generate_split(TASK, "dev_mismatched", size=2)
    assert str(caught.value) == (
        "grammar dev_mismatched: no such split of the embedded grammar, expected train, dev, test"
    )
    with pytest.raises(TaskError) as caught:
        derivations("valid", size=2)
    assert str(caught.value) == (
        "grammar valid: no such split of the embedded grammar, expected train, dev, test"
    )


def test_a_task_of_other_labels_is_refused() -> None:
    """Labels of another task would silently be taken for acceptability."""
    with pytest.raises(TaskError) as caught:
        generate_split(replace(TASK, labels=("bad", "good")), "dev", size=2)
    assert str(caught.value) == (
        "grammar dev: classification with labels bad, good and acceptable = 'acceptable', expected "
        "a classification of two labels of which one is named acceptable; the embedded grammar "
        "yields acceptable and unacceptable sentences only"
    )


def test_thousands_of_sentences_a_second() -> None:
    """A search for rare frames could become slow without any test failing.

    Processor time, not the clock: machines that test are shared. A tenth of what was measured.
    """
    start = time.process_time()
    assert sum(1 for _ in derivations("train", size=1500, seed=9)) == 1500
    assert time.process_time() - start < 1.5


GOLDEN = (
    "Every boy will ignore the teacher and that teacher behind the doctors have "
    "damaged the lamps in the theater .",
    "Every boy will ignore the teacher and that teacher behind the doctors has "
    "damaged the lamps in the theater .",
    "The rich aunt has often arrived although the teacher has fainted in the market .",
    "The rich aunt has often arrived although the teacher fainted has in the market .",
    "The boy has admired every clock who the teacher will admire .",
    "The boy has admired every clock which the teacher will admire .",
    "The girl claimed that this king admires himself .",
    "The girl claimed that this king admires herself .",
)
