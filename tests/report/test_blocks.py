"""Tests of the general form of an analysis."""

from kdprobe.report.blocks import analyses_block, analysis_block, estimate_tables
from kdprobe.results.schema import AnalysisResult, Column, Curve, Estimate, Series, Table
from tests.report import documents
from tests.report.maker import metric


def result(*estimates: Estimate, curves: tuple[Curve, ...] = ()) -> AnalysisResult:
    names = dict.fromkeys(estimate.metric for estimate in estimates)
    return AnalysisResult(
        name="a",
        version=1,
        title="A",
        metrics=tuple(metric(name, name.upper(), "share") for name in names),
        estimates=estimates,
        curves=curves,
    )


def test_models_and_pairs_stand_in_tables_of_their_own():
    """A number of a pair under one model's name would be read as that model's."""
    tables = estimate_tables(
        result(
            Estimate(metric="x", model_a="t", value=1, n=10),
            Estimate(metric="y", model_a="s", value=2, n=10),
            Estimate(metric="x", model_a="t", model_b="s", value=3, n=10),
            Estimate(metric="x", model_a="s", model_b="r", value=4, n=7),
        ),
        "t",
    )
    assert [(table.title, table.columns) for table in tables] == [
        ("Each model", (("t", ""), ("s", ""))),
        ("Teacher and student", (("t", "s"),)),
        ("Students with each other", (("s", "r"),)),
    ]
    shown = [[cell and cell.value for cell in row.cells] for row in tables[0].rows]
    assert shown == [[1, None], [None, 2]]
    assert [table.aside for table in tables] == [False, False, True]


def test_subsets_are_told_apart_and_long_tables_fold():
    """Two numbers of different layers in one row would hide one of them."""
    estimates = [
        Estimate(metric="x", model_a="t", value=i, layer=str(i), pooling="mean", n=5)
        for i in range(20)
    ]
    (table,) = estimate_tables(result(Estimate(metric="x", model_a="t", value=9), *estimates), "t")
    assert [row.detail for row in table.rows] == [""]
    assert [row.detail for row in table.more][:2] == ["layer 0, mean", "layer 1, mean"]
    assert len(table.more) == 20
    (bare,) = estimate_tables(result(*estimates), "t")
    assert (len(bare.rows), len(bare.more)) == (16, 4)
    curve = Curve(name="c", title="C", x_title="x", y_title="y", series=(Series(name="s", x=()),))
    (drawn,) = estimate_tables(result(*estimates, curves=(curve,)), "t")
    assert (len(drawn.rows), len(drawn.more)) == (0, 20)


def test_the_number_of_examples_is_told_once_or_where_it_differs():
    """A correlation over 12 examples must not pass for one over 1,000."""
    document = documents.build(n=10)
    estimates = [Estimate(metric="x", model_a=m, value=0.5, n=1000) for m in "ts"]
    odd = Estimate(metric="x", model_a="r", value=0.5, n=12)
    whole = document.model_copy(update={"analyses": (result(*estimates),)})
    mixed = document.model_copy(update={"analyses": (result(*estimates, odd),)})
    assert "n = 1,000. " in (analysis_block(whole, "a") or "")
    text = analysis_block(mixed, "a") or ""
    assert "n = 1,000 unless said otherwise. " in text
    assert text.count("<small>n 12</small>") == 1
    assert "n 1,000" not in text


def test_an_undefined_number_shows_its_reason_and_never_a_zero():
    """Undefined shown as 0 would be the worst score of all."""
    document = documents.build(n=10)
    spoilt = result(Estimate(metric="x", model_a="t", undefined="a rater is constant"))
    text = analysis_block(document.model_copy(update={"analyses": (spoilt,)}), "a") or ""
    assert "undefined<small>a rater is constant</small>" in text


def shown(table: Table, *more: Table) -> str:
    """An analysis that holds nothing but tables."""
    document = documents.build(n=3)
    held = result().model_copy(update={"tables": (table, *more)})
    return analysis_block(document.model_copy(update={"analyses": (held,)}), "a") or ""


def test_a_table_links_only_examples_on_the_page():
    """A dead link sends a reader searching."""
    columns = (Column(name="e", label="E", kind="example"), Column(name="s", label="S"))
    table = Table(name="t", title="T", columns=columns, rows=(("1", "<x>"), ("7", None)))
    text = shown(table)
    assert '<a href="#ex-1">1</a>' in text
    assert '<th scope="row">7</th><td class="none">–</td>' in text
    assert "&lt;x&gt;" in text


def test_rows_beyond_the_first_eight_are_folded_not_dropped():
    """A long list must be whole, and must not bury what follows."""
    columns = (Column(name="n", label="N", kind="count"),)
    rows = tuple((i,) for i in range(13))
    table = Table(name="t", title="T", columns=columns, rows=rows)
    text = shown(table, Table(name="u", title="U", columns=columns, rows=()))
    assert '<details class="rest"><summary>5 more rows' in text
    assert all(f'<th scope="row" class="num">{i}</th>' in text for i in range(8))
    assert '<pre class="packed" data-kinds="n">\n8\n9\n10\n11\n12</pre>' in text
    assert "U: no rows." in text


def test_an_analysis_with_nothing_to_show_gives_no_heading():
    """An empty section looks like a failure."""
    document = documents.build(n=10)
    empty = AnalysisResult(name="a", version=1, title="A")
    document = document.model_copy(update={"analyses": (empty,)})
    assert analysis_block(document, "a") is None
    assert analysis_block(document, "missing") is None
    assert analyses_block(document, ("a", "missing"), "S") is None


def test_an_analysis_called_like_its_section_is_not_headed_twice():
    """The same heading twice in a row reads like a mistake."""
    document = documents.build(n=10)
    assert "<h3>Calibration</h3>" not in (
        analyses_block(document, ("calibration",), "Calibration") or ""
    )
    assert "<h3>Calibration</h3>" in (analyses_block(document, ("calibration",), "X") or "")


def test_of_very_many_pairs_and_rows_the_first_stand_and_a_sentence_says_so():
    """Guards against a page of megabytes that no one reads, and rows left out in silence."""
    names = [f"s{place:02d}" for place in range(12)]
    pairs = [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]
    with_teacher = [Estimate(metric="x", model_a="t", model_b=name, value=1) for name in names * 5]
    estimates = [Estimate(metric="x", model_a=a, model_b=b, value=2, n=9) for a, b in pairs]
    teacher, students = estimate_tables(result(*with_teacher, *estimates), "t")
    assert len(teacher.columns) == 12
    assert students.columns == tuple(pairs[:45])
    assert students.notes == ("The first 45 of 66 pairs; all are in metrics.csv",)
    assert [len(row.cells) for row in students.rows] == [45]
    (ten,) = estimate_tables(result(*estimates[:45]), "t")
    assert (len(ten.columns), ten.notes) == (45, ())
    columns = [Column(name=f"c{place}", label="c") for place in range(100)]
    rows = tuple((row, *[0] * 99) for row in range(300))
    long = Table(name="l", title="Long", caption="Why.", columns=tuple(columns), rows=rows)
    held = result().model_copy(update={"tables": (long,)})
    document = documents.build(n=20).model_copy(update={"analyses": (held,)})
    text = str(analysis_block(document, "a"))
    assert "Why. The first 250 of 300 rows; all are in results.json." in text
    assert "\n249\t" in text
    assert "\n250\t" not in text
