"""Old names of analyses, and how older documents become those of today.

Does: say what an analysis is called now, and rename and move inside a parsed document. Does not:
read files.

In version 2 what a teacher has and a student does not is a gap, as a loss is what is trained on:
`losses` of an analysis became `gaps`, and four analyses got the field's names. The first documents
of version 2 held the word scores of some sentences twice, in a table of their own too.
"""

from __future__ import annotations

from typing import cast

from pydantic import JsonValue

from kdprobe.results.words import EXPLAINED_SENTENCES

RENAMED = {
    "alarms": "sanity_checks",
    "buckets": "correctness_groups",
    "lists": "exemplary_cases",
    "losses": "student_gaps",
}
"""Old name -> name; the plug-ins have the old ones as aliases."""

_TABLES = {"buckets": "groups", "losses": "gaps"}
_SCORED = ["example", "why", "explained", "method", "model", "word_index", "word", "score"]
_TIMED = "analysis "  # a time is kept under `analysis NAME`


def present_name(analysis: str) -> str:
    """Return what an analysis is called now.

    >>> present_name("losses"), present_name("slices")
    ('student_gaps', 'slices')
    """
    return RENAMED.get(analysis, analysis)


def _parts(data: dict[str, JsonValue], key: str) -> list[dict[str, JsonValue]]:
    """Return the objects of a list; none where a broken document has something else."""
    held = data.get(key)
    return [part for part in held if isinstance(part, dict)] if isinstance(held, list) else []


def _rename(part: dict[str, JsonValue], key: str) -> None:
    if isinstance(name := part.get(key), str):
        part[key] = present_name(name)


def second_version(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a document of version 1 as one of version 2; `data` itself is changed.

    Raises nothing for a broken document: what is not of the expected shape is left as it is, and
    is refused where the document is checked.
    """
    data["schema_version"] = 2
    for result in _parts(data, "analyses"):
        for table in _parts(result, "tables") if result.get("name") in _TABLES else ():
            table["name"] = _TABLES.get(str(table.get("name")), table.get("name"))
        _rename(result, "name")
        if "losses" in result:
            result["gaps"] = result.pop("losses")
    for skipped in _parts(data, "skipped"):
        _rename(skipped, "what")
    if isinstance(times := data.get("timings"), dict):
        data["timings"] = {
            _TIMED + present_name(key.removeprefix(_TIMED)) if key.startswith(_TIMED) else key: time
            for key, time in times.items()
        }
    request = data.get("request")
    options = request.get("options") if isinstance(request, dict) else None
    if isinstance(options, dict) and isinstance(names := options.get("analyses"), list):
        renamed = [present_name(name) if isinstance(name, str) else name for name in names]
        options["analyses"] = cast(JsonValue, renamed)
    return data


def word_scores_once(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a document whose word scores stand in its examples alone; `data` itself is changed.

    The table `highlights` had a row for every word. It becomes one that names its sentences, and
    their examples get its scores, which were rounded less. A table that is not of the expected
    shape, or that names an example which the document does not hold, is left as it is.
    """
    examples = {str(example.get("id")): example for example in _parts(data, "examples")}
    task = data.get("task")
    labels = task.get("labels") if isinstance(task, dict) else None
    for result in _parts(data, "analyses"):
        for table in _parts(result, "tables"):
            columns, rows = _parts(table, "columns"), table.get("rows")
            fits = isinstance(rows, list) and all(
                isinstance(row, list)
                and len(row) == len(_SCORED)
                and not any(isinstance(cell, list | dict) for cell in row)
                and row[0] in examples
                for row in rows
            )
            if [column.get("name") for column in columns] == _SCORED and fits:
                scored = cast(list[list[JsonValue]], rows)
                table["name"], table["columns"] = EXPLAINED_SENTENCES, list(columns[:2])
                table["rows"] = list({str(row[0]): row[:2] for row in scored}.values())
                names = labels if isinstance(labels, list) else []
                for name in {str(row[0]): None for row in scored}:
                    _give_words(examples[name], [row for row in scored if row[0] == name], names)
    return data


def _give_words(
    example: dict[str, JsonValue], rows: list[list[JsonValue]], labels: list[JsonValue]
) -> None:
    """Write the rows of a table into the example they are about."""
    words = example.get("words") or {"agreement": []}
    lines: dict[tuple[JsonValue, JsonValue], list[list[JsonValue]]] = {}
    for row in rows:
        lines.setdefault((row[3], row[4]), []).append(row)
    explained = labels.index(rows[0][2]) if rows[0][2] in labels else None
    scores = [
        {"method": method, "model": model, "scores": [row[7] for row in line]}
        for (method, model), line in lines.items()
    ]
    texts = [row[6] for row in next(iter(lines.values()))]
    added = {"explained": explained, "words": texts, "scores": scores}
    example["words"] = cast(JsonValue, words | added if isinstance(words, dict) else words)
