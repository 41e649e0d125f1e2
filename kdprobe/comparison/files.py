"""The files of `kdprobe compare`.

Does: lay out `predictions.parquet` and `attributions.parquet`, and write all files together. Does
not: compute any number.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from kdprobe import atomic
from kdprobe.config.kinds import written_set
from kdprobe.config.options import Output
from kdprobe.errors import ConfigError
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.label_sets import as_given, probabilities_of
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.predictions import Predictions
from kdprobe.observations.study import Study
from kdprobe.results.io import dumps, metrics_csv
from kdprobe.results.schema import ResultsDocument
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import Split, gold_text

_PIECE, _NUMBERS = 100_000, 2_000_000  # rows, and numbers of them, that are written at a time
WORD_SCORES = "attributions.parquet"
WRITTEN = ("results.json", "report.html", "metrics.csv", "predictions.parquet", WORD_SCORES)
"""The files of a comparison's folder."""
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
            with (stage / "predictions.parquet").open("wb") as file:
                write_predictions(study, file)
            _write_word_scores(study, stage)
        (stage / "report.html").write_text(render(document), encoding="utf-8")


def write_predictions(study: Study, to: IO[bytes]) -> None:
    """Write one row per example, model and run, with its cluster where examples have one.

    In pieces of 100,000 rows, or 2 million numbers: no more than that is held as text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    split, writer = as_given(study), None
    gold = _gold_names(split)
    for population in study.models:
        for number, run in enumerate(population.runs):
            known = run.has_probabilities and split.task.kind != "regression"
            every = probabilities_of(study, population, number) if known else None
            step = max(1, min(_PIECE, _NUMBERS // max(1, study.classes)))
            for start in range(0, study.n, step):
                rows = slice(start, start + step)
                columns = {
                    **_of_examples(split, gold, rows),
                    "model": population.name,
                    "run": number,
                    **_of_run(study, run, every, rows),
                }
                size = len(split.ids[rows])
                schema = _schema(columns)
                filled = {
                    name: held if isinstance(held, list) else [held] * size
                    for name, held in columns.items()
                }
                writer = writer or pq.ParquetWriter(to, schema, compression="zstd")
                writer.write_table(pa.table(filled, schema))
    if writer is not None:
        writer.close()


def _of_examples(split: Split, gold: list[str | None], rows: slice) -> dict[str, object]:
    """The columns of some examples; a single value stands in all rows."""
    columns: dict[str, object] = {
        "id": list(split.ids[rows]),
        "text": list(split.texts[rows]),
        "text_pair": list(split.pairs[rows]) if split.pairs else None,
        "label": gold[rows],
    }
    if split.clusters is not None:
        columns["cluster"] = split.clusters[rows].tolist()
    return columns


def _of_run(study: Study, run: Predictions, every: Floats | None, rows: slice) -> dict[str, object]:
    """The columns of what a run says of some examples."""
    regression = study.split.task.kind == "regression"
    return {
        "predicted": None if regression else _answer_names(study, run.predicted[rows]),
        "score": run.scores[rows].tolist() if regression else None,
        "confidence": None if every is None else run.confidence[rows].tolist(),
        "probabilities": None if every is None else list(every[rows]),
    }


def _schema(columns: Collection[str]) -> object:
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    fields = [
        ("id", text), ("text", text), ("text_pair", text), ("model", text), ("run", pa.int32()),
        ("label", text), ("predicted", text), ("score", number), ("confidence", number),
        ("probabilities", pa.list_(number)), ("cluster", pa.int64()),
    ]  # fmt: skip
    return pa.schema([field for field in fields if field[0] in columns])


def _answer_names(study: Study, predicted: Ints) -> list[str]:
    """Return the names of classes; of sets of labels as a table of several labels writes them."""
    task = study.split.task
    names = task.labels
    if task.sets is not None:
        names = tuple(written_set(task.sets.labels, places) for places in task.sets.members)
    return [names[place] for place in predicted.tolist()]


def _gold_names(split: Split) -> list[str | None]:
    if split.labels is None:
        return [None] * len(split)
    regression = split.task.kind == "regression"
    return [
        (repr(float(value)) if regression else gold_text(split.task, value)) if known else None
        for value, known in zip(split.labels, split.has_gold.tolist(), strict=True)
    ]


def _write_word_scores(study: Study, folder: Path) -> None:
    """Write `attributions.parquet`, a row an example, model, method and word; nothing without."""
    study = study.get(OwnSentences).study if study.has(OwnSentences) else study
    if not study.has(Attributions):
        return
    attributions, labels = study.get(Attributions), as_given(study).task.labels
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
            missed = None if np.isnan(gap) else gap
            for index, (word, score) in enumerate(zip(words, scores.tolist(), strict=True)):
                shown = None if np.isnan(score) else score
                row = (key, model, method, labels[target] if labels else None, index, word.segment,
                       word.start, word.end, word.text, shown, missed)  # fmt: skip
                for name, value in zip(_COLUMNS, row, strict=True):
                    columns[name].append(value)
    pq.write_table(pa.table(columns), folder / WORD_SCORES, compression="zstd")
