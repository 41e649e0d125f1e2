"""The examples a page holds: which ones, at which address, and as data for its script.

Does: keep at most 5,000 examples (those that a table, a chart or a gap names come first), give
each an address, and pack them. Does not: render rows; `browser.html` and `browser.js` do.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from kdprobe.plain_text import printable
from kdprobe.results.method_names import method_label
from kdprobe.results.schema import (
    Example,
    ExamplePrediction,
    ExampleWords,
    ResultsDocument,
    TaskInfo,
)

MOST = 5000
FULL_PROBABILITIES = 12
SLICE_VALUES = 40
SHOWN_MODELS = 5
TEXT = 60
"""Characters of an example's text beside its id in a table."""


def named_examples(document: ResultsDocument) -> set[str]:
    """Return the ids that gaps and example columns of tables point at, and explained examples."""
    named = {example.id for example in document.examples if example.words is not None}
    for result in document.analyses:
        for gap in result.gaps:
            named.update(gap.examples)
        for table in result.tables:
            spots = [i for i, column in enumerate(table.columns) if column.kind == "example"]
            named.update(str(row[i]) for row in table.rows for i in spots if row[i] is not None)
    return named


def kept_examples(document: ResultsDocument) -> tuple[Example, ...]:
    """Return the examples of the page, in the document's order."""
    if len(document.examples) <= MOST:
        return document.examples
    named = named_examples(document)
    ranked = sorted(
        range(len(document.examples)), key=lambda i: document.examples[i].id not in named
    )
    return tuple(document.examples[i] for i in sorted(ranked[:MOST]))


def page_ids(examples: tuple[Example, ...]) -> list[str]:
    """Return each example the id it goes by on the page: printable, and still unique."""
    taken: set[str] = set()
    ids = []
    for example in examples:
        stem = candidate = printable(example.id) or "example"
        count = 2
        while candidate in taken:
            candidate, count = f"{stem}~{count}", count + 1
        taken.add(candidate)
        ids.append(candidate)
    return ids


def address(page_id: str) -> str:
    """Return the link to an example, in the encoding of the script's encodeURIComponent.

    >>> address("17"), address("a b/é")
    ('#ex-17', '#ex-a%20b%2F%C3%A9')
    """
    return "#ex-" + quote(page_id, safe="-_.!~*'()")


class Links(dict[str, str]):
    """Example id -> address; `texts` holds how each of these examples begins."""

    def __init__(self, addresses: Mapping[str, str], texts: Mapping[str, str]) -> None:
        super().__init__(addresses)
        self.texts = texts


def links(document: ResultsDocument) -> Links:
    """Return the addresses of the examples that are on the page, with the beginning of each."""
    examples = kept_examples(document)
    addresses = {
        example.id: address(page_id)
        for example, page_id in zip(examples, page_ids(examples), strict=True)
    }
    return Links(addresses, {one.id: printable(one.text, limit=TEXT) for one in examples})


def slice_columns(examples: tuple[Example, ...]) -> dict[str, list[str]]:
    """Return the extra columns with few enough values to filter by, each with its sorted values."""
    values: dict[str, set[str]] = {}
    for example in examples:
        for name, value in example.columns.items():
            values.setdefault(name, set()).add(value)
    return {name: sorted(held) for name, held in values.items() if 1 < len(held) <= SLICE_VALUES}


def _probabilities(prediction: ExamplePrediction) -> list[float] | list[list[float]]:
    values = prediction.probabilities
    if prediction.of_labels:
        pairs = list(zip(prediction.of_labels, values, strict=True))[:FULL_PROBABILITIES]
        return [[label, round(value, 4)] for label, value in pairs]
    if len(values) <= FULL_PROBABILITIES:
        return [round(value, 4) for value in values]
    best = sorted(range(len(values)), key=lambda i: (-values[i], i))[:FULL_PROBABILITIES]
    return [[i, round(values[i], 4)] for i in best]


def _packed(prediction: ExamplePrediction | None) -> list[object] | None:
    if prediction is None:
        return None
    if prediction.score is not None:
        return [None, round(prediction.score, 4), []]
    confidence = None if prediction.confidence is None else round(prediction.confidence, 4)
    return [prediction.label, confidence, _probabilities(prediction)]


def script_data(document: ResultsDocument) -> dict[str, object]:
    """Return `page_data` as the page's script gets it: nothing twice.

    An entry without its confidence, `[label, probabilities]`, has the label's probability, which
    `browser_data.js` puts back.
    """
    data = page_data(document)
    rows = cast("list[list[Any]]", data["rows"])
    return {**data, "rows": [[*row[:5], list(map(_brief, row[5])), *row[6:]] for row in rows]}


def _brief(entry: list[Any] | None) -> list[Any] | None:
    if entry is None or entry[0] is None or not entry[2] or entry[1] is None:
        return entry
    label, sure, values = entry
    same = label < len(values) and values[label] == sure
    return [label, values] if same else entry


def explained(document: ResultsDocument) -> tuple[Example, ...]:
    """Return the examples of the page whose words were explained."""
    return tuple(one for one in kept_examples(document) if one.words is not None)


def explaining_methods(document: ResultsDocument) -> list[str]:
    """Return the attribution methods of the page's examples, in the document's order."""
    words = [one.words for one in explained(document) if one.words is not None]
    scored = [line.method for one in words for line in one.scores]
    agreeing = [line.method for one in words for line in one.agreement]
    return list(dict.fromkeys((*scored, *agreeing)))


def low_agreement(document: ResultsDocument) -> dict[tuple[str, str], float]:
    """Return (method, student) -> the rank correlation below which the reasons count as others."""
    result = document.analysis("attribution_agreement")
    return {
        (one.method, one.model_b): one.value
        for one in (result.estimates if result else ())
        if one.metric == "low_agreement" and one.value is not None
    }


def _packed_words(
    words: ExampleWords | None, methods: list[str], models: list[str]
) -> list[object] | None:
    """Pack as `[explained, agreement, words, scores, where the second text begins]`.

    Agreement and scores are by method and model.
    """
    if words is None:
        return None
    rhos = {(one.method, one.student): round(one.value, 3) for one in words.agreement}
    scores = {(one.method, one.model): one.scores for one in words.scores}
    return [
        words.explained,
        [[rhos.get((method, model)) for model in models] for method in methods],
        [printable(word) for word in words.words],
        [[scores.get((method, model)) for model in models] for method in methods],
        words.second,
    ]


def named_lists(document: ResultsDocument) -> list[dict[str, object]]:
    """Return the lists that no filter can find again, because they need more than one run.

    Each as its name, a hint, and the places of its examples among `kept_examples`.
    """
    places = {example.id: place for place, example in enumerate(kept_examples(document))}
    result = document.analysis("exemplars")
    lists: list[dict[str, object]] = []
    for table in result.tables if result else ():
        spots = [at for at, column in enumerate(table.columns) if column.kind == "example"]
        ids = dict.fromkeys(str(row[at]) for row in table.rows for at in spots)
        rows = sorted(places[key] for key in ids if key in places)
        if rows:
            hint = f"{table.title}: most runs of teacher and student settle on different labels"
            lists.append({"name": "changed by compression", "tip": printable(hint), "rows": rows})
    return lists


def shown_models(document: ResultsDocument) -> list[int]:
    """Return which models have a column from the start: the teacher and the first students."""
    teacher = [model.role for model in document.models].index("teacher")
    students = [place for place in range(len(document.models)) if place != teacher]
    return sorted([teacher, *students[: SHOWN_MODELS - 1]])


def _sets(task: TaskInfo) -> dict[str, object]:
    """Return the names of sets of labels and the places of their labels; nothing without sets."""
    if not task.sets:
        return {}
    return {
        "answers": [printable(name) for name in task.answers],
        "sets": [list(places) for places in task.sets],
    }


def page_data(document: ResultsDocument) -> dict[str, object]:
    """Pack the examples for the page's script: rows of `[id, text, pair, gold, columns, models]`.

    A model's entry is `[label, confidence, probabilities]`; above twelve labels only the twelve
    most probable are kept, each as `[label, probability]`. For a regression it is
    `[null, score, []]`. Probabilities are rounded to four decimals. Where words were explained each
    row has a seventh entry, see `_packed_words`, and `low` holds the limits of low agreement.
    Of a multi-label task labels are indices into `answers`, sets of labels with places in `sets`.
    `lists` are of `named_lists`, `shown` of `shown_models`.
    """
    examples = kept_examples(document)
    columns = sorted({name for example in examples for name in example.columns})
    methods, models = explaining_methods(document), [model.name for model in document.models]
    rows = []
    for example, page_id in zip(examples, page_ids(examples), strict=True):
        by_model = {prediction.model: prediction for prediction in example.predictions}
        gold = example.label if example.label is not None else example.score
        pair = None if example.text_pair is None else printable(example.text_pair)
        values = [printable(example.columns.get(name, "")) for name in columns]
        predictions = [_packed(by_model.get(model.name)) for model in document.models]
        row = [page_id, printable(example.text), pair, gold, values, predictions]
        rows.append([*row, _packed_words(example.words, methods, models)] if methods else row)
    low = low_agreement(document)
    return {
        "columns": [printable(name) for name in columns],
        "kind": document.task.kind,
        "labels": [printable(label) for label in document.task.labels],
        **_sets(document.task),
        "lists": named_lists(document),
        "low": [[low.get((method, model)) for model in models] for method in methods],
        "methods": [printable(method_label(name)) for name in methods],
        "models": [printable(name) for name in models],
        "name": printable(document.task.name),
        "rows": rows,
        "shown": shown_models(document),
        "teacher": [model.role for model in document.models].index("teacher"),
    }


_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def script_json(data: dict[str, object]) -> str:
    r"""Write data as JSON that cannot end its script element, nor be JavaScript by mistake.

    >>> script_json({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(
        data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return functools.reduce(lambda done, pair: done.replace(*pair), _ESCAPES.items(), text)
