"""A piece of sentences explained to one model by every method, their coalitions in common batches.

Does: explain, and measure by deletion how far each ranking moves the model. Does not: keep
anything, or know other pieces: the same piece gives the same bits whoever explains it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from kdprobe.extract.coalitions import ValueFunction, fill
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput, Method
from kdprobe.extract.orders import order_numbers, ranked_words
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.texts_reader import TextsReader
from kdprobe.models.words import word_shares
from kdprobe.seeds import derive_generator, derive_seed
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.workers.counting import part

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
RANDOM = "random"
RANDOM_RANKINGS = 5


@dataclass(frozen=True)
class Explanation:
    """What one method says of one sentence; `deletion` is `[shares, 2]`, NaN when not measured."""

    scored: Attribution
    deletion: Floats


class PieceRequest(NamedTuple):
    """Sentences that are explained together, and what is known of them by method.

    `tokens` are about how many the passes of each method have, which say how far a piece is.
    """

    sentences: Sequence[Sentence]
    setting: ExplanationSettings
    known: Mapping[str, Mapping[bytes, Explanation]]
    tokens: Mapping[str, float]


def explain_piece(
    reader: TextsReader, request: PieceRequest
) -> dict[str, dict[bytes, Explanation]]:
    """Explain a piece; what is new, by method."""
    piece, setting, before, tokens = request
    inputs = [ask(reader, one, setting) for one in piece]
    answers: dict[bytes, Floats] = {}
    known = {name: dict(explanations) for name, explanations in before.items()}
    new: dict[str, dict[bytes, Explanation]] = {}
    for name, explanations in known.items():
        rows = [row for row, one in enumerate(piece) if one.key not in explanations]
        chosen = [replace(o, game=o.game.anew(answers)) for o in (inputs[row] for row in rows)]
        if not rows:
            continue
        scores = partial(_known_scores, known, [piece[row].key for row in rows])
        with part(tokens.get(name, 0.0)):
            scored = _scored(name, chosen, reader, setting, scores)
            wanted = setting.deletion and name in (*setting.methods, RANDOM)
            deletions = _deletions(chosen, scored, random=name == RANDOM, wanted=wanted)
        both = zip(rows, scored, deletions, strict=True)
        new[name] = {piece[row].key: Explanation(one, fall) for row, one, fall in both}
        explanations.update(new[name])
    return new


def _scored(
    name: str,
    chosen: Sequence[ExplanationInput],
    reader: TextsReader,
    setting: ExplanationSettings,
    scores: Callable[[str], Sequence[Floats]],
) -> list[Attribution]:
    """Return what one method says of texts; see `kept_explanations.explained_names`."""
    if name == RANDOM:
        return [Attribution(np.empty(0)) for _ in chosen]
    if name not in setting.methods:
        return order_numbers(name, chosen, setting, scores)
    method: Method = METHODS.load(name)
    attributions = method.explain(chosen, reader, setting.methods[name], setting.output)
    return [_checked(one) for one in attributions]


def _known_scores(
    known: Mapping[str, Mapping[bytes, Explanation]], keys: Sequence[bytes], method: str
) -> list[Floats]:
    return [known[method][key].scored.scores for key in keys]


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
