"""The explained examples of the page: agreement of all, word scores of as many as a page bears.

Does: choose whose word scores the document carries, and lay them out. Does not: explain; compute
more than each example's rank correlation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import Attributed, attributed, skip_reason
from kdprobe.comparison.examples import examples as lay_out
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study
from kdprobe.report.examples import named_examples
from kdprobe.results.schema import Example, ExampleWords, ResultsDocument
from kdprobe.results.words import EXPLAINED_SENTENCES, WordAgreement, WordScores
from kdprobe.stats.arrays import Floats
from kdprobe.stats.rank_agreement import spearman

PAGE_EXPLAINED = 200
PAGE_SCORES = 100_000
"""Word scores of long texts beyond this many would make the page too heavy to mail."""

_ORIGIN = "from"
_Rhos = dict[tuple[str, str], Floats]


def explained_ids(study: Study) -> frozenset[str]:
    """Return the ids of the explained examples of the split."""
    return frozenset(study.get(Attributions).ids) if study.has(Attributions) else frozenset()


def _marked(examples: Sequence[Example], origin: str) -> tuple[Example, ...]:
    """Return examples with where they come from, in a column of the browser."""
    return tuple(
        one.model_copy(update={"columns": {**one.columns, _ORIGIN: origin}}) for one in examples
    )


def with_words(
    study: Study, examples: Sequence[Example], document: ResultsDocument
) -> tuple[Example, ...]:
    """Return the examples, the explained ones with their agreement and word scores.

    A person's own sentences stand behind the examples of the split.

    Word scores are carried of at most 200 examples and 100,000 words: those that are shown side by
    side first, then those that tables name, then by rising agreement of the first method (the least
    of all students), ties by id.

    Args:
        study: the study that was explained.
        examples: rows of the browser, of the split.
        document: the results, whose tables name examples.
    """
    if skip_reason(study) is not None:
        return tuple(examples)
    if study.has(OwnSentences):
        own = study.get(OwnSentences).study
        mine = lay_out(own, list(range(own.n)), document.task.answers)
        examples = (*_marked(examples, study.split.name), *_marked(mine, own.split.name))
    explained = attributed(study)
    rhos = _rhos(explained)
    carried = _carried(explained, rhos, document)
    places = {key: row for row, key in enumerate(explained.attributions.ids)}
    return tuple(
        example.model_copy(
            update={"words": _words(explained, rhos, places[example.id], example.id in carried)}
        )
        if example.id in places
        else example
        for example in examples
    )


def _rhos(explained: Attributed) -> _Rhos:
    """Correlate teacher and student on every example, by (method, student)."""
    return {
        (method, student.name): explained.compare(
            explained.scores(explained.teacher.name, method),
            explained.scores(student.name, method),
            spearman,
        )
        for method in explained.attributions.methods
        for student in explained.students
    }


def _carried(explained: Attributed, rhos: _Rhos, document: ResultsDocument) -> frozenset[str]:
    agreement = document.analysis("attribution_agreement")
    tables = agreement.tables if agreement else ()
    shown = {str(row[0]) for t in tables if t.name == EXPLAINED_SENTENCES for row in t.rows}
    named = named_examples(document)
    first = [
        values
        for (method, _), values in rhos.items()
        if method == explained.attributions.methods[0]
    ]
    # Rounded, so that the order of equal values is that of the ids on every machine.
    least = np.round(np.nan_to_num(np.stack(first), nan=np.inf).min(axis=0), 9)
    ids, lines = (
        explained.attributions.ids,
        len(explained.attributions.methods) * len(explained.models),
    )
    order = sorted(
        range(len(ids)),
        key=lambda row: (ids[row] not in shown, ids[row] not in named, least[row], ids[row]),
    )
    chosen: set[str] = set()
    spent = 0
    for row in order[:PAGE_EXPLAINED]:
        spent += lines * len(explained.attributions.words[row])
        if spent > PAGE_SCORES:
            break
        chosen.add(ids[row])
    return frozenset(chosen)


def _words(explained: Attributed, rhos: _Rhos, row: int, carried: bool) -> ExampleWords:
    agreement = tuple(
        WordAgreement(method=method, student=student, value=round(float(values[row]), 4))
        for (method, student), values in rhos.items()
        if np.isfinite(values[row])
    )
    scores = tuple(
        WordScores(method=method, model=model.name, scores=rounded(arrays[row]))
        for method in explained.attributions.methods
        for model in explained.models
        if (arrays := explained.scores(model.name, method)) is not None and len(arrays[row])
    )
    words = explained.attributions.words[row] if carried else ()
    first = sum(word.segment == 0 for word in words)
    return ExampleWords(
        explained=int(explained.attributions.target[row])
        if explained.study.split.task.kind != "regression"
        else None,
        words=tuple(word.text for word in words),
        second=first if first < len(words) else None,
        scores=scores if carried else (),
        agreement=agreement,
    )


def rounded(scores: Floats) -> tuple[float | None, ...]:
    """Round to four decimals (pages write two), and small ones to three significant digits."""
    return tuple(
        (round(value, 4) if abs(value) >= 0.1 else float(f"{value:.3g}"))
        if np.isfinite(value)
        else None
        for value in scores.tolist()
    )
