"""Tests of taking texts apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.augmenters.worded import read_words, spell


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_text_comes_back_letter_for_letter(text: str) -> None:
    """Guards augmented texts whose blanks and marks differ from what the teacher was trained on."""
    read = read_words(text)
    assert len(read.gaps) == len(read.words) + 1
    whole = spell(read.forms, read.gaps[1:-1])
    assert read.gaps[0] + whole + (read.gaps[-1] if read.words else "") == text
