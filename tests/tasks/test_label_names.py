"""Names of labels: exactly first, folded only one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.tasks.label_names import partners


@pytest.mark.parametrize(
    "names",
    [("-1", "0", "1"), ("A", "A-"), ("+", "-"), ("c", "c#", "c++"), ("-0", "0"),
     ("Yes", "yes", "YES"), ("a b", "a_b", "ab"), ("1", "1.0"), ("B+", "B-", "B"),
     ("co-op", "coop")],
)  # fmt: skip
def test_names_that_look_alike_are_matched_exactly(names: tuple[str, ...]):
    """A model that kdprobe itself trained must be opened by its own names."""
    assert partners(names[::-1], names) == tuple(range(len(names)))[::-1]


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (("NEGATIVE", "POSITIVE"), ("positive", "negative")),
        (("not-entailment", "Entailment"), ("entailment", "not_entailment")),
        (("0.0", "1.0"), ("1", "0")),
        (("Card Lost", "card_stolen"), ("card_stolen", "card_lost")),
    ],
)
def test_harmless_spellings_are_folded(model: tuple[str, ...], task: tuple[str, ...]):
    """A refusal over a capital letter helps nobody."""
    assert partners(model, task) == (1, 0)


@pytest.mark.parametrize(
    ("model", "task"),
    [(("a", "A"), ("a", "b")), (("x", "y"), ("X", "x")), (("-1", "1"), ("1", "+1")),
     (("A", "B"), ("A", "A-")), (("a", "b"), ("a", "c"))],
)  # fmt: skip
def test_what_is_not_one_to_one_has_no_partners(model: tuple[str, ...], task: tuple[str, ...]):
    """Two labels for one output would give both the same probability."""
    assert partners(model, task) is None


@given(st.lists(st.text(max_size=4), unique=True, min_size=1, max_size=6), st.randoms())
def test_any_names_are_their_own_partners_in_any_order(names: list[str], random):
    """Guards against a folding that comes before the exact comparison."""
    other = list(names)
    random.shuffle(other)
    found = partners(other, names)
    assert found is not None
    assert [other[place] for place in found] == names
