"""From results to the files of `kdprobe compare`.

Does: choose the examples of the page, lay out `predictions.parquet`, write all files together.
Does not: compute any number.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from kdprobe import atomic
from kdprobe.comparison.attribution_table import WORD_SCORES, write_parquet
from kdprobe.observations.study import Population, Study
from kdprobe.results.io import dumps, metrics_csv
from kdprobe.results.schema import Example, ExamplePrediction, ResultsDocument, TaskInfo

PAGE_EXAMPLES = 5000


def task_info(study: Study) -> TaskInfo:
    """Describe the split that all numbers are about."""
    task, split = study.split.task, study.split
    counts: dict[str, int] = {}
    if split.labels is not None and task.kind == "classification":
        given = split.labels[split.gold_rows].astype(np.int64)
        totals = np.bincount(given, minlength=len(task.labels))
        counts = {name: int(total) for name, total in zip(task.labels, totals, strict=True)}
    return TaskInfo(
        name=task.name,
        version=task.version,
        kind=task.kind,
        labels=task.labels,
        primary_score=task.primary_score,
        split=split.name,
        n=len(split),
        fingerprint=split.fingerprint,
        label_counts=counts,
        citation=task.citation,
        description=task.description,
    )


def page_rows(study: Study, named: frozenset[str], limit: int = PAGE_EXAMPLES) -> list[int]:
    """Choose the examples the page carries, in the split's order.

    All of them up to `limit`; above it first those that a table or chart names, then those on which
    the models disagree, then the others in order.
    """
    if study.n <= limit:
        return list(range(study.n))
    differ = np.zeros(study.n, dtype=bool)
    if study.split.task.kind == "classification":
        said = np.stack([population.first.predicted for population in study.models])
        differ = (said != said[0]).any(axis=0)
    names = np.array([key in named for key in study.split.ids])
    order = np.lexsort((np.arange(study.n), ~differ, ~names))
    return sorted(int(row) for row in order[:limit])


def named_ids(document: ResultsDocument) -> frozenset[str]:
    """Collect the example ids that tables and gaps link to."""
    found: set[str] = set()
    for result in document.analyses:
        found.update(key for gap in result.gaps for key in gap.examples)
        for table in result.tables:
            wanted = [i for i, column in enumerate(table.columns) if column.kind == "example"]
            found.update(str(row[i]) for row in table.rows for i in wanted if row[i])
    return frozenset(found)


def examples(study: Study, rows: list[int]) -> tuple[Example, ...]:
    """Lay out the rows of the example browser."""
    split = study.split
    regression = split.task.kind == "regression"
    said = [_predictions_of(population, rows, regression=regression) for population in study.models]
    listed = []
    for place, row in enumerate(rows):
        known = split.labels is not None and split.has_gold[row]
        gold = split.labels[row].item() if split.labels is not None and known else None
        listed.append(
            Example(
                id=split.ids[row],
                text=split.texts[row],
                text_pair=None if split.pairs is None else split.pairs[row],
                label=None if gold is None or regression else int(gold),
                score=float(gold) if gold is not None and regression else None,
                columns={name: values[row] for name, values in split.columns.items()},
                predictions=tuple(one[place] for one in said),
            )
        )
    return tuple(listed)


def _predictions_of(
    population: Population, rows: list[int], *, regression: bool
) -> list[ExamplePrediction]:
    run, name = population.first, population.name
    if regression:
        return [ExamplePrediction(model=name, score=float(run.scores[row])) for row in rows]
    predicted = run.predicted
    if not run.has_probabilities:
        return [ExamplePrediction(model=name, label=int(predicted[row])) for row in rows]
    # Six digits are more than any reader or chart can tell apart, and halve the page.
    probabilities = np.round(np.exp(run.log_probabilities[rows]), 6)
    return [
        ExamplePrediction(
            model=name,
            label=int(predicted[row]),
            confidence=float(values.max()),
            probabilities=tuple(float(value) for value in values),
        )
        for row, values in zip(rows, probabilities, strict=True)
    ]


def predictions_parquet(study: Study) -> bytes:
    """Lay out one row per example, model and run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    split, tables = study.split, []
    regression = split.task.kind == "regression"
    for population in study.models:
        for number, run in enumerate(population.runs):
            known = run.has_probabilities and not regression
            columns = {
                "id": list(split.ids),
                "text": list(split.texts),
                "text_pair": list(split.pairs) if split.pairs else [None] * study.n,
                "model": [population.name] * study.n,
                "run": [number] * study.n,
                "label": _gold_names(study),
                "predicted": None if regression else [split.task.labels[i] for i in run.predicted],
                "score": run.scores.tolist() if regression else None,
                "confidence": run.confidence.tolist() if known else None,
                "probabilities": np.exp(run.log_probabilities).tolist() if known else None,
            }
            tables.append(
                pa.table({k: v or [None] * study.n for k, v in columns.items()}, _schema())
            )
    sink = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), sink, compression="zstd")
    return sink.getvalue()


def _schema() -> object:
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    return pa.schema(
        [
            ("id", text), ("text", text), ("text_pair", text), ("model", text), ("run", pa.int32()),
            ("label", text), ("predicted", text), ("score", number), ("confidence", number),
            ("probabilities", pa.list_(number)),
        ]
    )  # fmt: skip


def _gold_names(study: Study) -> list[str | None]:
    split = study.split
    if split.labels is None:
        return [None] * study.n
    names, known = split.task.labels, split.has_gold
    shown = (
        (repr(float(value)) for value in split.labels)
        if split.task.kind == "regression"
        else (names[int(value)] for value in split.labels)
    )
    return [name if there else None for name, there in zip(shown, known.tolist(), strict=True)]


def write_outputs(document: ResultsDocument, study: Study, folder: Path) -> None:
    """Write results.json, report.html, metrics.csv and predictions.parquet, all or none.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    from kdprobe.report.build import render

    with atomic.staged_folder(folder, outdated=(WORD_SCORES,)) as stage:
        (stage / "results.json").write_text(dumps(document), encoding="utf-8")
        (stage / "metrics.csv").write_text(metrics_csv(document), encoding="utf-8")
        (stage / "predictions.parquet").write_bytes(predictions_parquet(study))
        write_parquet(study, stage)
        (stage / "report.html").write_text(render(document), encoding="utf-8")
