"""Every analysis on a study some or all of whose examples have no gold label.

What is measured against gold labels must be that of the labelled examples alone, as if the others
had been taken away beforehand; what is not, that of all examples, as if every label were known.
A number of either kind that is made of the other's examples is a silent failure: it looks right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from kdprobe.analysis.protocol import ANALYSES, examples_for
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.causal_use import CausalUse
from kdprobe.observations.controls import Controls
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.tasks.task import NO_LABEL
from tests.analysis.attributed import attributed_study
from tests.analysis.erased import erased
from tests.analysis.probed import probed
from tests.analysis.studies import (
    binary,
    classification,
    hard_labels,
    mixed_scales,
    regression,
    several_seeds,
    with_minimal_pairs,
)
from tests.analysis.timed import timed
from tests.contracts.test_analyses import coordinates

# Of each 126 rows the second 63 lose their label: every length of the studies' texts, every genre
# and both values of `hard` then lose the same share, so that the cuts of `slices` lie where they
# lay, and a slice of the labelled examples has the name of a slice of all.
N = 126
WHOLE: Mapping[str, Callable[[], Study]] = {
    "binary": lambda: binary(N),
    "57 classes": lambda: classification(N * 2, classes=57, skills=(5.0, 4.0, 3.0)),
    "hard labels": lambda: hard_labels(N),
    "mixed scales": lambda: mixed_scales(N),
    "several seeds": lambda: several_seeds(N),
    "minimal pairs": lambda: with_minimal_pairs(N),
    "regression": lambda: regression(N),
    "attributions": lambda: attributed_study(N, explained=N),
    "probing": lambda: probed(binary(N)),
    "a control": lambda: binary(N).with_observations(Controls((("student-1", "student-2"),))),
    "costs": lambda: timed(binary(N)),
    "erasures": lambda: erased(binary(N), examples=N),
}
CASES = [(name, kind) for name in ANALYSES.names() for kind in WHOLE]
each_case = pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{a}-{k}" for a, k in CASES])

# analysis -> which of its numbers need gold labels; analyses that say `needed` need them for all.
MISTAKES = (
    "kappa_attainable_low", "kappa_attainable_high", "kappa_independent", "kappa_normalised",
    "error_consistency",
)  # fmt: skip
READ: Mapping[str, Callable[[Estimate], bool]] = {
    "agreement": lambda made: made.metric in MISTAKES,
    "causal_use": lambda made: made.metric == "score_loss_beyond_control",
    "sanity_checks": lambda made: False,
    "attribution_agreement": lambda made: (
        made.metric == "other_reasons" or made.subset.startswith("label: ")
    ),
    "confidence": lambda made: made.subset in ("hits", "mistakes"),
    "exemplars": lambda made: made.metric == "accuracy",
    "exemplary_cases": lambda made: False,
    "student_gaps": lambda made: True,
    "student_differences": lambda made: (
        made.metric
        in (
            "error_consistency",
            "negative_flips",
            "positive_flips",
            "mistakes_shared",
            "other_reasons",
            "mistakes_copied",
            "right_answers_shared",
            "transfer_of_mistakes",
            "transfer_of_right_answers",
            "transfer_asymmetry",
        )
    ),
    "paired_tests": lambda made: made.metric != "stuart_maxwell",
    "selective_agreement": lambda made: made.metric.startswith("accuracy"),
    "slices": lambda made: made.metric != "agreement" or made.subset.startswith("label: "),
}


def reads_gold(name: str, made: Estimate) -> bool:
    kind = ANALYSES.load(name).gold
    return kind == "needed" or (kind == "both" and READ[name](made))


def missing_rows(study: Study) -> np.ndarray:
    """Whole blocks of 63 rows alternate: of each pair of blocks the second has no gold."""
    return (np.arange(study.n) // 63) % 2 == 1


def without_labels(study: Study) -> Study:
    """The study, some labels unknown."""
    assert study.split.labels is not None
    labels = study.split.labels.copy()
    labels[missing_rows(study)] = NO_LABEL if study.split.task.labels else np.nan
    return replace(study, split=replace(study.split, labels=labels))


def without_rows(study: Study) -> Study:
    """The study with the rows taken away, built by hand and not by `with_gold`."""
    kept = np.flatnonzero(~missing_rows(study))
    split = study.split.take(kept)
    models = tuple(
        replace(
            model,
            runs=tuple(replace(run, ids=split.ids, values=run.values[kept]) for run in model.runs),
        )
        for model in study.models
    )
    taken = replace(study, split=split, models=models)
    if study.has(Attributions):
        words = study.get(Attributions)
        m = [row for row, key in enumerate(words.ids) if key in set(split.ids)]
        taken = taken.with_observations(
            replace(
                words,
                ids=tuple(words.ids[i] for i in m),
                words=tuple(words.words[i] for i in m),
                target=words.target[m],
                scores={key: tuple(rows[i] for i in m) for key, rows in words.scores.items()},
                special={key: rows[m] for key, rows in words.special.items()},
                gaps={key: rows[m] for key, rows in words.gaps.items()},
                sampled={key: rows[m] for key, rows in words.sampled.items()},
                deletion={key: rows[m] for key, rows in words.deletion.items()},
                orders={key: rows[m] for key, rows in words.orders.items()},
                order_limits={key: rows[m] for key, rows in words.order_limits.items()},
                estimated={key: rows[m] for key, rows in words.estimated.items()},
            )
        )
    if study.has(CausalUse):
        taken = taken.with_observations(study.get(CausalUse).only(split.ids))
    return taken


def bare(study: Study) -> Study:
    """The study without any label, as an array of missing ones."""
    shape = np.full(study.n, NO_LABEL if study.split.task.labels else np.nan)
    return replace(study, split=replace(study.split, labels=shape))


def run_before(name: str, study: Study, done: dict[str, AnalysisResult]) -> None:
    """Run an analysis as a comparison does, those it reads from first."""
    analysis = ANALYSES.load(name)
    for earlier in analysis.after:
        run_before(earlier, study, done)
    examples = examples_for(analysis, study)
    if name not in done and analysis.skip_reason(examples) is None:
        done[name] = analysis.run(examples, analysis.options(), done)


def analysed(name: str, study: Study) -> AnalysisResult | None:
    done: dict[str, AnalysisResult] = {}
    run_before(name, study, done)
    return done.get(name)


@lru_cache(maxsize=512)
def result(name: str, kind: str, how: str) -> AnalysisResult | None:
    whole = WHOLE[kind]()
    made = {"whole": lambda s: s, "some": without_labels, "fewer": without_rows, "none": bare}
    return analysed(name, made[how](whole))


def estimates(found: AnalysisResult) -> dict[tuple[str, ...], Estimate]:
    return {coordinates(made): made for made in found.estimates}


@each_case
def test_numbers_against_gold_are_those_of_the_labelled_examples(name: str, kind: str):
    """Guards (a): a missing label counted as a class, as wrong, or in n, or other resamples."""
    some, fewer = result(name, kind, "some"), result(name, kind, "fewer")
    assert (some is None) == (fewer is None)
    if some is None or fewer is None:
        return
    known, wanted = estimates(some), estimates(fewer)
    # The limit of `other_reasons` is the explainer's own noise, measured on all that is explained.
    keys = [key for key, made in wanted.items() if reads_gold(name, made)]
    for key in keys:
        if key[0] == "other_reasons":
            continue
        assert known[key] == wanted[key], key
    assert {k for k, made in known.items() if reads_gold(name, made)} == set(keys)
    assert [gap.model_dump() for gap in some.gaps] == [x.model_dump() for x in fewer.gaps]


@each_case
def test_other_numbers_are_those_of_all_examples(name: str, kind: str):
    """Guards (b): agreement of fewer examples than there are, because some have no label."""
    some, whole = result(name, kind, "some"), result(name, kind, "whole")
    assert (some is None) == (whole is None)
    if some is None or whole is None:
        return
    here, wanted = estimates(some), estimates(whole)
    for key, made in wanted.items():
        if not reads_gold(name, made):
            assert here[key] == made, key


@each_case
def test_without_any_gold_it_runs_or_says_why(name: str, kind: str):
    """Guards (c): a traceback, a 0 or a NaN where nothing is known to be right."""
    study = bare(WHOLE[kind]())
    assert study.split.labels is None
    analysis = ANALYSES.load(name)
    reason = analysis.skip_reason(examples_for(analysis, study))
    none, whole = result(name, kind, "none"), result(name, kind, "whole")
    if none is None:
        assert reason is not None
        assert len(reason.split()) >= 4
        return
    assert whole is not None
    wanted = estimates(whole)
    for key, made in estimates(none).items():
        if reads_gold(name, wanted.get(key, made)):
            assert made.value is None, key
            assert "gold" in made.undefined or "no " in made.undefined, key
        else:
            assert made == wanted[key], key
    for key, made in wanted.items():
        if not reads_gold(name, made):
            assert key in estimates(none), key


def test_each_kind_of_number_is_met():
    """Guards a contract that asserts nothing: both kinds of numbers must occur."""
    met: dict[bool, set[str]] = {True: set(), False: set()}
    for name, kind in CASES:
        some = result(name, kind, "some")
        for made in some.estimates if some else ():
            met[reads_gold(name, made)].add(name)
    both = {
        name for name in READ if name not in ("sanity_checks", "exemplary_cases", "student_gaps")
    }
    assert both <= met[True] & met[False]
    assert {"task_scores", "calibration", "overlap", "correctness_groups"} <= met[True]
    assert {"faithfulness", "minimal_pairs", "attribution_gap", "probing"} <= met[False]


def test_with_gold_of_a_study_that_is_whole_is_the_study():
    """Guards numbers that move by a copy: with every label known nothing is taken away."""
    study = binary(40)
    assert study.with_gold() is study
    none = bare(study)
    assert none.with_gold() is none
