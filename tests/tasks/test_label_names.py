"""Names of labels: exactly first, folded only one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import ConfigError
from kdprobe.tasks.label_names import check_label_map, partners


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


MODELS = {"t": ("LABEL_0", "LABEL_1"), "s": ("no", "yes")}


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        ({"LABLE_0": "no"}, "`label_map`: no model has a label 'LABLE_0', expected one of LABEL_0, "
                            "LABEL_1, no, yes; did you mean 'LABEL_0'?"),
        ({"LABEL_0": "nope"}, "`label_map`: the task has no label 'nope', expected one of no, yes; "
                              "did you mean 'no'?"),
        ({"LABEL_0": "no", "LABEL_1": "no"},
         "`label_map`: calls the labels of t no, no, expected each of no, yes once"),
        ({"no": "yes"}, "`label_map`: calls the labels of s yes, yes, expected each of no, yes "
                        "once"),
    ],
)  # fmt: skip
def test_a_label_map_of_which_nothing_comes_is_refused(label_map, message):
    """Guards a slip in a map that is passed over because the names match without it."""
    with pytest.raises(ConfigError) as caught:
        check_label_map(label_map, MODELS, ("no", "yes"))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "label_map",
    [None, {}, {"*": "*"}, {"LABEL_0": "No", "LABEL_1": "YES"}, {"no": "yes", "yes": "no"}],
)
def test_a_label_map_of_one_model_leaves_the_others_alone(label_map):
    """Guards a map for the teacher that is refused because the student has other names."""
    check_label_map(label_map, MODELS, ("no", "yes"))
