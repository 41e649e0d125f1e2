"""Whether differences between models are more than chance, on the same examples.

Does: McNemar's test with Holm's adjustment over the students, its mid-p variant, Cochran's Q over
all models, the Stuart-Maxwell test of shifted labels, the smallest difference that could be seen;
for a regression a difference of correlations and Wilcoxon's test. Does not: test slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import EstimateKey
from kdprobe.analysis.gold import labelled_note
from kdprobe.analysis.paired_tests.metrics import METRICS
from kdprobe.analysis.paired_tests.pairs import PairTest, class_tests, discordance, number_tests
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Table
from kdprobe.stats.arrays import Ints
from kdprobe.stats.clustered_tests import equal_shares_p
from kdprobe.stats.hypothesis_tests import cochran_q, holm

_CLUSTERED = (
    "Examples come in clusters, so every p is one of clusters: McNemar's, its mid-p and Wilcoxon's "
    "are the share of ways to flip the signs of whole clusters that give a difference as large (a "
    "cluster bootstrap with no difference imposed, counted to the end; with one example a cluster "
    "the exact McNemar test); Cochran's and Stuart-Maxwell's are Wald tests with cluster-robust "
    "variance (Obuchowski 1998)."
)
_ADJUSTED = ("mcnemar", "mcnemar_midp", "absolute_error_difference")


def _adjust(study: Study, estimates: Sequence[Estimate]) -> list[Estimate]:
    """Adjust the p-values of the planned tests, teacher against each student, metric by metric."""
    teacher = study.teacher.name
    result = list(estimates)
    for metric in _ADJUSTED:
        family = [
            place
            for place, number in enumerate(estimates)
            if number.metric == metric and number.model_a == teacher
        ]
        holms = f"q: Holm over {len(family)} teacher-student test{'s' if len(family) > 1 else ''}"
        for place, q in zip(family, holm([estimates[i].p_value for i in family]), strict=True):
            number = estimates[place]
            if q is not None:
                note = "; ".join(part for part in (number.note, holms) if part)
                result[place] = number.model_copy(update={"q_value": q, "note": note})
    return result


def _cochran(study: Study, gold: Ints) -> list[Estimate]:
    """Test all models at once; with two models this is McNemar's test, which is given already."""
    if len(study.models) < 3:
        return []
    hits = np.stack([model.first.predicted == gold for model in study.models], axis=1)
    accuracies = hits.mean(axis=0)
    clusters = study.split.clusters
    apart = hits - hits.mean(axis=1, keepdims=True)
    p = cochran_q(hits) if clusters is None else equal_shares_p(apart, clusters)
    at = EstimateKey("cochran_q", "all models")
    if p is None:
        reason = "every example is right for all models or for none, so nothing tells them apart"
        return [Estimate(**vars(at), n=study.n, undefined=reason)]
    spread = float(accuracies.max() - accuracies.min())
    note = "no interval: a range of several accuracies is biased upwards when resampled"
    return [Estimate(**vars(at), value=spread, n=study.n, p_value=p, note=note)]


def _table(study: Study, estimates: Sequence[Estimate], gold: Ints) -> Table:
    """One row a pair: who is right alone, and the p-values."""
    by_pair = {(e.metric, e.model_a, e.model_b): e for e in estimates}
    rows: list[tuple[Cell, ...]] = []
    for a, b in study.pairs:
        counts = discordance(PairTest(study, a, b), gold)
        exact = by_pair["mcnemar", a.name, b.name]
        mid = by_pair["mcnemar_midp", a.name, b.name]
        whole = (int(count) if float(count).is_integer() else count for count in counts)
        cells: tuple[Cell, ...] = (a.name, b.name, *whole)
        rows.append((*cells, exact.p_value, mid.p_value, exact.q_value))
    heads = (
        ("both", "Both right"),
        ("only_a", "Only model a right"),
        ("only_b", "Only model b right"),
        ("neither", "Neither right"),
    )
    tests = (("p_value", "McNemar p"), ("midp", "Mid-p"), ("q_value", "Holm-adjusted p"))
    return Table(
        name="discordance",
        title="Who is right alone",
        caption=f"The {study.n:,} examples by which of two models is right (means over pairs of "
        f"runs where a model has several). Only the two middle counts tell the models apart. "
        f"Holm's adjustment is over the teacher-student rows.",
        columns=(
            Column(name="model_a", label="Model a"),
            Column(name="model_b", label="Model b"),
            *(
                Column(name=name, label=label, kind="number", unit="examples")
                for name, label in heads
            ),
            *(Column(name=name, label=label, kind="p") for name, label in tests),
        ),
        rows=tuple(rows),
    )


@dataclass(frozen=True)
class PairedTests:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = "paired_tests"
    version: int = 1
    title: str = "Paired tests"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Return the reason that there is nothing to test, or None."""
        if len(study.models) < 2:
            return "there is one model only, so there is no pair to test"
        if study.split.task.kind == "regression" and study.split.labels is None:
            return "the split has no gold scores, so errors are not known"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Test every pair of models; `done` is not read."""
        number, known = study.split.task.kind == "regression", study.with_gold()
        of = number_tests if number else class_tests
        tests = [PairTest(known if number else study, a, b)
                 for a, b in (known if number else study).pairs]  # fmt: skip
        estimates = _adjust(study, [one for test in tests for one in of(test)])
        tables: tuple[Table, ...] = ()
        if known.split.labels is not None and not number:
            gold = np.asarray(known.split.labels, dtype=np.int64)
            estimates += _cochran(known, gold)
            tables = (_table(known, estimates, gold),)
        used = {one.metric for one in estimates}
        several = any(len(model.runs) > 1 for model in study.models)
        return AnalysisResult(
            **described(self, options),
            caption=f"Whether models differ by more than chance on the {study.n:,} examples that "
            f"all of them saw. Differences are the first model's number minus the second's.",
            metrics=tuple(metric for metric in METRICS.values() if metric.name in used),
            estimates=tuple(estimates),
            tables=tables,
            notes=(
                "Tests between two students are not adjusted: the planned family is the teacher "
                "against each student.",
                *(("Cochran's Q uses the first run of each model.",) if several else ()),
                *((_CLUSTERED,) if study.split.clusters is not None else ()),
                *labelled_note(study, "All but the shift of predicted labels"),
            ),
        )


ALIASES = ("mcnemar",)
ANALYSIS = PairedTests()
