"""The explained examples of the page: agreement of all, word scores of as many as a page bears.

Does: choose whose word scores the document carries, and lay them out. Does not: explain; compute
more than each example's rank correlation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import Attributed, attributed, skip_reason
from kdprobe.comparison.document import examples as lay_out
from kdprobe.observations.study import Floats, Study
from kdprobe.results.schema import Example, ExampleWords
from kdprobe.results.words import WordAgreement, WordScores
from kdprobe.stats.rank_agreement import spearman

PAGE_EXPLAINED = 200
PAGE_SCORES = 100_000
"""Word scores of long texts beyond this many would make the page too heavy to mail."""

_ORIGIN = "from"
_Rhos = dict[tuple[str, str], Floats]


def explained_ids(study: Study) -> frozenset[str]:
    """Give the ids of the explained examples of the split."""
    return frozenset() if study.attributions is None else frozenset(study.attributions.ids)


def _marked(examples: Sequence[Example], origin: str) -> tuple[Example, ...]:
    """Say where examples come from, in a column of the browser."""
    return tuple(
        one.model_copy(update={"columns": {**one.columns, _ORIGIN: origin}}) for one in examples
    )


def with_words(
    study: Study, examples: Sequence[Example], named: frozenset[str]
) -> tuple[Example, ...]:
    """Give the examples, the explained ones with their agreement and word scores.

    A person's own sentences stand behind the examples of the split.

    Word scores are carried of at most 200 examples and 100,000 words: those that tables name first,
    then by rising agreement of the first method (the least of all students), ties by id.

    Args:
        study: the study that was explained.
        examples: rows of the browser, of the split.
        named: ids that tables of the document point at.
    """
    if skip_reason(study) is not None:
        return tuple(examples)
    if study.own is not None:
        mine = lay_out(study.own, list(range(study.own.n)))
        examples = (*_marked(examples, study.split.name), *_marked(mine, study.own.split.name))
    seen = attributed(study)
    rhos = _rhos(seen)
    carried = _carried(seen, rhos, named)
    places = {key: row for row, key in enumerate(seen.attributions.ids)}
    return tuple(
        example.model_copy(
            update={"words": _words(seen, rhos, places[example.id], example.id in carried)}
        )
        if example.id in places
        else example
        for example in examples
    )


def _rhos(seen: Attributed) -> _Rhos:
    """Correlate teacher and student on every example, by (method, student)."""
    return {
        (method, student.name): seen.compare(
            seen.scores(seen.teacher.name, method), seen.scores(student.name, method), spearman
        )
        for method in seen.attributions.methods
        for student in seen.students
    }


def _carried(seen: Attributed, rhos: _Rhos, named: frozenset[str]) -> frozenset[str]:
    first = [
        values for (method, _), values in rhos.items() if method == seen.attributions.methods[0]
    ]
    # Rounded, so that the order of equal values is that of the ids on every machine.
    least = np.round(np.nan_to_num(np.stack(first), nan=np.inf).min(axis=0), 9)
    ids, lines = seen.attributions.ids, len(seen.attributions.methods) * len(seen.models)
    order = sorted(range(len(ids)), key=lambda row: (ids[row] not in named, least[row], ids[row]))
    chosen: set[str] = set()
    spent = 0
    for row in order[:PAGE_EXPLAINED]:
        spent += lines * len(seen.attributions.words[row])
        if spent > PAGE_SCORES:
            break
        chosen.add(ids[row])
    return frozenset(chosen)


def _words(seen: Attributed, rhos: _Rhos, row: int, carried: bool) -> ExampleWords:
    agreement = tuple(
        WordAgreement(method=method, student=student, value=round(float(values[row]), 4))
        for (method, student), values in rhos.items()
        if np.isfinite(values[row])
    )
    scores = tuple(
        WordScores(method=method, model=model.name, scores=_shown(found[row]))
        for method in seen.attributions.methods
        for model in seen.models
        if (found := seen.scores(model.name, method)) is not None and len(found[row])
    )
    return ExampleWords(
        explained=int(seen.attributions.target[row]) if seen.study.split.task.labels else None,
        words=tuple(word.text for word in seen.attributions.words[row]) if carried else (),
        scores=scores if carried else (),
        agreement=agreement,
    )


def _shown(scores: Floats) -> tuple[float | None, ...]:
    """Round to three significant digits, more than a colour can tell apart."""
    return tuple(float(f"{value:.3g}") if np.isfinite(value) else None for value in scores.tolist())
