"""One checkpoint with every property erased from every layer, through the cache.

Does: fit the erasers, run the examples with each, keep the outputs of every property, and say
beforehand how long it takes. Does not: choose sentences or examples.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe.cache import Arrays, Cache, CacheKey
from kdprobe.errors import CapabilityError
from kdprobe.observations.causal_use import ErasedLayer
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.results.numbers import show_duration
from kdprobe.stats.arrays import Floats

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel
    from kdprobe.models.layer_edits import EditableLayers, Inputs
    from kdprobe.tasks.probing.sets import ProbingSet
    from kdprobe.tasks.task import Split

_TRIED = 24
"""Texts that a short trial is timed on."""


class ErasureSetting(NamedTuple):
    """What is erased, and from what."""

    sets: Mapping[str, ProbingSet]
    split: Split
    draws: int
    seed: int
    rows: int


class Outcome(NamedTuple):
    """What one checkpoint says.

    Args:
        clean: with nothing erased, `[n, c]`.
        layers: with each property erased from each layer.
        unchanged: the layers whose states could not be replaced, and why.
    """

    clean: Floats
    layers: tuple[ErasedLayer, ...]
    unchanged: Mapping[int, str]


class ErasureWork:
    """One checkpoint: what is known of it, and what is still to be run."""

    def __init__(self, handle: HfModel, model: str, run: int, setting: ErasureSetting) -> None:
        self.handle, self.model, self.run, self.setting = handle, model, run, setting

    def outcome(self, cache: Cache | None, progress: Progress) -> Outcome:
        """Return what it says with every property erased; what is in the cache is not run."""
        from kdprobe.models.layer_edits import NOT_GIVEN

        keys = {name: self._key(name) for name in self.setting.sets}
        known = {
            name: arrays
            for name, key in keys.items()
            if cache is not None and (arrays := cache.load(key, say=progress.say)) is not None
        }
        missing = [name for name in keys if name not in known]
        if missing:
            for name, arrays in zip(missing, self._erase(missing, progress), strict=True):
                known[name] = arrays
                if cache is not None:
                    described = f"{self.model} with {name} erased from its layers"
                    cache.store(keys[name], arrays, description=described)
        first = known[next(iter(keys))]
        return Outcome(
            first["clean"].astype(np.float64),
            tuple(one for name in keys for one in self._layers(name, known[name])),
            {int(layer): NOT_GIVEN for layer in first["unchanged"]},
        )

    def _key(self, name: str) -> CacheKey:
        from kdprobe.extract.erasure import ERASURE_VERSION
        from kdprobe.models.stored_outputs import text_keys

        setting = self.setting
        texts = hashlib.sha256(b"".join(text_keys(setting.split))).hexdigest()
        parts: dict[str, JsonValue] = {
            "model": self.handle.fingerprint, "reading": self.handle.reading, "property": name,
            "sentences": setting.sets[name].fingerprint, "texts": texts, "draws": setting.draws,
            "seed": setting.seed, "version": ERASURE_VERSION,
        }  # fmt: skip
        return CacheKey("causal_use", parts)

    def _layers(self, name: str, arrays: Arrays) -> list[ErasedLayer]:
        columns = ("layers", "ranks", "shares", "control_shares", "values")
        return [
            ErasedLayer(
                self.model, self.run, name, int(layer), int(rank), float(share), float(other),
                values[0], values[1:],
            )
            for layer, rank, share, other, values in zip(*(arrays[c] for c in columns), strict=True)
        ]  # fmt: skip

    def _erase(self, names: Sequence[str], progress: Progress) -> list[Arrays]:
        """Erase these properties from every layer that can be changed."""
        from kdprobe.extract.erasure import fit_erasers, measure
        from kdprobe.extract.state_moments import gather
        from kdprobe.models.layer_edits import EditableLayers

        setting, text = self.setting, self.handle.text
        sets = [setting.sets[name] for name in names]
        editor = EditableLayers(self.handle, self._trials(sets[0]))
        tokens = text.encode(setting.split.texts, setting.split.pairs)
        n = len(setting.split)
        self._say_estimate(editor, sets, progress)
        with progress.stage(
            f"erasers of {self.model}", n + sum(len(one.train) for one in sets)
        ) as stage:
            texts = gather(editor, tokens, None, rows=setting.rows, advance=stage.advance)
            erasers = []
            for name, one in zip(names, sets, strict=True):
                labels = np.eye(len(one.labels))[one.train.labels]
                read = text.encode(one.train.sentences)
                labelled = gather(editor, read, labels, rows=setting.rows, advance=stage.advance)
                erasers.append(
                    fit_erasers(labelled, texts, draws=setting.draws, seed=setting.seed, name=name)
                )
        with progress.stage(f"erased layers of {self.model}", n) as stage:
            clean, values = measure(
                editor, tokens, erasers, rows=setting.rows, advance=stage.advance
            )
        if not all(np.isfinite(one).all() for each in values for one in each.values()):
            raise CapabilityError(
                self.model,
                found="its outputs are not finite once something is erased from its layers",
                remedy="run it in float32: `dtype=float32`",
            )
        return [
            {
                "clean": clean,
                "unchanged": np.array(sorted(editor.reasons), dtype=np.int64),
                "layers": np.array(list(each), dtype=np.int64),
                "ranks": np.array([one.rank for one in each.values()], dtype=np.int64),
                "shares": np.array([one.share for one in each.values()]),
                "control_shares": np.array([one.control_share for one in each.values()]),
                "values": _stacked(list(outputs.values()), n, clean.shape[1], setting.draws),
            }
            for each, outputs in zip(erasers, values, strict=True)
        ]

    def _trials(self, probing: ProbingSet) -> list[Inputs]:
        """Return one text of each kind that the model is going to run, as it is given them."""
        text, split = self.handle.text, self.setting.split
        sentences = text.encode(probing.train.sentences[-_TRIED:])
        pairs = None if split.pairs is None else split.pairs[:_TRIED]
        examples = text.encode(split.texts[:_TRIED], pairs)
        return [
            text.padded(tokens.columns, [int(tokens.lengths.argmax())], side="right")
            for tokens in (sentences, examples)
        ]

    def _say_estimate(
        self, editor: EditableLayers, sets: Sequence[ProbingSet], progress: Progress
    ) -> None:
        """Show how much is run, and how long it takes, measured on a few texts."""
        from kdprobe.extract.erasure import measure
        from kdprobe.extract.state_moments import gather

        setting, text = self.setting, self.handle.text
        few = setting.split.take(np.argsort([len(t) for t in setting.split.texts])[:: max(
            len(setting.split) // _TRIED, 1)][:_TRIED])  # fmt: skip
        tokens, rows = text.encode(few.texts, few.pairs), setting.rows
        seconds: list[float] = []
        for _ in range(2):  # the first time is slower
            started = time.perf_counter()
            gather(editor, tokens, None, rows=rows, advance=_silent)
            middle = time.perf_counter()
            measure(editor, tokens, [], rows=rows, advance=_silent)
            seconds = [middle - started, time.perf_counter() - middle]
        gathering, running = (part / len(few) for part in seconds)
        read = sum(len(one.train) for one in sets) + len(setting.split)
        blocks = editor.layers - 1
        above = sum((blocks - layer + 0.5) / (blocks + 0.5) for layer in editor.places)
        runs = len(setting.split) * len(sets) * (1 + setting.draws)
        progress.say(
            f"Causal use of {self.model}: {how_many(len(sets), 'property', 'properties')} erased "
            f"from {how_many(len(editor.places), 'layer')}, and "
            f"{how_many(setting.draws, 'random subspace')} each, on "
            f"{how_many(len(setting.split), 'example')}: about "
            f"{show_duration(read * gathering + runs * above * running)}."
        )


def _silent(done: int) -> None:
    """Tell nobody."""


def _stacked(values: Sequence[Floats], n: int, outputs: int, draws: int) -> NDArray[np.float64]:
    """Stack the layers' outputs, `[layers, 1 + draws, n, c]`; of no layer too."""
    return np.stack(values) if values else np.empty((0, 1 + draws, n, outputs))
