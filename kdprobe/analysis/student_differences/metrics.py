"""What the differences between students mean. Does not compute."""

from __future__ import annotations

from kdprobe.analysis.relations import Relation
from kdprobe.analysis.student_differences.relations import RELATIONS
from kdprobe.results.schema import Metric

_TRANSFER = "after Mason-Williams, Mason-Williams and Yannakoudakis 2025 (arXiv 2510.12615)"


def difference_of(metric: Metric, *, name: str = "") -> Metric:
    """Define the difference of a number between two models, in the number's own unit.

    >>> score = Metric(name="f1", label="F1", definition="F1.", minimum=0, maximum=1)
    >>> difference_of(score).minimum, difference_of(score).label
    (-1.0, 'F1: difference')
    """
    bounds = {}
    if metric.minimum is not None and metric.maximum is not None:
        width = metric.maximum - metric.minimum
        bounds = {"minimum": -width, "maximum": width}
    return Metric(
        name=name or metric.name,
        label=f"{metric.label}: difference",
        definition=f"The number of model_a minus that of model_b, on the same examples. "
        f"{metric.definition}",
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        source=metric.source,
        **bounds,
    )


def _of(relation: Relation) -> Metric:
    return difference_of(relation.metric, name=relation.name)


def _share(name: str, label: str, definition: str, *, least: float, better: bool | None) -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        unit="share",
        minimum=least,
        maximum=1,
        higher_is_better=better,
        source=_TRANSFER,
    )


MISTAKES_COPIED = _share(
    "mistakes_copied",
    "teacher's mistakes copied",
    "Of the examples that the teacher gets wrong, the share on which the model gives the same "
    "wrong label.",
    least=0,
    better=None,
)
ANSWERS_SHARED = _share(
    "right_answers_shared",
    "teacher's right answers shared",
    "Of the examples that the teacher gets right, the share on which the model gives the same "
    "label.",
    least=0,
    better=True,
)
TRANSFER = (
    _share(
        "transfer_of_mistakes",
        "transfer of mistakes",
        "Mistakes of the teacher that the student (model_a) copies, as a share of them, minus the "
        "share that the control (model_b), which had no teacher, makes too.",
        least=-1,
        better=False,
    ),
    _share(
        "transfer_of_right_answers",
        "transfer of right answers",
        "Right answers of the teacher that the student (model_a) shares, as a share of them, minus "
        "the share that the control (model_b), which had no teacher, gives too.",
        least=-1,
        better=True,
    ),
    _share(
        "transfer_asymmetry",
        "asymmetry of the transfer",
        "Transfer of mistakes minus transfer of right answers: above 0 the teacher handed on its "
        "mistakes more than its skill.",
        least=-2,
        better=False,
    ).model_copy(update={"maximum": 2.0}),
)
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (*map(_of, RELATIONS), MISTAKES_COPIED, ANSWERS_SHARED, *TRANSFER)
}
