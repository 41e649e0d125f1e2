"""Tests of what belongs into one chart: models placed in titles, panels, baselines, captions."""

from __future__ import annotations

from kdprobe.report.chart_families import Plot, matrix_families, plots
from kdprobe.report.palette import Palette
from kdprobe.results.schema import Curve, Series
from tests.report import documents
from tests.report.charting import charts, curve, matrix


def laid_out(*curves: Curve, models: tuple[str, ...] = ("t", "s", "control")) -> list[Plot]:
    return plots(curves, Palette.of(documents.models(models)))


def line(*names: str, **facts: str) -> Curve:
    return curve("line", *(Series(name=name, x=(0, 1), y=(1, 2)) for name in names), **facts)  # type: ignore[arg-type]


def test_methods_and_models_change_places() -> None:
    """A deletion chart a model sets methods side by side, and students never."""
    (plot,) = laid_out(
        *(line("lime", "shap", "random", title=f"Leaving out words of {m}") for m in ("t", "s"))
    )
    assert plot.title == "Leaving out words of each model"
    assert [facet.title for facet in plot.facets] == ["lime", "shap"]
    names = ["t", "s", "t: random", "s: random"]
    assert [[s.name for s in facet.series] for facet in plot.facets] == [names, names]


def test_a_baseline_before_another_quantity_is_of_the_one_before_it() -> None:
    """The oracle of agreement drawn beside accuracy is a bound that does not hold."""
    names = ("agreement", "chance", "oracle", "accuracy")
    (plot,) = laid_out(*(line(*names, title=f"Coverage of {m}") for m in ("s", "control")))
    first, second = plot.facets
    assert [s.name for s in second.series] == ["s", "control"]
    assert [s.name for s in first.series][2:] == [
        "s: chance", "s: oracle", "control: chance", "control: oracle",
    ]  # fmt: skip


def test_a_kept_checkpoint_stays_with_its_quantity_and_its_student() -> None:
    """The ring of one student on the line of another crowns the wrong training."""
    (plot,) = laid_out(
        *(line("loss", "kept: loss", title=f"{m}: Losses") for m in ("s", "control"))
    )
    assert plot.title == "Losses"
    (facet,) = plot.facets
    assert [s.name for s in facet.series] == ["s", "kept: s", "control", "kept: control"]


def test_curves_of_the_same_models_and_axes_are_panels() -> None:
    """Ten probing charts, each with axes and legend of its own, fill four screens."""
    tasks = [line("t", "s", title=f"task {i} (surface)", name=f"task-{i}") for i in range(10)]
    other = line("t", "s", title="loss", name="other", y_title="nats")
    first, second = laid_out(*tasks, other)
    assert [facet.title for facet in first.facets] == [f"task {i} (surface)" for i in range(10)]
    assert first.title == "Up by across"
    assert second.title == "loss"


def test_many_panels_are_folded_beneath_a_heat_map_only() -> None:
    """Curves folded away without any picture above them leave an empty section."""
    tasks = [line("t", "s", title=f"task {i}", name=f"task-{i}") for i in range(10)]
    alone = charts(*tasks, models=("t", "s"))
    assert [chart.folded for chart in alone] == [""]
    beneath = charts(matrix((1.0,)), *tasks, models=("t", "s"))
    assert [bool(chart.folded) for chart in beneath] == [False, True]


def test_a_name_inside_a_longer_name_is_not_taken_for_it() -> None:
    """Student "kd" must not be given the chart of student "kd-small"."""
    models = ("t", "kd", "kd-small")
    (plot,) = laid_out(
        *(curve("forest", Series(name=m, x=(1,), labels=("a",)), title=f"Gap of {m} to t")
          for m in models[1:]),
        models=models,
    )  # fmt: skip
    assert [s.name for s in plot.facets[0].series] == ["kd", "kd-small"]


def test_a_word_that_is_a_models_name_by_chance_does_not_pair_charts() -> None:
    """A student called "words" must not swallow "top words of t"."""
    models = ("t", "words", "s")
    (plot,) = laid_out(
        *(line("lime", title=f"Leaving out words of {m}") for m in models), models=models
    )
    assert [s.name for s in plot.facets[0].series] == list(models)
    (alone,) = laid_out(line("lime", "shap", title="The words"), models=models)
    assert alone.title == "The words"


def test_one_student_keeps_its_own_title() -> None:
    """Guards "each student" of one student sounds as if others were left out."""
    (plot,) = laid_out(line("loss", "kl", title="s: Losses"), models=("t", "s"))
    assert plot.title == "s: Losses"
    assert [facet.title for facet in plot.facets] == ["loss", "kl"]


def test_captions_are_said_once() -> None:
    """Ten captions that differ in one number are read by nobody."""
    given = [
        line("t", "s", title=f"task {i} (x)", name=f"task-{i}", caption=f"bars; n = {i}")
        for i in range(2)
    ]
    (plot,) = laid_out(*given)
    assert plot.caption == "bars. task 0: n = 0. task 1: n = 1"


def test_heat_maps_keep_their_order_and_lose_none() -> None:
    """A family drawn at the end would stand under another heading."""
    given = [matrix((1.0,), title=title) for title in ("use of t", "x", "use of s", "y")]
    placed = matrix_families(given, Palette.of(documents.models(("t", "s"))))
    assert [(family.title, [model for model, _ in family.members]) for family in placed] == [
        ("Use of each model", ["t", "s"]), ("x", [""]), ("y", [""]),
    ]  # fmt: skip
