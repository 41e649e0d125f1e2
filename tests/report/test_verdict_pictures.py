"""Tests of the first screen's pictures: parsed as XML, measured against the numbers beside them."""

import itertools
import xml.etree.ElementTree as ElementTree

import pytest

from kdprobe.report.chart_standing import draw_standing
from kdprobe.report.section import SECTIONS
from kdprobe.report.verdict_pictures import EDGE, WIDE, Pictures, chance_agreement
from kdprobe.results.headline import headline
from kdprobe.results.schema import ResultsDocument
from tests.report import documents
from tests.results.test_screen import everything, result

KEYS = ("state", "score", "agreement", "kappa", "attribution", "layers", "size", "speed")


def marks(drawing: str, *classes: str) -> list[ElementTree.Element]:
    """Return the elements of a drawing that have one of these classes."""
    root = ElementTree.fromstring(drawing)
    return [each for each in root.iter() if each.get("class", "") in classes]


@pytest.mark.parametrize("key", KEYS)
def test_every_student_has_a_picture_within_its_frame(key: str):
    """A mark outside of its frame is cut: the worst student would look like an average one."""
    pictures = Pictures(headline(everything(students=tuple(f"s{i}" for i in range(10)))))
    for place in range(10):
        root = ElementTree.fromstring(str(pictures.of(key, place)))
        assert root.get("aria-hidden") == "true"  # the numbers stand beside it
        for each in root.iter():
            for name in ("x", "x1", "x2", "cx"):
                if each.get(name) is not None:
                    assert 0 <= float(each.get(name, "")) <= WIDE
            if each.get("width") and each is not root:
                assert float(each.get("x", "")) + float(each.get("width", "")) <= WIDE


def test_a_column_has_one_axis():
    """Two students on axes of their own cannot be compared by eye."""
    document = everything(students=("a", "b"))
    head = headline(document)
    pictures = Pictures(head)
    lines = []
    for place in range(2):
        (whisker,) = marks(str(pictures.of("state", place)), "whisker")
        number = head.rows[place].difference.estimate
        assert number is not None
        assert number.low is not None
        lines.append((number.low, float(whisker.get("x1", ""))))
    (low, x), (other, further) = lines
    unit = (x - further) / (low - other)  # pixels for a difference of 1
    (margin,) = marks(str(pictures.of("state", 0)), "margin")
    assert float(margin.get("width", "")) == pytest.approx(0.04 * unit, abs=0.3)
    start = float(margin.get("x", ""))
    assert x == pytest.approx(start + (low + 0.02) * unit, abs=0.2)


def test_chance_is_what_kappa_takes_from_agreement():
    """Kappa = (agreement - chance) / (1 - chance): .8 and .6 come of a chance of .5."""
    head = headline(everything())
    row = head.rows[0]
    same, kappa = row.agreement.value, row.kappa.value
    chance = chance_agreement(row)
    assert same is not None
    assert kappa is not None
    assert chance is not None
    assert (same - chance) / (1 - chance) == pytest.approx(kappa)
    alike = documents.build(n=20, names=("t", "s"))
    perfect = next(one for one in alike.analyses if one.name == "agreement")
    ones = tuple(n.model_copy(update={"value": 1.0, "low": 1.0, "high": 1.0})
                 for n in perfect.estimates)  # fmt: skip
    changed = tuple(
        one.model_copy(update={"estimates": ones}) if one is perfect else one
        for one in alike.analyses
    )
    row = headline(alike.model_copy(update={"analyses": changed})).rows[0]
    assert chance_agreement(row) is None  # of models that always agree chance cannot be told


def test_lost_layers_are_counted_in_squares():
    """A strip that fills another share than the number says is a false picture."""
    strip = str(Pictures(headline(everything())).of("layers", 0))
    assert len(marks(strip, "lost")) == 1
    assert len(marks(strip, "margin")) == 9


def test_a_bar_of_half_the_size_is_half_as_long():
    """Area that does not follow the ratio misleads more than no picture."""
    (bar,) = marks(str(Pictures(headline(everything(students=("half",)))).of("size", 0)), "bar")
    assert float(bar.get("width", "")) == pytest.approx((WIDE - 2 * EDGE) / 2, abs=0.2)


def test_the_chart_places_every_student():
    """A dot that is missing from the chart is a student that nobody sees."""
    document = everything(students=tuple(f"s{i}" for i in range(6)))
    chart = draw_standing(headline(document))
    assert chart is not None
    drawing = "".join(map(str, chart.pictures()))
    assert len(marks(drawing, "whisker")) == 12
    assert chart.finding.startswith("Agreement with the teacher from ")
    assert "(s0); " in chart.finding
    assert len(chart.numbers.rows) == 6
    empty = documents.build(n=3).model_copy(update={"analyses": ()})
    assert draw_standing(headline(empty)) is None


def test_names_at_the_edge_do_not_lie_on_each_other():
    """Six students within noise of each other would be one unreadable name."""
    document = everything(students=tuple(f"student {i}" for i in range(12)))
    chart = draw_standing(headline(document))
    assert chart is not None
    root = ElementTree.fromstring(str(chart.pictures()[0]))
    texts = [each for each in root.iter() if each.tag.endswith("text")]
    names = [each for each in texts if (each.text or "").startswith("student ")]
    heights = sorted(float(each.get("y", "")) for each in names)
    assert len(heights) == 12
    assert all(b - a >= 11 for a, b in itertools.pairwise(heights))
    assert heights[0] >= 0


def thirty() -> ResultsDocument:
    return everything(students=tuple(f"s{i}" for i in range(30)))


@pytest.mark.parametrize(
    "document",
    [
        documents.hostile(), documents.regression(), documents.many_labels(), thirty(),
        documents.build(n=12, names=("alone",)), everything(students=("one",)),
        documents.build(n=12, probabilities=False),
        documents.build(n=12).model_copy(update={"examples": (), "examples_total": 0}),
        documents.build(n=3).model_copy(update={"analyses": ()}),
        documents.build(n=12).model_copy(update={"analyses": (result("task_scores"),)}),
    ],
    ids=["hostile", "regression", "57 labels", "30", "no student", "one", "labels only",
         "no examples", "nothing run", "an empty analysis"],
)  # fmt: skip
def test_any_document_has_a_first_screen(document: ResultsDocument):
    """One number that is missing must not take the whole page down."""
    text = str(SECTIONS.load("verdict").render(document))
    assert "<script" not in text
    assert "<img" not in text
    assert text.count('<span class="name">') == len(document.models)
    for part in text.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part[: part.index("</svg>")] + "</svg>")


def test_numbers_without_intervals_are_drawn():
    """Documents of the first version have numbers without intervals."""
    document = everything()
    bare = tuple(
        one.model_copy(update={"estimates": tuple(
            n.model_copy(update={"low": None, "high": None}) for n in one.estimates)})
        for one in document.analyses
    )  # fmt: skip
    document = document.model_copy(update={"analyses": bare})
    text = str(SECTIONS.load("verdict").render(document))
    assert "cannot be told" in text
    assert 'class="whisker"' not in text
