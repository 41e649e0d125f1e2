"""Tests of what goes into a transfer set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.augmenters.augmenter import GeneratedText
from kdprobe.augmenters.deduplicate import Deduplicator, key_of, keys_of, one_line
from tests.augmenters.builders import split_of

# Letters with a compatibility form, a case that folds to two letters, blanks of several kinds.
TEXT = st.text(alphabet="aAbß ſK\u00a0\t\n\u2028ﬁ", max_size=6)


def test_what_counts_as_the_same() -> None:
    """Guards a leak that hides behind a capital letter, a wide blank or a ligature."""
    assert key_of("The\u00a0fi\n lm ") == key_of("the ﬁ LM")
    assert key_of("Straße") == key_of("STRASSE")
    assert key_of("a b") != key_of("ab")
    assert key_of("a", "b") != key_of("b", "a")
    assert key_of("a", "b") != key_of("a b")


def test_by_hand() -> None:
    """Guards each fate of a text being counted under another's name."""
    train = split_of(["A dog.", "no"])
    kept_once = Deduplicator(
        keys_of(train), {"dev": keys_of(split_of(["The Test"])), "test": {key_of("t")}}
    )
    drafts = [
        GeneratedText(text, None, "train-0" if text.startswith("new") else "")
        for text in ("a  dog.", " \n", "new\tone", "NEW one", "the test", "The  test", "t", "last",
                     "too many")
    ]  # fmt: skip
    assert kept_once.add(drafts, wanted=2) == 2
    assert kept_once.kept == [GeneratedText("new one", None, "train-0"), GeneratedText("last")]
    assert (kept_once.drawn, kept_once.known, kept_once.empty) == (8, 1, 1)
    assert kept_once.repeated == 2  # "NEW one", and the second look at a leak
    assert (kept_once.leaked, dict(kept_once.leaks)) == (2, {"dev": 1, "test": 1})


def test_pairs() -> None:
    """Guards a pair with an empty side, and pairs that share one side being taken as one."""
    kept_once = Deduplicator({key_of("a", "b")}, {"dev": {key_of("a", "c")}}, has_pairs=True)
    kept_once.add(
        [
            GeneratedText("a", "b"),
            GeneratedText("a", "C"),
            GeneratedText("a", ""),
            GeneratedText("a", " x "),
        ],
        wanted=None,
    )
    assert kept_once.kept == [GeneratedText("a", "x")]
    assert (kept_once.known, kept_once.leaked, kept_once.empty) == (1, 1, 1)


@settings(deadline=None)
@given(
    train=st.lists(TEXT, max_size=5),
    dev=st.lists(TEXT, max_size=5),
    drafts=st.lists(TEXT, max_size=20),
    wanted=st.none() | st.integers(1, 8),
)
def test_properties(
    train: list[str], dev: list[str], drafts: list[str], wanted: int | None
) -> None:
    """Guards an empty, repeated, known or leaked text in a transfer set, and counts that lie."""
    kept_once = Deduplicator(
        {key_of(text) for text in train}, {"dev": {key_of(text) for text in dev}}
    )
    kept_once.add([GeneratedText(text) for text in drafts], wanted=wanted)
    kept = [key_of(draft.text) for draft in kept_once.kept]
    assert len(set(kept)) == len(kept)
    assert not set(kept) & kept_once.train
    assert not set(kept) & kept_once.held_out["dev"]
    assert all(
        draft.text.strip() and draft.text == one_line(draft.text) for draft in kept_once.kept
    )
    fates = kept_once.empty + kept_once.known + kept_once.repeated + kept_once.leaked + len(kept)
    assert fates == kept_once.drawn
    expected = (
        {key_of(text) for text in drafts} - kept_once.train - kept_once.held_out["dev"] - {("", "")}
    )
    assert len(kept) == min(len(expected), wanted or len(expected))
