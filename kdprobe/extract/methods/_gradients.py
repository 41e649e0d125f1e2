"""What the methods that use gradients share: batches of word vectors, baselines, token to word.

Does: group texts of one token length, give their word vectors and those of the baseline, wrap the
model as a function of word vectors, and add token scores up over words. Does not: choose a method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from kdprobe.errors import CapabilityError
from kdprobe.extract.coalitions import Output
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.models.reader import BATCH_TOKENS, Reader
from kdprobe.models.words import SPECIAL
from kdprobe.stats.arrays import Floats

Baseline = Literal["pad", "mask", "zero"]
Pooling = Literal["sum", "mean", "max-abs"]
LEAST_CHANGE = 1e-3
_SAME = 1e-5


@dataclass(frozen=True)
class ExplainedBatch:
    """Texts of one token length.

    Args:
        rows: their places among those asked.
        vectors, baseline: float32 `[n, t, d]`.
        inputs: what the model takes, padded (there is nothing to pad).
        target: int64 `[n]`.
    """

    rows: tuple[int, ...]
    vectors: Tensor
    baseline: Tensor
    inputs: dict[str, Tensor]
    target: Tensor


def batches(
    sentences: Sequence[ExplanationInput], reader: Reader, baseline: Baseline, *, copies: int = 1
) -> Iterator[ExplainedBatch]:
    """Yield texts of equal token length together, so that no padding is explained.

    Args:
        sentences: the texts.
        reader: the model.
        baseline: what stands for nothing: the vector of [PAD] or [MASK], or zeros; special tokens
            keep their own vector.
        copies: how many times a text stands in a batch (integration steps), to bound memory.
    """
    lengths: dict[int, list[int]] = {}
    for row, one in enumerate(sentences):
        lengths.setdefault(len(one.encoded.ids), []).append(row)
    for length, rows in sorted(lengths.items()):
        size = max(1, BATCH_TOKENS // (length * copies))
        for start in range(0, len(rows), size):
            yield _batch(tuple(rows[start : start + size]), sentences, reader, baseline)


def _batch(
    rows: tuple[int, ...], sentences: Sequence[ExplanationInput], reader: Reader, baseline: Baseline
) -> ExplainedBatch:
    chosen = [sentences[row] for row in rows]
    inputs = reader.tensors([(one.encoded.ids, one.encoded.types) for one in chosen])
    special = torch.tensor(
        [[piece.segment == SPECIAL for piece in one.encoded.pieces] for one in chosen],
        device=reader.device,
    )
    with torch.no_grad():
        vectors = reader.table(inputs["input_ids"])
        if not isinstance(vectors, Tensor):
            raise CapabilityError(
                reader.name,
                found="its word embeddings give more than vectors",
                expected="one vector a token, for methods that use gradients",
                remedy="use lime, shap or occlusion",
            )
        if baseline == "zero":
            other = torch.zeros_like(vectors)
        else:
            token = getattr(reader.tokenizer, f"{baseline}_token_id")
            if token is None:
                raise CapabilityError(
                    reader.name,
                    found=f"its tokenizer has no {baseline} token",
                    expected="one, for the baseline",
                    remedy="use baseline = zero",
                )
            other = reader.table(torch.full_like(inputs["input_ids"], token))
        reference = torch.where(special[..., None], vectors, other)
    _require_own_vectors(reader, vectors[:1], {name: v[:1] for name, v in inputs.items()})
    target = torch.tensor([one.target for one in chosen], device=reader.device)
    return ExplainedBatch(rows, vectors, reference, inputs, target)


def _require_own_vectors(reader: Reader, vectors: Tensor, inputs: dict[str, Tensor]) -> None:
    """Check, once for a model, that its own word vectors give its own outputs.

    Raises:
        CapabilityError: they do not: gradients would be those of another function.
    """
    if reader.vectors_checked:
        return
    with reader.evaluating(), torch.no_grad():
        given = reader.run_embedded(vectors, inputs)
        own = reader.run(inputs)
    if not bool(torch.isfinite(own).all()):
        return  # the scores will say that the model is broken
    size = float((given - own).abs().max())
    if not size <= _SAME * (1.0 + float(own.abs().max())):
        raise CapabilityError(
            reader.name,
            found=f"word vectors in place of its own give other outputs, off by {size:.2g}",
            expected="the same, for methods that use gradients",
            remedy="use lime, shap or occlusion",
        )
    reader.vectors_checked = True


def forward(reader: Reader, names: Sequence[str], output: Output) -> Callable[..., Tensor]:
    """Return the model as a function of word vectors `[n, t, d]`, the target, then its inputs.

    Its value is what is explained, float32 `[n]`; see `coalitions.output_of`.
    """

    def call(vectors: Tensor, target: Tensor, *inputs: Tensor) -> Tensor:
        logits = reader.run_embedded(vectors, dict(zip(names, inputs, strict=True)))
        if logits.shape[1] == 1:
            return logits[:, 0]
        chosen = logits.gather(1, target[:, None])[:, 0]
        odds = chosen
        if output in ("log-odds", "probability"):
            own = torch.nn.functional.one_hot(target, logits.shape[1]).bool()
            odds = chosen - logits.masked_fill(own, float("-inf")).logsumexp(dim=1)
        return odds if output.endswith("log-odds") else torch.sigmoid(odds)

    return call


def add_up(
    tokens: Floats, one: ExplanationInput, pooling: Pooling, *, change: float = float("nan")
) -> Attribution:
    """Turn token scores into word scores.

    Definition: `sum` adds each token's share (the total is kept), `mean` divides by the tokens of
    the word, `max-abs` takes the token of the largest size.

    Args:
        tokens: float64 `[t]`.
        one: the text.
        pooling: one of the three.
        change: the change of the output that the scores should add up to.

    Returns:
        Word scores; a word without tokens gets NaN: it was not read. Where a token's score is not
        finite there are none: a zero in its place would be a claim.
    """
    if not np.isfinite(tokens).all():
        return Attribution(np.empty(0))
    n = len(one.words)
    parts: list[list[float]] = [[] for _ in range(n)]
    inside = np.zeros(len(tokens), dtype=np.bool_)
    for place, shares in enumerate(one.shares):
        inside[place] = bool(shares)
        for word, share in shares:
            parts[word].append(float(tokens[place]) * share)
    pool: dict[str, Callable[[list[float]], float]] = {
        "sum": sum,
        "mean": lambda values: sum(values) / len(values),
        "max-abs": lambda values: max(values, key=abs),
    }
    scores = np.array([pool[pooling](values) if values else np.nan for values in parts])
    mass = float(np.abs(tokens).sum())
    special = float(np.abs(tokens[~inside]).sum()) / mass if mass else float("nan")
    gap = abs(float(tokens.sum()) - change) / max(abs(change), LEAST_CHANGE)
    return Attribution(scores, special=special, gap=gap)
