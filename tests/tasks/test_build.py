"""From a table to a split: labels by name, ids, slices, shares."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.config.task import Columns, Derived
from kdprobe.errors import TaskError
from kdprobe.tasks.build import SplitPlan, build_split, hash_share
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split, Task


def task(labels: tuple[str, ...] = ("no", "yes"), **changes: Any) -> Task:
    parts: dict[str, Any] = {
        "name": "t",
        "version": 1,
        "kind": "classification" if labels else "regression",
        "labels": labels,
        "primary_score": "mcc",
        **changes,
    }
    return Task(**parts)


def build(cells: dict[str, tuple[str | None, ...]], of: Task | None = None, **plan: Any) -> Split:
    size = len(next(iter(cells.values())))
    table = ColumnTable("f.tsv", cells, tuple(range(2, size + 2)))
    names = Columns(**plan.pop("columns", {"text": "text", "label": "label"}))
    return build_split(table, of or task(), "dev", SplitPlan(names, **plan), origin="F/f.tsv")


def fault(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(TaskError) as caught:
        build(*args, **kwargs)
    return str(caught.value)


def gold(split: Split) -> list[float]:
    assert split.labels is not None
    return [float(label) for label in split.labels]


def test_labels_by_name_in_any_case_or_by_index():
    """`1` and `yes` and `Yes` mean the same class; their order is the task's."""
    split = build({"text": ("a", "b", "c", "d"), "label": ("yes", "0", "Yes", " 1 ")})
    assert gold(split) == [1, 0, 1, 1]
    assert split.ids == ("dev-00001", "dev-00002", "dev-00003", "dev-00004")
    assert split.origin == "F/f.tsv"


def test_labels_that_are_numbers_are_names_only():
    """With classes called 1 and 2, a cell `0` is an error and `1` is the first class."""
    numbered = task(("1", "2"))
    assert gold(build({"text": ("a", "b"), "label": ("1", "2")}, numbered)) == [0, 1]
    assert "label '0', expected one of the 2 labels of t (1, 2)" in fault(
        {"text": ("a",), "label": ("0",)}, numbered
    )


def test_labels_that_differ_in_case_only_are_kept_apart():
    """`It` (the film) and `it` must not be folded into one class."""
    split = build({"text": ("a", "b"), "label": ("it", "It")}, task(("It", "it")))
    assert gold(split) == [1, 0]
    assert "label 'IT'" in fault({"text": ("a",), "label": ("IT",)}, task(("It", "it")))


def test_unknown_and_empty_labels_are_named():
    """A label outside the task must be told with its line."""
    assert fault({"text": ("a", "b"), "label": ("yes", "maybe")}) == (
        "f.tsv:3: label 'maybe', expected one of the 2 labels of t (no, yes) or its index; correct "
        "the row, or give the labels in a task file of your own"
    )
    assert "label '2'" in fault({"text": ("a",), "label": ("2",)})
    assert "(a, b, c, d, e, f, g, h, …)" in fault(
        {"text": ("a",), "label": ("z",)}, task(tuple("abcdefghij"))
    )


def test_secret_labels_are_none():
    """A test split's -1 must become unknown, never the last class."""
    hidden: dict[str, tuple[str | None, ...]] = {"text": ("a", "b"), "label": ("-1", "-1")}
    assert build(hidden, labelled=False).labels is None
    assert build({"text": ("a",)}, labelled=False).labels is None
    assert gold(build({"text": ("a",), "label": ("1",)}, labelled=False)) == [1]
    assert build(hidden).labels is None
    assert gold(build({"text": ("a", "b"), "label": ("1", "-1")}, labelled=False)) == [1, -1]
    assert "no column 'label' for the label" in fault({"text": ("a",)})


def test_scores():
    """A score that is no number, or out of range, must be named."""
    similar = task((), score_range=(0.0, 5.0))
    assert gold(build({"text": ("a", "b"), "label": ("0", "3.25")}, similar)) == [0, 3.25]
    expected = "f.tsv:2: score {}, expected a number from 0 to 5; correct the row"
    for cell in ("x", "6", "inf"):
        assert fault({"text": ("a",), "label": (cell,)}, similar) == expected.format(repr(cell))
    assert "expected a finite number" in fault({"text": ("a",), "label": ("inf",)}, task(()))
    assert "no column 'label' for the score" in fault({"text": ("a",)}, similar)


def test_scores_that_are_missing_are_not_a_number():
    """STS-B's hub files write -1 where the score is secret; it would be the lowest of all."""
    similar = task((), score_range=(0.0, 5.0))
    cells = ("2.5", "nan", "", None, "-1", "-1.0", "-", "NA")
    split = build({"text": tuple("abcdefgh"), "label": cells}, similar)
    assert split.gold_rows.tolist() == [0]
    assert split.missing_as == ("nan", "", "-1", "-1.0", "-", "NA")
    free = build({"text": ("a", "b"), "label": ("-1", "2")}, task(()))
    assert gold(free) == [-1, 2]


def test_pairs_and_joined_columns():
    """MultiRC's second text is question and answer, in that order."""
    columns: dict[str, tuple[str | None, ...]] = {
        "text": ("p",), "q": ("Who?",), "a": ("Ann",), "label": ("1",)
    }  # fmt: skip
    split = build(
        columns,
        task(has_pairs=True),
        columns={"text": "text", "text_pair": ("q", "a"), "label": "label"},
    )
    assert split.pairs == ("Who? Ann",)


def test_empty_texts_are_named():
    """An empty text would be classified by nothing but [CLS]."""
    message = "column 'text' is empty, expected text in every row; fill it, or delete the row"
    for cell in ("", "  ", None):
        assert fault({"text": ("a", cell), "label": ("1", "1")}) == f"f.tsv:3: {message}"
    pair = {"text": "text", "text_pair": "other", "label": "label"}
    assert "f.tsv:2: column 'other' is empty" in fault(
        {"text": ("a",), "other": ("",), "label": ("1",)}, task(has_pairs=True), columns=pair
    )


def test_half_a_surrogate_pair_is_named():
    """JSON can spell one; a tokenizer would end in a traceback hours later."""
    assert fault({"text": ("a", "b \ud800"), "label": ("1", "1")}) == (
        "f.tsv:3: column 'text' (text) holds half a surrogate pair, expected whole Unicode "
        "characters, which any tokenizer can read; correct the row"
    )


def test_no_rows():
    """An empty split has no score."""
    assert fault({"text": (), "label": ()}) == (
        "f.tsv: no row for split 'dev', expected at least one example"
    )


def test_ids_of_a_column():
    """Ids of the data must be used as they are, and be unique."""
    names = {"text": "text", "label": "label", "id_column": "id"}
    rows: dict[str, tuple[str | None, ...]] = {"text": ("a", "b"), "label": ("1", "1")}
    assert build({**rows, "id": ("x", "y")}, columns=names).ids == ("x", "y")
    assert fault({**rows, "id": ("x", "x")}, columns=names) == (
        "f.tsv:3: id 'x' stands at f.tsv:2 too, expected another id in each row of column 'id'; "
        "correct it, or leave the id column out: rows are then numbered"
    )
    assert fault({**rows, "id": ("x", None)}, columns=names).startswith("f.tsv:3: no id, expected")


def test_slice_columns_and_derived_ones():
    """A slice column that is missing must be told unless the source may lack it."""
    rows: dict[str, tuple[str | None, ...]] = {
        "text": ("a", "b", "c"), "label": ("1", "1", "0"), "source": ("x", "y", None)
    }  # fmt: skip
    rule = Derived(column="domain", source="source", values={"in": ("x",), "out": ("y",)})
    split = build(rows, extra=("source",), derived=(rule,))
    assert split.columns == {"source": ("x", "y", ""), "domain": ("in", "out", "other")}
    bare: dict[str, tuple[str | None, ...]] = {"text": ("a",), "label": ("1",)}
    assert "no column 'source' for the slices" in fault(bare, extra=("source",))
    assert build(bare, extra=("source",), extra_required=False, derived=(rule,)).columns == {}


def test_broken_rows_are_told_in_the_origin():
    """Rows left out must be visible to whoever reads the report."""
    columns: dict[str, tuple[str | None, ...]] = {"text": ("a",), "label": ("1",)}
    plan = SplitPlan(Columns(text="text", label="label"))
    one = ColumnTable("f.tsv", columns, (2,), broken=(7,))
    two = ColumnTable("f.tsv", columns, (2,), broken=(5, 7))
    assert build_split(one, task(), "dev", plan, origin="f").origin == (
        "f (1 broken row was left out, the first at line 7)"
    )
    assert build_split(two, task(), "dev", plan, origin="f").origin == (
        "f (2 broken rows were left out, the first at line 5)"
    )


@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=30))
def test_shares_part_the_rows(texts):
    """No row may fall into two shares or none, and equal texts fall together."""
    columns: dict[str, tuple[str | None, ...]] = {
        "text": tuple(texts), "label": ("1",) * len(texts)
    }  # fmt: skip
    seen: list[str] = []
    sides: list[set[str]] = []
    for share in ((0.0, 0.5), (0.5, 1.0)):
        try:
            split = build(columns, share=share)
        except TaskError:
            continue
        seen += split.ids
        sides.append(set(split.texts))
    assert sorted(seen) == [f"dev-{row:05d}" for row in range(1, len(texts) + 1)]
    assert len(sides) == 1 or not sides[0] & sides[1]


def test_a_share_without_rows_is_told():
    """A tiny file has no tenth."""
    text = next(f"text {i}" for i in range(100) if hash_share(f"text {i}") < 0.5)
    assert fault({"text": (text,), "label": ("1",)}, share=(0.5, 1.0)) == (
        "f.tsv: none of its 1 rows falls into split 'dev' (by a hash of the text, 0.5 to 1), "
        "expected more rows; add rows, or a column 'split' that says which row belongs where"
    )


def test_hash_share_by_hand():
    """The documented hash: sha256("a") begins ca978112ca1bbdca."""
    assert hash_share("a") == 0xCA978112CA1BBDCA / 2**64
