"""Reading and writing results documents.

Does: read (version first, then migrate, then validate), write canonically and atomically, and give
`metrics.csv`. Does not: compute or render.

`results.json` is for machines, `report.html` for people, `metrics.csv` for spreadsheets: all three
hold the same numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from kdprobe import atomic, plain_files
from kdprobe.errors import ResultsFormatError
from kdprobe.plain_files import parse_json
from kdprobe.results.renamed import second_version, word_scores_once
from kdprobe.results.schema import SCHEMA_VERSION, Estimate, Frozen, ResultsDocument

CSV_COLUMNS = (
    "analysis", "metric", "model_a", "model_b", "subset", "layer", "pooling", "method",
    "value", "ci_low", "ci_high", "p_value", "n", "undefined",
    "q_value", "interval", "note",
)  # fmt: skip

D = TypeVar("D", bound=BaseModel)
_Migration = Callable[[dict[str, JsonValue]], dict[str, JsonValue]]
_NO_STEPS: Mapping[int, _Migration] = MappingProxyType({})

# version -> the step from that version to the next one; read_document walks them in order.
MIGRATIONS: Mapping[int, _Migration] = MappingProxyType({1: second_version})


_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)


def dumps(document: Frozen) -> str:
    """Write a document as canonical JSON: sorted keys, UTF-8, no NaN, one trailing newline.

    A list or object that holds no other stands on one line: a thousand numbers are a line, not a
    page.
    """
    parts: list[str] = []
    _write(document.model_dump(mode="json"), "\n", parts)
    return "".join(parts) + "\n"


def _write(value: JsonValue, line: str, parts: list[str]) -> None:
    """Add the text of a value; `line` is a line end with the indentation of what it stands in."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(each, dict | list) for each in inside):
        parts.append(_ENCODER.encode(value))
        return
    begin = "{" if isinstance(value, dict) else "["
    deeper = f"{line} "
    items = sorted(value.items()) if isinstance(value, dict) else [("", each) for each in inside]
    for place, (name, each) in enumerate(items):
        parts.append(f"{',' if place else begin}{deeper}")
        if isinstance(value, dict):
            parts.append(f"{_ENCODER.encode(name)}: ")
        _write(each, deeper, parts)
    parts.append(f"{line}{'}' if isinstance(value, dict) else ']'}")


def loads(text: str, *, where: str = "results.json") -> ResultsDocument:
    """Read a document; the version is looked at before anything else.

    Raises:
        ResultsFormatError: not JSON, no version, a version from the future, or fields that this
            version does not know.
    """
    return load_versioned(
        ResultsDocument, text, where=where, newest=SCHEMA_VERSION, name="results.json",
        migrations=MIGRATIONS, last=word_scores_once,
    )  # fmt: skip


def load_versioned(
    model: type[D],
    text: str,
    *,
    where: str,
    newest: int,
    name: str,
    migrations: Mapping[int, _Migration] = _NO_STEPS,
    last: _Migration | None = None,
) -> D:
    """Read a document of any kind that carries a `schema_version`.

    Args:
        model: what it should be.
        text: JSON.
        where: the file, for messages.
        newest: the newest version this kdprobe reads.
        name: what such a file is called.
        migrations: version -> the step from that version to the next one.
        last: what the newest version's own first documents need.

    Raises:
        ResultsFormatError: see `loads`; or a document of another kind.
    """
    data = parse_json(
        text, where=where, error=ResultsFormatError, expected=f"a {name} that kdprobe wrote",
        finite=True,
    )  # fmt: skip
    kind = data.get("document") if isinstance(data, dict) else None
    own = model.model_fields.get("document")
    if isinstance(kind, str) and (own is None or kind != own.default):
        raise ResultsFormatError(
            where, found=f"is the document of a {kind}", expected=f"a {name} that kdprobe wrote"
        )
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise ResultsFormatError(
            where, found="has no schema_version", expected=f"a {name} that kdprobe wrote"
        )
    if version > newest:
        raise ResultsFormatError(
            where,
            found=f"has schema version {version}",
            expected=f"at most {newest}, the newest this kdprobe reads",
            remedy="update kdprobe",
        )
    while version < newest:
        if version not in migrations:
            raise ResultsFormatError(
                where, found=f"has schema version {version}", expected="a version from 1 on"
            )
        data = migrations[version](data)
        version += 1
    data = last(data) if last else data
    try:
        # Strict JSON mode: tuples come from arrays, and no string is taken for a number.
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        raise ResultsFormatError(
            where,
            found=f"{place}: {message}" if place else message,
            expected=f"a document of schema version {newest}",
            remedy="was the file edited by hand?",
        ) from error


def read_document(path: Path) -> ResultsDocument:
    """Read a results document from a file, or from the folder that holds `results.json`.

    Raises:
        ResultsFormatError: the file cannot be read or is none; see `loads`.
    """
    file = path / "results.json" if path.is_dir() else path
    return loads(read_text(file), where=str(file))


def read_text(file: Path) -> str:
    """Read the text of a document.

    Raises:
        ResultsFormatError: it cannot be read.
    """
    expected = "the results.json of a `kdprobe compare`, or a sweep.json"
    return plain_files.read_text(file, error=ResultsFormatError, expected=expected)


def write_document(document: ResultsDocument, path: Path) -> None:
    """Write a document so that a reader sees all of it or nothing.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    atomic.write_text(path, dumps(document))


def metrics_csv(document: ResultsDocument) -> str:
    """Return every number as one tidy row; columns that do not apply are empty.

    A text that a spreadsheet would take for a formula (it starts with `=`, `+`, `-` or `@`) gets a
    leading apostrophe: model and slice names are foreign text.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in metric_rows(document):
        writer.writerow([csv_cell(value) for value in row])
    return buffer.getvalue()


def metric_rows(document: ResultsDocument) -> Iterator[tuple[str | float | None, ...]]:
    """Yield every number as a row, in the order of `CSV_COLUMNS`; None where there is no number."""
    for result in document.analyses:
        for number in result.estimates:
            yield metric_row(result.name, number)


def metric_row(analysis: str, number: Estimate) -> tuple[str | float | None, ...]:
    """Return a number as a row, in the order of `CSV_COLUMNS`."""
    return (
        analysis, number.metric, number.model_a, number.model_b, number.subset,
        number.layer, number.pooling, number.method, number.value, number.low, number.high,
        number.p_value, number.n, number.undefined,
        number.q_value, number.interval, number.note,
    )  # fmt: skip


def csv_cell(value: str | float | None) -> str:
    """Write a value for a spreadsheet: nothing for None, and no text that it would calculate."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return repr(value)
