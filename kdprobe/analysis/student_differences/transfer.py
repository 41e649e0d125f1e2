"""Asymmetric transfer: whether a student took more of its teacher's mistakes or of its skill.

Does: set a student against its control, apart on the examples that the teacher gets right and on
those it gets wrong. Does not: know how either was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.analysis.estimates import HOW, EstimateKey, estimate, pair_draws_of, resamples_of
from kdprobe.analysis.gold import gold_of, hits_of, mean_size
from kdprobe.analysis.student_differences.metrics import ANSWERS_SHARED, MISTAKES_COPIED, TRANSFER
from kdprobe.analysis.student_differences.pairs import Difference, Subtracted, freedom_of, tested
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Estimate, Notice
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.bootstrap import mean_within

ASYMMETRY = "asymmetric-transfer"
"""The code of the notice that a student took more of the mistakes than of the skill."""
_NO_MISTAKES = "{} makes no mistakes, so none can be handed on"
_NO_HITS = "{} predicts nothing rightly, so no right answer can be handed on"


class Shares(NamedTuple):
    """What a model has of the teacher's mistakes and of its right answers, `[B + 1]` each."""

    mistakes: Floats
    answers: Floats


@dataclass(frozen=True)
class _TeacherAnswers:
    """The teacher of a labelled study: how often it is wrong and right, and the reasons."""

    study: Study
    gold: Ints

    @property
    def sizes(self) -> tuple[int, int]:
        """How many mistakes and right answers it gives, averaged over its runs."""
        right = [hits_of(run, self.gold) for run in self.study.teacher.runs]
        return mean_size([~each for each in right]), mean_size(right)

    @property
    def reasons(self) -> tuple[str, str]:
        """Why a share of its mistakes, or of its right answers, does not exist."""
        name = self.study.teacher.name
        return _NO_MISTAKES.format(name), _NO_HITS.format(name)

    def shares(self, model: Population) -> Shares:
        """Return the shares on which a model gives the teacher's label."""
        return Shares(self._share(model, wrong=True), self._share(model, wrong=False))

    def _share(self, model: Population, *, wrong: bool) -> Floats:
        sample = resamples_of(self.study)

        def same(teacher: Predictions, other: Predictions) -> Floats:
            inside = hits_of(teacher, self.gold) ^ wrong
            return mean_within(sample, inside, teacher.predicted == other.predicted)

        return pair_draws_of(self.study, self.study.teacher, model, same)


class Transfer(NamedTuple):
    """What the controls' part gives: numbers of each model, differences, what must be told."""

    of_models: list[Estimate]
    differences: list[Difference]
    notices: tuple[Notice, ...]


def transfer(study: Study, pairs: Sequence[tuple[str, str]]) -> Transfer:
    """Return what each student took of its teacher beyond its control.

    Definition: on the examples that the teacher gets wrong, the share on which the student gives
    the same wrong label minus the control's share; on those it gets right, the share on which the
    student gives the same label minus the control's; and the first minus the second. Intervals are
    paired; p-values are adjusted over the students (Holm).

    Args:
        study: with gold labels on every example.
        pairs: (student, control), by name.
    """
    teacher = _TeacherAnswers(study, gold_of(study))
    models = {model.name: model for model in study.students}
    named = dict.fromkeys(name for pair in pairs for name in pair)
    shares = {name: teacher.shares(models[name]) for name in named}
    (wrong, right), (no_mistakes, no_hits) = teacher.sizes, teacher.reasons
    of_models = []
    for name, held in shares.items():
        for metric, draws, n, reason in (
            (MISTAKES_COPIED, held.mistakes, wrong, no_mistakes),
            (ANSWERS_SHARED, held.answers, right, no_hits),
        ):
            at = EstimateKey(metric.name, study.teacher.name, name)
            of_models.append(estimate(at, draws, n=n, undefined=reason, share=True))
    reasons = (no_mistakes, no_hits, no_hits if wrong else no_mistakes)
    families: list[list[Difference]] = []
    for place, metric in enumerate(TRANSFER):
        n, reason = (wrong, right, study.n)[place], reasons[place]
        family = [
            Subtracted(
                EstimateKey(metric.name, student, control),
                _between(shares[student], shares[control])[place],
                n,
                reason,
                HOW,
                freedom_of(study.teacher, models[student], models[control]),
            )
            for student, control in pairs
        ]
        families.append(tested(family, metric))
    notices = (_notice(study, *three) for three in zip(*families, strict=True))
    differences = [each for family in families for each in family]
    return Transfer(of_models, differences, tuple(each for each in notices if each))


def _between(student: Shares, control: Shares) -> tuple[Floats, Floats, Floats]:
    """Return the transfer of mistakes, of right answers, and the first minus the second."""
    mistakes: Floats = student.mistakes - control.mistakes
    answers: Floats = student.answers - control.answers
    return mistakes, answers, mistakes - answers


def _notice(
    study: Study, mistakes: Difference, answers: Difference, asymmetry: Difference
) -> Notice | None:
    """Warn of a student that copies mistakes more than skill, beyond noise; else None."""
    number, (q, low, high) = asymmetry
    if not asymmetry.adjusted.is_told_from_noise or low is None or high is None or low <= 0:
        return None
    of_mistakes, of_answers, value = (
        show_number(each.estimate.value or 0.0) for each in (mistakes, answers, asymmetry)
    )
    return Notice(
        code=ASYMMETRY,
        severity="warning",
        message=f"{number.model_a} took more of {study.teacher.name}'s mistakes than of its skill: "
        f"beside {number.model_b}, which had no teacher, it repeats {of_mistakes} more of the "
        f"mistakes and {of_answers} more of the right answers, the first {value} "
        f"{show_interval(low, high)} more than the second (shares; q {show_p(q or 0.0)}).",
        models=(number.model_a, number.model_b),
    )
