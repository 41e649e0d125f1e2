"""The names of classes that a file of label indices brings with it.

Does: read the `ClassLabel` features that `datasets` writes into a parquet file's schema, or beside
a data file into `dataset_info.json` or the head of `README.md`. Does not: read rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kdprobe.errors import UsageError
from kdprobe.plain_files import parse_json, read_json
from kdprobe.tasks.written_sets import read_set

_LARGEST = 1 << 20
Names = Mapping[str, tuple[str, ...]]


def names_in_schema(metadata: Mapping[bytes, bytes] | None) -> Names:
    """Return the class names in a parquet schema's metadata, by column; none where there are none.

    >>> names_in_schema({b"huggingface": b'{"info": {"features": {"label": {"_type": '
    ... b'"ClassLabel", "names": ["neg", "pos"]}}}}'})
    {'label': ('neg', 'pos')}
    """
    written = (metadata or {}).get(b"huggingface", b"{}").decode("utf-8", "replace")
    try:
        described = parse_json(written, where="huggingface")
    except UsageError:
        return {}
    return _of_features(_at(described, "info", "features"))


def names_beside(path: Path) -> Names:
    """Return the class names that the folder of a data file says, by column.

    Looked at are `dataset_info.json` (its `features`) and the YAML head of `README.md` (its
    `dataset_info`, of one configuration). What cannot be read says nothing.
    """
    try:
        described = read_json(path.parent / "dataset_info.json", largest=_LARGEST)
    except UsageError:
        described = {}
    names = _of_features(_at(described, "features"))
    return names or _of_readme(path.parent / "README.md")


def named(cells: Sequence[str | None], names: Sequence[str]) -> tuple[str | None, ...] | None:
    """Return names for indices, None for -1 and empty cells; None when a cell is another thing.

    >>> named(["1", "0", "-1", None], ["neg", "pos"])
    ('pos', 'neg', None, None)
    """
    meaning: dict[str, str | None] = {str(index): name for index, name in enumerate(names)}
    if any((cell or "").startswith("[") for cell in cells):
        return _named_sets(cells, meaning)
    meaning |= {"-1": None, "": None}
    if any((cell or "").strip() not in meaning for cell in cells):
        return None
    return tuple(meaning[(cell or "").strip()] for cell in cells)


def _named_sets(
    cells: Sequence[str | None], meaning: Mapping[str, str | None]
) -> tuple[str | None, ...] | None:
    """Return lists of names for lists of indices, as JSON; None when a cell is another thing.

    >>> _named_sets(["[1, 0]", "[]", None], {"0": "neg", "1": "pos"})
    ('["pos", "neg"]', '[]', None)
    """
    sets = [read_set(cell) for cell in cells]
    if any(each is None or not set(each.words) <= set(meaning) for each in sets):
        return None
    return tuple(
        json.dumps([meaning[word] for word in each.words], ensure_ascii=False)
        if each is not None and each.known
        else None
        for each in sets
    )


def _read_small(path: Path) -> str:
    """Read a description; what is larger is none, and not worth the memory."""
    return path.read_text(encoding="utf-8-sig") if path.stat().st_size <= _LARGEST else ""


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _of_features(features: Any) -> Names:
    if not isinstance(features, dict):
        return {}
    inner = {column: _at(each, "feature") or each for column, each in features.items()}
    lists = {column: _at(feature, "names") for column, feature in inner.items()}
    typed = {
        column: tuple(names)
        for column, names in lists.items()
        if isinstance(names, list) and _at(inner, column, "_type") == "ClassLabel"
    }
    return {column: names for column, names in typed.items() if _are_names(names)}


def _are_names(names: Sequence[Any]) -> bool:
    return all(isinstance(name, str) for name in names) and 0 < len(set(names)) == len(names)


def _of_readme(path: Path) -> Names:
    """Read `dataset_info: {features: [{name, dtype: {class_label: {names: {'0': neg}}}}]}`."""
    try:
        text = _read_small(path)
        head = yaml.safe_load(text.split("\n---", 1)[0]) if text.startswith("---\n") else None
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    info = _at(head, "dataset_info")
    if isinstance(info, list):
        info = info[0] if len(info) == 1 else None
    features = _at(info, "features")
    names: dict[str, tuple[str, ...]] = {}
    for feature in features if isinstance(features, list) else []:
        listed = _at(feature, "dtype", "class_label", "names")
        if isinstance(listed, dict) and isinstance(feature.get("name"), str):
            in_order: tuple[Any, ...] = tuple(listed.get(str(n)) for n in range(len(listed)))
            if _are_names(in_order):
                names[feature["name"]] = tuple(map(str, in_order))
    return names
