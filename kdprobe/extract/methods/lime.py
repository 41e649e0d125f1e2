"""LIME: the linear model of words that best follows the model around a text.

Does: draw the perturbations that `lime` draws, until the scores are settled, and fit with `lime`'s
own kernel and ridge; up to `exact_words` words give instead the limit of infinitely many samples.
Does not: merge repeated words, drop punctuation, select features or share random state between
examples, as the package does unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from pydantic import Field

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output, every_coalition, fill
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods._draws import agreement_with_itself, looks, settled
from kdprobe.models.handle import Capability
from kdprobe.models.texts_reader import TextsReader
from kdprobe.seeds import derive_seed
from kdprobe.stats.arrays import Bools, Floats


class LimeOptions(Options):
    """`samples`: perturbations of a text of more than `exact_words` words; `kernel_width`: lime's.

    `exact_words = 0` samples always, as the package does. `noise`: fewer are asked where the mean
    squared standard error falls to this share of the variance of a text's scores; 0: all, as the
    package does. At 0.05 a third to a half of the passes goes, and agreement on these texts falls
    by .03 (docs/numbers.md): it is to be asked for.
    """

    exact_words: int = Field(default=12, ge=0, le=16)
    samples: int = Field(default=1000, ge=10, le=100_000)
    kernel_width: float = Field(default=25.0, gt=0)
    noise: float = Field(default=0.0, ge=0, lt=1)


def draw(n: int, samples: int, state: np.random.RandomState) -> Bools:
    """Draw perturbations, bool `[samples, n]`, the text itself first.

    Definition: `lime`'s: the number of words left out is uniform in 1..n, then which ones.

    Args:
        n: the number of words.
        samples: how many, the text itself counted.
        state: numpy's old generator, which `lime` draws from: equal states give equal masks.
    """
    masks = np.ones((samples, n), dtype=np.bool_)
    left_out = state.randint(1, n + 1, samples - 1)
    for row, size in enumerate(left_out, start=1):
        masks[row, state.choice(n, size, replace=False)] = False
    return masks


def distances(masks: Bools) -> Floats:
    """Return the distance of perturbations from the text, `[m]` in 0..100.

    Definition: 100 times one minus the cosine between 0/1 rows: 1 - sqrt(k/n) for k of n words
    kept.
    """
    share: Floats = 100.0 * (1.0 - np.sqrt(masks.mean(axis=1)))
    return share


def kernel(distance: Floats, width: float) -> Floats:
    """Return the weight of a perturbation: sqrt(exp(-distance^2 / width^2)), `lime`'s."""
    weight: Floats = np.sqrt(np.exp(-(distance**2) / width**2))
    return weight


def fit(masks: Bools, values: Floats, width: float, *, ridge: float = 1.0) -> Floats:
    """Fit with `lime`: weighted ridge (its alpha is 1) on all words, float64 `[n]`."""
    from lime.lime_base import LimeBase
    from sklearn.linear_model import Ridge

    base = LimeBase(lambda d: kernel(d, width), random_state=np.random.RandomState(0))
    explanation = base.explain_instance_with_data(
        masks.astype(np.float64), values[:, None], distances(masks), 0, masks.shape[1],
        feature_selection="none", model_regressor=Ridge(alpha=ridge),
    )  # fmt: skip
    scores = np.zeros(masks.shape[1])
    for word, weight in explanation[1]:
        scores[int(word)] = float(weight)
    return scores


def influences(masks: Bools, values: Floats, width: float, *, ridge: float = 1.0) -> Floats:
    """Return what each perturbation adds to the error of the scores of `fit`, float64 `[m, n]`.

    Definition: w e / (1 - h) A^-1 z of each perturbation, the parts of White's sandwich in the form
    that few draws do not flatter (HC3: White 1980, MacKinnon and White 1985); A = sum of w z z' +
    ridge I, z the perturbation less the weighted mean of all, e what the fit leaves of its value, h
    its leverage w (z' A^-1 z + 1 / sum of w). The root of the summed squares is the standard error.

    Args:
        masks: bool `[m, n]`.
        values: float64 `[m]`.
        width: the kernel's.
        ridge: as in `fit`.
    """
    weights = kernel(distances(masks), width)
    total = float(weights.sum())
    centred, change = masks - weights @ masks / total, values - weights @ values / total
    scaled = centred * weights[:, None]
    inverse = np.linalg.inv(scaled.T @ centred + ridge * np.eye(masks.shape[1]))
    turned = centred @ inverse
    left = change - turned @ (scaled.T @ change)
    leverage = weights * ((turned * centred).sum(axis=1) + 1 / total)
    parts: Floats = turned * (weights * left / np.maximum(1 - leverage, 1e-9))[:, None]
    return parts


def limit(values: Floats, width: float) -> Floats:
    """Return what `lime` tends to with ever more samples, float64 `[n]`.

    Definition: least squares with an intercept over all 2^n - 1 perturbations, each weighted by
    kernel(k) / (n C(n, k)), k the words it keeps: how near it is times how often it is drawn; the
    ridge and the text itself count nothing in the limit. One word: v(text) - v(nothing).

    Args:
        values: float64 `[2**n]`, v of each row of `every_coalition(n)`.
        width: the kernel's.
    """
    n = int(np.log2(len(values)))
    if n == 1:
        return np.array([values[1] - values[0]])
    masks = every_coalition(n)[:-1]
    drawn = np.array([1.0 / (n * comb(n, int(k))) for k in masks.sum(axis=1)])
    root = np.sqrt(kernel(distances(masks), width) * drawn)
    design = np.column_stack([np.ones(len(masks)), masks]) * root[:, None]
    solved = np.linalg.lstsq(design, values[:-1] * root, rcond=None)[0]
    scores: Floats = solved[1:]
    return scores


@dataclass(frozen=True)
class Lime:
    """Local linear explanation (Ribeiro, Singh and Guestrin 2016) with positional words."""

    name: str = "lime"
    version: int = 2
    needs: frozenset[Capability] = frozenset({"logits"})
    options: type[LimeOptions] = LimeOptions

    def enumerates(self, n: int, options: LimeOptions) -> bool:
        """Return whether a text of n words is explained by all its coalitions."""
        return n <= options.exact_words

    def passes(self, n: int, options: LimeOptions) -> float:
        """Return how many passes of a whole text of n words are sampled, about."""
        return options.samples / 2

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: TextsReader,
        options: LimeOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts; each perturbation is asked once.

        In common batches, but for texts that may stop drawing: with batches of their own no other
        text moves the last digits by which they stop.
        """
        wanted = []
        for one in sentences:
            if self.enumerates(one.game.n, options):
                wanted.append((one.game, every_coalition(one.game.n)))
            elif not options.noise:
                wanted.append((one.game, _perturbations(one, options)))
        fill(wanted)
        return [
            Attribution(limit(_values(one, every_coalition(one.game.n), output),
                              options.kernel_width))
            if self.enumerates(one.game.n, options) else _sampled(one, options, output)
            for one in sentences
        ]  # fmt: skip


def _perturbations(one: ExplanationInput, options: LimeOptions) -> Bools:
    state = np.random.RandomState(derive_seed(one.seed, "lime") % 2**32)
    return draw(one.game.n, options.samples, state)


def _values(one: ExplanationInput, masks: Bools, output: Output) -> Floats:
    return one.game.values(masks, one.target, output)


def _sampled(one: ExplanationInput, options: LimeOptions, output: Output) -> Attribution:
    """Draw until the scores are settled, or all samples.

    The ridge grows with the draws, to `lime`'s at all of them, so that it shrinks the scores of few
    no more than those of all.
    """
    n, width = one.game.n, options.kernel_width
    masks = _perturbations(one, options)
    for count in looks(options.samples, 4 * (n + 2), noise=options.noise):
        drawn, ridge = masks[:count], count / options.samples
        values = _values(one, drawn, output)
        scores = fit(drawn, values, width, ridge=ridge)
        share = count / options.samples
        if count < 2 * (n + 2):  # too few for their errors
            return Attribution(scores, sampled=True, drawn=share)
        parts = influences(drawn, values, width, ridge=ridge)
        errors = np.sqrt((parts**2).sum(axis=0))
        if settled(scores, errors, options.noise):
            break
    itself = agreement_with_itself(scores, parts, one.seed)
    return Attribution(scores, sampled=True, errors=errors, itself=itself, drawn=share)


METHOD = Lime()
