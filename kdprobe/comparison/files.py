"""The files of `kdprobe compare`.

Does: lay out `predictions.parquet` and `attributions.parquet`, and write all files together. Does
not: compute any number.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from kdprobe import atomic
from kdprobe.config.options import Output
from kdprobe.errors import ConfigError
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.io import dumps, metrics_csv
from kdprobe.results.schema import ResultsDocument

_PIECE = 100_000
WORD_SCORES = "attributions.parquet"
_COLUMNS = ("id", "model", "method", "explained", "word_index", "segment", "start", "end",
            "word", "score", "gap")  # fmt: skip
_ENDINGS = (".html", ".htm", ".json", ".csv", ".parquet", ".pdf", ".md", ".svg")


def check_output(options: Output) -> None:
    """Refuse a place that the files cannot be written to, before anything is computed.

    Raises:
        ConfigError: a name that ends like one of the files in the folder, and is no folder.
        OutputError: a folder that is not empty, unless `force` is set.
    """
    if options.output is None:
        return
    _check_folder_name(options.output)
    atomic.require_empty_folder(options.output, force=options.force)


def _check_folder_name(output: Path) -> None:
    if output.suffix.lower() in _ENDINGS and not output.is_dir():
        raise ConfigError(
            f"`output={output}`",
            found=f"is named like a file ({output.suffix})",
            expected="a folder: results.json, report.html, metrics.csv and predictions.parquet "
            "are written into it",
            remedy=f"say `output={output.parent if output.parent != Path() else output.stem}`; "
            "`kdprobe report FOLDER -o FILE.html` writes the page elsewhere",
        )


def write_files(
    document: ResultsDocument, study: Study | None, folder: Path, *, text: str | None = None
) -> None:
    """Write results.json, report.html, metrics.csv and predictions.parquet, all or none.

    Args:
        document: the results.
        study: the observations behind them; None: the two tables of them are not written.
        folder: where; what an earlier run wrote is replaced.
        text: the document as JSON, where it was written already.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    from kdprobe.report.build import render

    with atomic.staged_folder(folder, outdated=(WORD_SCORES,)) as stage:
        (stage / "results.json").write_text(text or dumps(document), encoding="utf-8")
        (stage / "metrics.csv").write_text(metrics_csv(document), encoding="utf-8")
        if study is not None:
            write_predictions(study, stage / "predictions.parquet")
            _write_word_scores(study, stage)
        (stage / "report.html").write_text(render(document), encoding="utf-8")


def write_predictions(study: Study, to: Path | io.BytesIO) -> None:
    """Write one row per example, model and run as parquet, in pieces of 100,000 rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, gold = _schema(), _gold_names(study)
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for population in study.models:
            for number, run in enumerate(population.runs):
                for start in range(0, study.n, _PIECE):
                    rows = slice(start, start + _PIECE)
                    columns = _columns_of(study, population, number, run, gold, rows)
                    writer.write_table(pa.table(columns, schema))


def _columns_of(
    study: Study,
    population: Population,
    number: int,
    run: Predictions,
    gold: list[str | None],
    rows: slice,
) -> dict[str, list[object]]:
    """Lay out some rows of a run."""
    split = study.split
    regression = split.task.kind == "regression"
    known = run.has_probabilities and not regression
    ids = list[object](split.ids[rows])
    nothing: list[object] = [None] * len(ids)
    names = split.task.labels
    return {
        "id": ids,
        "text": list(split.texts[rows]),
        "text_pair": list(split.pairs[rows]) if split.pairs else nothing,
        "model": [population.name] * len(ids),
        "run": [number] * len(ids),
        "label": list(gold[rows]),
        "predicted": nothing if regression else [names[i] for i in run.predicted[rows].tolist()],
        "score": run.scores[rows].tolist() if regression else nothing,
        "confidence": run.confidence[rows].tolist() if known else nothing,
        "probabilities": np.exp(run.log_probabilities[rows]).tolist() if known else nothing,
    }


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


def _write_word_scores(study: Study, folder: Path) -> None:
    """Write `attributions.parquet`, a row an example, model, method and word; nothing without."""
    study = study.get(OwnSentences).study if study.has(OwnSentences) else study
    if not study.has(Attributions):
        return
    attributions = study.get(Attributions)
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    for (model, method, kind), arrays in attributions.scores.items():
        if kind:
            continue
        explained = attributions.own_target.get(model, attributions.target).tolist()
        for key, words, target, gap, scores in zip(
            attributions.ids,
            attributions.words,
            explained,
            attributions.gaps[model, method].tolist(),
            arrays,
            strict=True,
        ):
            if not len(scores):
                continue
            labels = study.split.task.labels
            missed = None if np.isnan(gap) else gap
            for index, (word, score) in enumerate(zip(words, scores.tolist(), strict=True)):
                shown = None if np.isnan(score) else score
                row = (key, model, method, labels[target] if labels else None, index, word.segment,
                       word.start, word.end, word.text, shown, missed)  # fmt: skip
                for name, value in zip(_COLUMNS, row, strict=True):
                    columns[name].append(value)
    pq.write_table(pa.table(columns), folder / WORD_SCORES, compression="zstd")
