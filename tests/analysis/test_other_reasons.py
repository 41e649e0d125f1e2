"""The share of sentences that two models get right for other reasons, worked by hand."""

from __future__ import annotations

import pytest

from kdprobe.analysis import attribution_agreement
from tests.analysis.attributed import two_models, with_scores


def test_right_for_other_reasons_of_eight_sentences_by_hand():
    """Guards a share of the wrong sentences, and a limit that is the lowest ceiling.

    Of four words Spearman's correlation is 1 - sum(d^2) / 10, d the differences of the ranks. The
    teacher ranks the words 1 2 3 4 everywhere; "alone" has one word and no correlation.

        sentence  right: teacher student  student's scores  sum(d^2)  correlation  teacher again
        1         yes    yes              2 1 3 4            2         .8           2 1 3 4:  .8
        2         yes    yes              3 1 2 4            6         .4           3 1 2 4:  .4
        3         yes    yes              4 3 2 1           20        -1            2 1 3 4:  .8
        4         yes    no               4 3 2 1           20        -1            2 1 3 4:  .8
        5         yes    yes              one word                     none         one word: none
        6         no     yes              4 3 2 1           20        -1            2 1 3 4:  .8
        7         yes    yes              1 2 3 4            0         1            1 2 3 4: 1
        8         yes    yes              2 1 4 3            4         .6           1 2 3 4: 1

    The seven ceilings in order: .4 .8 .8 .8 .8 1 1; their 5th percentile stands .05 * 6 = .3 of the
    way from the first to the second: .4 + .3 * .4 = .52. Both are right on 1, 2, 3, 7 and 8 (5 has
    no correlation); 2 and 3 lie below .52: 2 of 5.
    """
    study = two_models([1, 1, 0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 1, 1, 0], [1, 1, 0, 0, 1, 0, 1, 0])
    teacher, student = (model.name for model in study.models)
    up, one, two = [1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [3.0, 1.0, 2.0, 4.0]
    down, both, alone = [4.0, 3.0, 2.0, 1.0], [2.0, 1.0, 4.0, 3.0], [1.0]
    scores = {
        (teacher, "lime", ""): [up, up, up, up, alone, up, up, up],
        (teacher, "lime", "reseeded"): [one, two, one, one, alone, one, up, up],
        (student, "lime", ""): [one, two, down, down, alone, down, up, both],
        (student, "lime", "reseeded"): [one, two, down, down, alone, down, up, both],
        (student, "lime", "random weights"): [down, down, up, up, alone, up, up, both],
    }
    texts = tuple("alone" if row == 4 else f"the text of {row}" for row in range(8))
    analysis = attribution_agreement.ANALYSIS
    result = analysis.run(with_scores(study, scores, texts), analysis.options(), {})
    (share,) = (one for one in result.estimates if one.metric == "other_reasons")
    (limit,) = (one for one in result.estimates if one.metric == "low_agreement")
    assert limit.value == pytest.approx(0.52)
    assert (share.model_b, share.subset) == (student, "all")
    assert share.value == pytest.approx(2 / 5)
    assert share.n == 5
    assert share.low is not None
    assert share.high is not None
    assert 0 <= share.low <= 2 / 5 <= share.high <= 1
    table = next(table for table in result.tables if table.name == "other_reasons")
    assert [row[2] for row in table.rows] == [study.split.ids[2], study.split.ids[1]]
    assert [row[3] for row in table.rows] == pytest.approx([-1.0, 0.4])
