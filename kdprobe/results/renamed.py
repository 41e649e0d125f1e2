"""Old names of analyses, and how a document of the first version becomes one of the second.

Does: say what an analysis is called now, and rename inside a parsed document. Does not: read files.

In version 2 what a teacher has and a student does not is a gap, as a loss is what is trained on:
`losses` of an analysis became `gaps`, and four analyses got the field's names.
"""

from __future__ import annotations

from typing import cast

from pydantic import JsonValue

RENAMED = {
    "alarms": "sanity_checks",
    "buckets": "correctness_groups",
    "lists": "exemplary_cases",
    "losses": "student_gaps",
}
"""Old name -> name; the plug-ins have the old ones as aliases."""

_TABLES = {"buckets": "groups", "losses": "gaps"}
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
