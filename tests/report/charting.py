"""What the tests of charts share: curves and matrices in few words, and the drawn marks."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from kdprobe.report.charts import analysis_charts
from kdprobe.report.svg import Chart
from kdprobe.results.schema import (
    AnalysisResult,
    Curve,
    Estimate,
    Matrix,
    ResultsDocument,
    Series,
)
from tests.report import documents


def parsed(chart: Chart) -> ElementTree.Element:
    """Return the whole chart as one drawing, its legend included."""
    return ElementTree.fromstring(chart.svg())


def panel(chart: Chart, number: int = 0) -> ElementTree.Element:
    """Return one panel: the marks without the legend."""
    return ElementTree.fromstring(chart.panels[number].svg("k"))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [node for node in root.iter() if name in (node.get("class") or "").split()]


def words(root: ElementTree.Element) -> list[str]:
    """Return what is written, without tooltips."""
    return [(node.text or node[0].tail or "") for node in root.iter() if node.tag == "text"]


def places(nodes: Sequence[ElementTree.Element], key: str) -> list[float]:
    return [float(node.get(key) or "nan") for node in nodes]


def curve(
    kind: str, *series: Series, reference: float | None = None, title: str = "Title",
    name: str = "c", caption: str = "", y_title: str = "up",
) -> Curve:  # fmt: skip
    return Curve.model_validate(
        {"name": name, "title": title, "kind": kind, "x_title": "across", "y_title": y_title,
         "series": series, "reference": reference, "caption": caption}
    )  # fmt: skip


def matrix(
    *rows: tuple[float | None, ...], scale: str = "sequential", title: str = "M",
    labels: tuple[str, ...] = (), column_title: str = "column", unit: str = "",
) -> Matrix:  # fmt: skip
    return Matrix.model_validate(
        {"name": "m", "title": title, "row_title": "row", "column_title": column_title,
         "rows": labels or tuple(f"r{i}" for i in range(len(rows))),
         "columns": labels or tuple(f"c{i}" for i in range(len(rows[0]))),
         "values": rows, "scale": scale, "undefined": "no mistakes", "unit": unit}
    )  # fmt: skip


def document_of(*names: str) -> ResultsDocument:
    """Return a document of these models, the first of them the teacher."""
    bare = documents.build(n=8, names=("teacher", "kd"))
    return bare.model_copy(update={"models": documents.models(names), "analyses": ()})


def charts(
    *parts: Matrix | Curve, models: tuple[str, ...] = (), estimates: tuple[Estimate, ...] = ()
) -> list[Chart]:
    """Draw an analysis of these parts, in a document of these models or in none."""
    result = AnalysisResult(
        name="a",
        version=1,
        title="A",
        matrices=tuple(part for part in parts if isinstance(part, Matrix)),
        curves=tuple(part for part in parts if isinstance(part, Curve)),
    ).model_copy(update={"estimates": estimates})
    return analysis_charts(result, {}, document_of(*models) if models else None)


def one(part: Matrix | Curve, *models: str) -> Chart:
    (chart,) = charts(part, models=models)
    return chart
