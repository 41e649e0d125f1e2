"""The explanations of one model by one method that are known, kept as one entry of the cache.

Does: look them up, and keep new ones beside them. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import JsonValue

from kdprobe.cache import Arrays, Cache, CacheKey
from kdprobe.extract.explained_piece import RANDOM, Explanation
from kdprobe.extract.method import METHODS, Attribution
from kdprobe.extract.orders import ORDER_OF, order_names, order_options
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle
from kdprobe.progress import Progress
from kdprobe.stats.arrays import Floats

EXTRACTOR_VERSION = 6


def explained_names(setting: ExplanationSettings) -> tuple[str, ...]:
    """Return the names of what is known of a sentence: methods, and what they are held against."""
    if not setting.deletion:
        return tuple(setting.methods)
    return (*setting.methods, RANDOM, *order_names(setting))


class KeptExplanations:
    """What is known of one model and method, by sentence; one entry of the cache."""

    def __init__(
        self,
        handle: ModelHandle,
        name: str,
        setting: ExplanationSettings,
        cache: Cache | None,
        progress: Progress,
    ) -> None:
        options: dict[str, JsonValue] = {}
        version = 1
        method = name.removeprefix(ORDER_OF)
        if method in setting.methods:
            options = setting.methods[method].model_dump(mode="json")
            version = METHODS.load(method).version
        if name in order_names(setting):
            options = options | order_options(name, setting)
        parts: dict[str, JsonValue] = {
            "model": handle.fingerprint, "reading": handle.reading, "method": name,
            "version": [EXTRACTOR_VERSION, version], "options": options,
            "output": setting.output, "removal": setting.removal, "seed": setting.seed,
            "deletion": setting.deletion,
        }  # fmt: skip
        self._key, self._cache = CacheKey("attributions", parts), cache
        self._described = f"{name} of {handle.name}"
        held = cache.load(self._key, say=progress.say) if cache is not None else None
        self.known: dict[bytes, Explanation] = _unpack(held) if held is not None else {}

    def add(self, explanations: Mapping[bytes, Explanation]) -> None:
        """Take up what was just found and keep all of it."""
        self.known.update(explanations)
        if self._cache is not None:
            described = f"{self._described} for {len(self.known)} texts"
            self._cache.store(self._key, _pack(self.known), description=described)


def _pack(known: Mapping[bytes, Explanation]) -> Arrays:
    explanations = list(known.values())
    lengths = np.array([len(one.scored.scores) for one in explanations], dtype=np.int64)
    return {
        "keys": np.frombuffer(b"".join(known), dtype=np.uint8).reshape(-1, 16),
        "lengths": lengths,
        "scores": np.concatenate([one.scored.scores for one in explanations]),
        "errors": np.concatenate([_errors(one.scored) for one in explanations]),
        "facts": np.array([[getattr(o.scored, name) for name in _FACTS] for o in explanations]),
        "deletion": np.stack([one.deletion for one in explanations]),
    }


_FACTS = ("special", "gap", "sampled", "itself", "drawn")


def _errors(scored: Attribution) -> Floats:
    empty: Floats = np.full(len(scored.scores), np.nan)
    return empty if scored.errors is None else scored.errors


def _unpack(held: Arrays) -> dict[bytes, Explanation]:
    known, start = {}, 0
    for row, key in enumerate(held["keys"]):
        end = start + int(held["lengths"][row])
        errors = held["errors"][start:end].astype(np.float64)
        facts = dict(zip(_FACTS, held["facts"][row].tolist(), strict=True))
        known[key.tobytes()] = Explanation(
            Attribution(
                held["scores"][start:end].astype(np.float64),
                errors=None if np.isnan(errors).all() else errors,
                **{**facts, "sampled": bool(facts["sampled"])},
            ),
            held["deletion"][row].astype(np.float64),
        )  # fmt: skip
        start = end
    return known
