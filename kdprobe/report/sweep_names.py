"""Names of a sweep's students as a page can bear them, and which of them are at chance.

Does: cut what all names share, in every place where a name stands, and compare the score's interval
with what a model that knows nothing would get. Does not: compute an interval.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kdprobe.results.schema import Estimate, ModelInfo
from kdprobe.results.sweep import SweepDocument

_JOINTS = ":, "
_PARTS = re.compile(r"[:,] ?")
_ONCE = (
    (" beats every other student", " alone stands on the front"),
    (", no student beats ", " the front is "),
)
"""What older sweeps said of points whose intervals may overlap, and what is said now."""
_ZERO_AT_CHANCE = frozenset({"mcc", "cohens_kappa", "pearson", "spearman"})


def common_beginning(names: list[str]) -> str:
    """Return what all names begin with, up to a joint between two settings.

    >>> common_beginning(["student=bilstm:hidden=16,fc=16", "student=bilstm:hidden=64,fc=64"])
    'student=bilstm:'
    >>> common_beginning(["layers=1", "layers=2"]), common_beginning(["a:b"])
    ('', '')
    """
    if len(names) < 2:
        return ""
    # What the first and the last in order share, all share.
    first, last = min(names), max(names)
    pairs = enumerate(zip(first, last, strict=False))
    shared = first[: next((at for at, (one, other) in pairs if one != other), len(first))]
    cut = max(shared.rfind(joint) for joint in _JOINTS) + 1
    return shared[:cut] if all(len(name) > cut for name in names) else ""


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return each name less what all share; settings that vary as one are written as one.

    Definition: less their common beginning names are read as settings `key=value`; where all set
    the same keys, those of one value in all are dropped, and those whose values are equal in every
    name are joined. Other names lose their beginning only.

    >>> list(short_names(["s=b:hidden=8,fc=8,layers=2", "s=b:hidden=16,fc=16,layers=2"]).values())
    ['hidden=fc=8', 'hidden=fc=16']
    >>> list(short_names(["a=1:b=2", "a=1:c=2"]).values()), short_names(["layers=2"])
    (['b=2', 'c=2'], {'layers=2': 'layers=2'})
    """
    cut = common_beginning(list(names))
    left = [name.removeprefix(cut) for name in names]
    settings = [[part.partition("=") for part in _PARTS.split(name)] for name in left]
    keys = [[key for key, sign, _ in one if sign] for one in settings]
    alike = all(len(one) == len(keys[0]) == len(settings[0]) for one in settings)
    if len(names) < 2 or not alike or any(one != keys[0] for one in keys):
        return dict(zip(names, left, strict=True))
    columns: dict[tuple[str, ...], list[str]] = {}
    for at, key in enumerate(keys[0]):
        columns.setdefault(tuple(one[at][2] for one in settings), []).append(key)
    varied = {values: held for values, held in columns.items() if len(set(values)) > 1}
    return {
        name: ",".join(f"{'='.join(held)}={values[at]}" for values, held in varied.items()) or name
        for at, name in enumerate(names)
    }


def shared_settings(names: Sequence[str]) -> str:
    """Return the settings that `short_names` leaves out of every name; empty where there is none.

    >>> shared_settings(["s=b:hidden=8,layers=2", "s=b:hidden=16,layers=2"])
    's=b, layers=2'
    """
    parts = [[part for part in _PARTS.split(name) if part] for name in names]
    short = [set(_PARTS.split(name)) for name in short_names(names).values()]
    if len(names) < 2:
        return ""
    return ", ".join(
        part for part in parts[0]
        if all(part in one for one in parts) and not any(part in one for one in short)
    )  # fmt: skip


def shortened(document: SweepDocument) -> SweepDocument:
    """Return the document with its students' names cut, in tables, charts and sentences alike."""
    short = short_names([model.name for model in document.students])
    whole = sorted(short, key=len, reverse=True)

    def name(old: str) -> str:
        return short.get(old, old)

    def words(text: str) -> str:
        for old in whole:
            text = text.replace(old, name(old))
        for old, new in _ONCE:
            text = text.replace(old, new)
        return text

    def model(one: ModelInfo) -> ModelInfo:
        return one.model_copy(update={"name": name(one.name)})

    def numbers(held: tuple[Estimate, ...]) -> tuple[Estimate, ...]:
        return tuple(
            e.model_copy(update={"model_a": name(e.model_a), "model_b": name(e.model_b)})
            for e in held
        )

    return document.model_copy(
        update={
            "students": tuple(map(model, document.students)),
            "runs": tuple(
                run.model_copy(update={"student": name(run.student)}) for run in document.runs
            ),
            "estimates": numbers(document.estimates),
            "differences": numbers(document.differences),
            "closeness_differences": numbers(document.closeness_differences),
            "fronts": tuple(
                front.model_copy(
                    update={
                        "students": tuple(map(name, front.students)),
                        "finding": words(front.finding),
                    }
                )
                for front in document.fronts
            ),
            "sentences": tuple(map(words, document.sentences)),
        }
    )


def chance_level(document: SweepDocument) -> float | None:
    """Return the score of a model that knows nothing; None where that is not known.

    Definition: 0 for correlations and chance-corrected scores; for accuracy the share of the most
    frequent label.
    """
    if document.score in _ZERO_AT_CHANCE:
        return 0.0
    counts = list(document.task.label_counts.values())
    total = sum(counts)
    if document.score == "accuracy" and total:
        return max(counts) / total
    return None


def at_chance(document: SweepDocument) -> tuple[str, ...]:
    """Return the students whose score's interval does not lie above chance."""
    level = chance_level(document)
    if level is None:
        return ()
    names = [model.name for model in document.students]
    scores = ((name, document.find(document.score, name)) for name in names)
    return tuple(
        name for name, score in scores if score is not None and score.value is not None
        and (score.value if score.low is None else score.low) <= level
    )  # fmt: skip


def chance_sentence(document: SweepDocument) -> str:
    """State which students are no better than a model that knows nothing; empty: none is."""
    names = at_chance(document)
    if not names:
        return ""
    label = document.metric(document.score).label
    level = f"{chance_level(document):.3f}".rstrip("0").rstrip(".")
    who = "Every student is" if len(names) == len(document.students) else (
        f"{'; '.join(names)} {'is' if len(names) == 1 else 'are'}"
    )  # fmt: skip
    return f"{who} at chance by {label}: the interval does not lie above {level}."
