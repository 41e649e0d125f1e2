"""Numbers that cannot be right: what to look at before believing any comparison.

Does: check that rows and labels of all sides belong together, that no model is constant, worse than
the most frequent label, perfect, or a copy of another, and that no text stands twice. Does not:
change or drop anything; every finding is a notice with its severity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.sanity_checks.check import Check
from kdprobe.analysis.sanity_checks.learnt import check_chance, check_sure
from kdprobe.analysis.sanity_checks.models import (
    check_against_majority,
    check_constant,
    check_copies,
    check_labels,
    check_perfect,
)
from kdprobe.analysis.sanity_checks.rows import check_gold_rows, check_pair_rows
from kdprobe.analysis.sanity_checks.texts import (
    check_doubles,
    check_one_label,
    check_size,
    check_train,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Table

# Each check, and whether it is made on the examples with a gold label alone.
_CHECKS: tuple[tuple[Callable[[Study], list[Check]], bool], ...] = (
    (check_gold_rows, True),
    (check_pair_rows, False),
    (check_labels, True),
    (check_constant, False),
    (check_chance, False),
    (check_sure, False),
    (check_against_majority, True),
    (check_perfect, True),
    (check_copies, False),
    (check_train, False),
    (check_doubles, False),
    (check_size, False),
    (check_one_label, True),
)
_ORDER = {"alarm": 0, "warning": 1, "note": 2}


def _table(checks: list[Check]) -> Table:
    return Table(
        name="checks",
        title="Checks made before the comparison",
        caption="Rows count as not aligned when agreement, corrected for chance, is within "
        "2/sqrt(n) of 0 although the outputs could and should show more: between a model and the "
        "gold labels, when the model's outputs are also uncorrelated with them and its confidence "
        "is more than 10 points above its accuracy; between two models that both beat the most "
        "frequent label, when kappa is also 3/sqrt(n) below what independent errors would give. "
        "An honest but weak model has little confidence or little to show, and stays silent.",
        columns=(
            Column(name="check", label="check"),
            Column(name="models", label="models"),
            Column(name="outcome", label="outcome"),
            Column(name="detail", label="detail"),
        ),
        rows=tuple(
            (check.what, ", ".join(check.models), check.outcome, check.detail) for check in checks
        ),
    )


@dataclass(frozen=True)
class SanityChecks:
    """Checks of rows, labels, models and texts, told as notices."""

    name: str = "sanity_checks"
    version: int = 1
    title: str = "Checks"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = ()
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse nothing: every study can be checked."""
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Make every check and collect what it found."""
        known = study.with_gold()
        checks = [
            check
            for make, against_gold in _CHECKS
            for check in make(known if against_gold else study)
        ]
        notices = [check.notice for check in checks if check.notice is not None]
        return AnalysisResult(
            **described(self, options),
            caption="What was looked at before any number: rows, labels, models and texts.",
            tables=(_table(checks),),
            warnings=tuple(sorted(notices, key=lambda notice: _ORDER[notice.severity])),
        )


ALIASES = ("alarms",)
ANALYSIS = SanityChecks()
