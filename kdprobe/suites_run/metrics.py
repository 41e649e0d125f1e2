"""The metrics that a suite names.

Does: say which metric of a comparison's results is meant, and refuse one that no analysis defines
before anything runs. Does not: look its number up; `numbers.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kdprobe.comparison.analyses import metrics_of
from kdprobe.config.suite import SuiteFile
from kdprobe.errors import UsageError
from kdprobe.registry import known_name
from kdprobe.results.aliases import metric_aliases
from kdprobe.results.renamed import RENAMED
from kdprobe.results.schema import ResultsDocument

PRIMARY = "primary"
DIFFERENCE = "primary_difference"
_SIZES = ("parameters", "bytes", "multiply_adds")


def is_timed(metric: str) -> bool:
    """Whether a number depends on the clock or the memory of a machine.

    >>> is_timed("efficiency.speedup"), is_timed("efficiency.parameters_ratio")
    (True, False)
    """
    analysis, _, name = metric.partition(".")
    return analysis == "efficiency" and not name.startswith(_SIZES)


def resolved_metric(metric: str, document: ResultsDocument) -> str:
    """Put a task's own score in the place of `primary`.

    A metric that has one name in several analyses is that of the task's scores or of agreement.
    """
    own = document.task.primary_score
    if metric in (PRIMARY, DIFFERENCE):
        return f"task_scores.{own}" + ("_difference" if metric == DIFFERENCE else "")
    if metric and "." not in metric:
        for analysis in ("task_scores", "agreement"):
            result = document.analysis(analysis)
            if result and any(one.name == metric for one in result.metrics):
                return f"{analysis}.{metric}"
    return metric


def check_metrics(suite: SuiteFile, *, where: str) -> None:
    """Check the metric of every cell, claim and front of a suite.

    Args:
        suite: the suite.
        where: its file, for messages.

    Raises:
        UnknownNameError: an analysis or a metric that there is none of; the nearest are offered.
    """
    metrics = metrics_of()
    for part, metric in _metrics(suite):
        try:
            _check_metric(metric, metrics)
        except UsageError as error:
            raise error.inside(f"{where}: {part}") from error


def _check_metric(metric: str, metrics: Mapping[str, tuple[str, ...]]) -> None:
    analysis, _, name = metric.rpartition(".")
    if analysis:
        home = known_name("analysis", analysis, tuple(metrics), aliases=RENAMED)
        known = metrics[home]
    else:
        known = tuple(dict.fromkeys(each for held in metrics.values() for each in held))
    # A third party's analysis may not say what it defines.
    if known and metric not in (PRIMARY, DIFFERENCE, ""):
        known_name("metric", name, known, aliases=metric_aliases(known))


def _metrics(suite: SuiteFile) -> Iterator[tuple[str, str]]:
    """Yield every metric that is shown, and in which part."""
    for table in suite.tables:
        for row in table.rows:
            for column in () if row.why else table.columns:
                yield f"table {table.name!r}", table.place(row, column).get("metric", "")
    for claim in suite.claims:
        yield f"the claim {claim.says[:60]!r}", claim.metric
    for front in suite.fronts:
        yield "a front", front.gain
        yield "a front", front.cost
