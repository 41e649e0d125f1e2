"""A results document whose examples were explained: word scores and agreement on the page."""

from __future__ import annotations

import numpy as np

from kdprobe.results.schema import (
    AnalysisResult,
    Column,
    Estimate,
    Example,
    ExampleWords,
    ResultsDocument,
    Table,
)
from kdprobe.results.words import EXPLAINED_SENTENCES, WordAgreement, WordScores
from tests.report.maker import metric

METHODS = ("lime", "shap")
LOW = 0.1


def with_words(
    document: ResultsDocument, *, explained: int = 40, carried: int = 30
) -> ResultsDocument:
    """Give the first examples agreement, and some of them word scores, from a seed."""
    names = [model.name for model in document.models]
    generator = np.random.Generator(np.random.PCG64(3))
    rows = [
        _explained(example, names, generator, carried=row < carried) if row < explained else example
        for row, example in enumerate(document.examples)
    ]
    limits = tuple(
        Estimate(metric="low_agreement", model_a=names[0], model_b=name, method=method, value=LOW)
        for name in names[1:]
        for method in METHODS
    )
    result = AnalysisResult(
        name="attribution_agreement",
        version=1,
        title="Attribution agreement",
        metrics=(metric("low_agreement", "agreement that counts as low"),),
        estimates=limits,
    )
    changed = {"examples": tuple(rows), "analyses": (*document.analyses, result)}
    return document.model_copy(update=changed)


def side_by_side(document: ResultsDocument, shown: int = 5) -> ResultsDocument:
    """Name the first examples as those whose words stand in the report itself."""
    columns = (
        Column(name="example", label="example", kind="example"),
        Column(name="why", label="why"),
    )
    rows = tuple((example.id, "representative") for example in document.examples[:shown])
    table = Table(name=EXPLAINED_SENTENCES, title="Words", columns=columns, rows=rows)
    analyses = tuple(
        result.model_copy(update={"tables": (table,)})
        if result.name == "attribution_agreement"
        else result
        for result in document.analyses
    )
    return document.model_copy(update={"analyses": analyses})


def in_pairs(document: ResultsDocument) -> ResultsDocument:
    """Cut every text in two, the first half and the second."""
    return document.model_copy(update={"examples": tuple(map(_halved, document.examples))})


def _halved(example: Example) -> Example:
    words = example.text.split()
    half = len(words) // 2
    texts = {"text": " ".join(words[:half]), "text_pair": " ".join(words[half:])}
    if example.words is None or not example.words.words:
        return example.model_copy(update=texts)
    explained = example.words.model_copy(update={"second": half})
    return example.model_copy(update={**texts, "words": explained})


def _explained(
    example: Example, names: list[str], generator: np.random.Generator, *, carried: bool
) -> Example:
    words = tuple(example.text.split())
    scores = tuple(
        WordScores(
            method=method,
            model=name,
            scores=(None, *(round(float(v), 3) for v in generator.normal(size=len(words) - 1))),
        )
        for method in METHODS
        for name in names
    )
    agreement = tuple(
        WordAgreement(method=method, student=name, value=round(float(value), 3))
        for method in METHODS
        for name, value in zip(names[1:], generator.uniform(-1, 1, len(names) - 1), strict=True)
    )
    found = ExampleWords(
        explained=example.predictions[0].label,
        words=words if carried else (),
        scores=scores if carried else (),
        agreement=agreement,
    )
    return example.model_copy(update={"words": found})
