"""LIME: the linear model of words that best follows the model around a text.

Does: draw the perturbations that `lime` draws and fit with `lime`'s own kernel and ridge; up to
`exact_words` words give instead the limit of infinitely many samples. Does not: merge repeated
words, drop punctuation, select features or share random state between examples, as the package
does unless told otherwise.
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
from kdprobe.models.handle import Capability
from kdprobe.models.texts_reader import TextsReader
from kdprobe.seeds import derive_seed
from kdprobe.stats.arrays import Bools, Floats


class LimeOptions(Options):
    """`samples`: perturbations of a text of more than `exact_words` words; `kernel_width`: lime's.

    `exact_words = 0` samples always, as the package does.
    """

    exact_words: int = Field(default=12, ge=0, le=16)
    samples: int = Field(default=1000, ge=10, le=100_000)
    kernel_width: float = Field(default=25.0, gt=0)


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


def fit(masks: Bools, values: Floats, width: float) -> Floats:
    """Fit with `lime`: weighted ridge (alpha 1) on all words, float64 `[n]`."""
    from lime.lime_base import LimeBase

    base = LimeBase(lambda d: kernel(d, width), random_state=np.random.RandomState(0))
    explanation = base.explain_instance_with_data(
        masks.astype(np.float64), values[:, None], distances(masks), 0, masks.shape[1],
        feature_selection="none",
    )  # fmt: skip
    scores = np.zeros(masks.shape[1])
    for word, weight in explanation[1]:
        scores[int(word)] = float(weight)
    return scores


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
    version: int = 1
    needs: frozenset[Capability] = frozenset({"logits"})
    options: type[LimeOptions] = LimeOptions

    def enumerates(self, n: int, options: LimeOptions) -> bool:
        """Return whether a text of n words is explained by all its coalitions."""
        return n <= options.exact_words

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: TextsReader,
        options: LimeOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts; their perturbations are asked in common batches, each once."""
        wanted = []
        for one in sentences:
            n = one.game.n
            if self.enumerates(n, options):
                wanted.append((one.game, every_coalition(n)))
            else:
                state = np.random.RandomState(derive_seed(one.seed, "lime") % 2**32)
                wanted.append((one.game, draw(n, options.samples, state)))
        fill(wanted)
        attributions = []
        for one, (game, masks) in zip(sentences, wanted, strict=True):
            values = game.values(masks, one.target, output)
            if self.enumerates(game.n, options):
                attributions.append(Attribution(limit(values, options.kernel_width)))
            else:
                scores = fit(masks, values, options.kernel_width)
                attributions.append(Attribution(scores, sampled=True))
        return attributions


METHOD = Lime()
