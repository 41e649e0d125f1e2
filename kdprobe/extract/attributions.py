"""Word scores of one model for some sentences, by several methods, each asked once.

Does: look up what is known, explain the rest in pieces that are kept as they are done, and measure
by deletion how far each ranking moves the model. Does not: compare models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pydantic import JsonValue

from kdprobe.cache import Arrays, Cache, CacheKey
from kdprobe.errors import CapabilityError
from kdprobe.extract.coalitions import ValueFunction, fill
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput, Method
from kdprobe.extract.orders import ORDER_OF, order_names, order_numbers, order_options, ranked_words
from kdprobe.extract.own_outputs import require_own_outputs
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle, lacking
from kdprobe.models.texts_reader import TextsReader, reader_of
from kdprobe.models.words import word_shares
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator, derive_seed
from kdprobe.stats.arrays import Bools, Floats

EXTRACTOR_VERSION = 5
PIECE = 16
"""Sentences explained before they are kept; their coalitions share batches, a method at a time."""
PIECE_WORDS = 1000
"""Words of one piece at most (or one sentence): what is held of coalitions grows with them."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
RANDOM = "random"
RANDOM_RANKINGS = 5


@dataclass(frozen=True)
class Explanation:
    """What one method says of one sentence; `deletion` is `[shares, 2]`, NaN when not measured."""

    scored: Attribution
    deletion: Floats


Explained = Mapping[str, tuple[Explanation, ...]]
"""Method (or `random`, whose scores are empty, or a name of `order_names`, with other numbers in
their place) -> one entry per sentence."""


def explain_model(
    handle: ModelHandle,
    sentences: Sequence[Sentence],
    setting: ExplanationSettings,
    *,
    cache: Cache | None,
    progress: Progress,
) -> Explained:
    """Explain sentences to one model by every method of a setting.

    Kept under (the model's fingerprint, the method, its version and options, the output, the
    removal, the seed) and each sentence's text and class: other sentences, another order or one
    more method cost only what is new, and a killed run goes on from the last piece.

    Args:
        handle: the model.
        sentences: what to explain, each with at least one word.
        setting: how.
        cache: where answers are kept, or None.
        progress: told of every sentence.

    Raises:
        CapabilityError: a method cannot be used with this model, or what it would be explained by
            is not what the model itself says.
    """
    for name in setting.methods:
        reason = lacking(handle, METHODS.load(name).needs)
        if reason is not None:
            raise CapabilityError(
                handle.name, found=f"{name} cannot explain it: {reason}",
                expected="a method that leaves words out: lime, shap, occlusion",
            )  # fmt: skip
    kept = cache if handle.repeats else None
    stores = {name: _Store(handle, name, setting, kept, progress) for name in _names(setting)}
    left = [
        one for one in sentences if any(one.key not in store.known for store in stores.values())
    ]
    if left:
        reader = reader_of(handle)
        require_own_outputs(
            [ValueFunction(reader, o.texts, o.words, removal=setting.removal) for o in _few(left)]
        )
        with progress.stage(f"explaining {handle.name}", len(left)) as stage:
            for piece in _pieces(left):
                _explain_piece(reader, piece, setting, stores)
                stage.advance(len(piece))
    return {
        name: tuple(store.known[one.key] for one in sentences) for name, store in stores.items()
    }


def _few(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Take the sentences of the fewest, a middle number of and the most words."""
    order = sorted(sentences, key=lambda one: len(one.words))
    return [order[place] for place in sorted({0, len(order) // 2, len(order) - 1})]


def _pieces(sentences: Sequence[Sentence]) -> Iterator[Sequence[Sentence]]:
    """Cut sentences, in order, into pieces of bounded number and length."""
    start, words = 0, 0
    for place, one in enumerate(sentences):
        words += len(one.words)
        if place > start and (place - start == PIECE or words > PIECE_WORDS):
            yield sentences[start:place]
            start, words = place, len(one.words)
    if sentences[start:]:
        yield sentences[start:]


def _names(setting: ExplanationSettings) -> tuple[str, ...]:
    if not setting.deletion:
        return tuple(setting.methods)
    return (*setting.methods, RANDOM, *order_names(setting))


def _explain_piece(
    reader: TextsReader,
    piece: Sequence[Sentence],
    setting: ExplanationSettings,
    stores: Mapping[str, _Store],
) -> None:
    inputs = [ask(reader, one, setting) for one in piece]
    answers: dict[bytes, Floats] = {}
    for name, store in stores.items():
        rows = [row for row, one in enumerate(piece) if one.key not in store.known]
        chosen = [replace(o, game=o.game.anew(answers)) for o in (inputs[row] for row in rows)]
        if not rows:
            continue
        if name == RANDOM:
            scored = [Attribution(np.empty(0)) for _ in rows]
        elif name in setting.methods:
            method: Method = METHODS.load(name)
            attributions = method.explain(chosen, reader, setting.methods[name], setting.output)
            scored = [_checked(one) for one in attributions]
        else:
            known = partial(_known_scores, stores, [piece[row].key for row in rows])
            scored = order_numbers(name, chosen, setting, known)
        wanted = setting.deletion and name in (*setting.methods, RANDOM)
        deletions = _deletions(chosen, scored, random=name == RANDOM, wanted=wanted)
        explanations = [Explanation(s, d) for s, d in zip(scored, deletions, strict=True)]
        store.add({piece[row].key: one for row, one in zip(rows, explanations, strict=True)})


def _known_scores(stores: Mapping[str, _Store], keys: Sequence[bytes], method: str) -> list[Floats]:
    return [stores[method].known[key].scored.scores for key in keys]


def _checked(scored: Attribution) -> Attribution:
    """Take scores that are infinite, or all missing, for none at all."""
    if np.isinf(scored.scores).any() or np.isnan(scored.scores).all():
        return Attribution(np.empty(0))
    return scored


def ask(reader: TextsReader, one: Sentence, setting: ExplanationSettings) -> ExplanationInput:
    """Put a sentence to a model: its tokens, the words they belong to, its coalitions."""
    encoded = reader.encode(one.texts)
    game = ValueFunction(reader, one.texts, one.words, removal=setting.removal)
    shares = word_shares(one.words, encoded.pieces)
    seed = derive_seed(setting.seed, "attributions", one.seed.hex())
    return ExplanationInput(one.id, one.words, encoded, shares, one.target, game, seed)


def _top(scores: Floats, share: float) -> Bools:
    """Return which words are the highest-scored share (rounded up); ties go to the earlier word."""
    count = math.ceil(share * len(scores) - 1e-9)
    chosen: Bools = np.zeros(len(scores), dtype=np.bool_)
    chosen[ranked_words(scores)[:count]] = True
    return chosen


def _rankings(one: ExplanationInput, scored: Attribution, *, random: bool) -> list[Floats]:
    if not random:  # what failed is ranked by nothing, and measured as nothing below
        return [scored.scores if len(scored.scores) else np.zeros(one.game.n)]
    generator = derive_generator(one.seed, "random rankings")
    return [generator.random(one.game.n) for _ in range(RANDOM_RANKINGS)]


def _deletions(
    inputs: Sequence[ExplanationInput], scored: Sequence[Attribution], *, random: bool, wanted: bool
) -> list[Floats]:
    """Measure comprehensiveness and sufficiency at every share, `[shares, 2]` a sentence.

    Definition: the probability of the explained class of the whole text minus that without the top
    words, and minus that of the top words alone (DeYoung et al. 2020), float64.
    """
    if not wanted or (inputs and len(inputs[0].game.reader.columns) == 1):
        return [np.full((len(SHARES), 2), np.nan) for _ in inputs]
    plans = []
    for one, attribution in zip(inputs, scored, strict=True):
        rankings = _rankings(one, attribution, random=random)
        tops = [_top(ranking, share) for ranking in rankings for share in SHARES]
        rows = [np.ones(one.game.n, dtype=np.bool_)]
        rows += [side for top in tops for side in (~top, top)]
        plans.append((one.game, np.stack(rows)))
    fill(plans)
    measured = []
    for one, attribution, (game, masks) in zip(inputs, scored, plans, strict=True):
        if not random and not len(attribution.scores):
            measured.append(np.full((len(SHARES), 2), np.nan))
            continue
        values = game.values(masks, one.target, "probability")
        falls = (values[0] - values[1:]).reshape(-1, len(SHARES), 2)
        measured.append(falls.mean(axis=0))
    return measured


class _Store:
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
