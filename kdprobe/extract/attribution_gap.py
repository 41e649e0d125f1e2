"""How far the attribution maps of a teacher and a student lie apart (AD-KD).

Does: integrated gradients of every class at both models' embeddings, as maps over the tokens both
read, and their distance. Does not: train; the same maps are an objective of `distill`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.models.batches import equal_length_batches
from kdprobe.models.gradients import Output, attribute, attribution_maps, input_obstacle
from kdprobe.models.hf import HfModel
from kdprobe.models.reader import Reader
from kdprobe.models.tokens import Texts
from kdprobe.stats.arrays import Floats

OTHER_TOKENS = (
    "it cuts texts into other tokens than the teacher, so that their maps have no common places"
)
_BATCH = 32


def obstacle(teacher: HfModel, student: HfModel, texts: Sequence[Texts]) -> str | None:
    """Return why the maps of two models cannot be compared on these texts, or None."""
    for handle in (teacher, student):
        reason = input_obstacle(handle.text)
        if reason:
            return f"{handle.name}: {reason}"
    ours, theirs = Reader(teacher).retokenise(texts), Reader(student).retokenise(texts)
    same = all(a[0] == b[0] for a, b in zip(ours, theirs, strict=True))
    return None if same else OTHER_TOKENS


def map_gaps(
    teacher: HfModel,
    student: HfModel,
    texts: Sequence[Texts],
    *,
    steps: int = 1,
    top: int = 0,
    of: Output = "probability",
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Return the distance of teacher's and student's attribution maps of every text.

    Definition (Wu et al. 2023, AD-KD, eq. 11): the L2 norm of the difference of the maps of all
    classes joined, each class's map of unit norm; see `models.gradients.attribution_maps`. Output
    is the probability (a regression: the score; of labels that do not exclude each other `logit`,
    whose maps with one step are those of the labels' probabilities), the baseline zero, eval mode,
    float32.

    Args:
        teacher: the model whose maps are the measure.
        student: a model that cuts texts into the same tokens.
        texts: what is explained.
        steps: points on the path of the integrated gradients; 1 is gradient times input.
        top: of the teacher, only so many dimensions with the largest magnitudes count; 0: all.
        of: what is attributed.
        advance: told the number of texts after every batch.

    Returns:
        float64 `[n]`, from 0 to the square root of twice the number of classes.
    """
    readers = (Reader(teacher), Reader(student))
    rows = readers[0].retokenise(texts)
    types = [reader.retokenise(texts) for reader in readers]
    lengths = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
    gaps: Floats = np.empty(len(texts))
    for batch in _batches(readers, lengths):
        maps = [
            _maps(
                reader, [kinds[row] for row in batch], steps=steps, top=top if first else 0, of=of
            )
            for first, reader, kinds in zip((True, False), readers, types, strict=True)
        ]
        distance = torch.linalg.vector_norm(maps[0] - maps[1], dim=-1)
        gaps[batch] = distance.double().cpu().numpy()
        advance(len(batch))
    return gaps


def _batches(
    readers: tuple[Reader, Reader], lengths: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Return batches that may stand together for both, with the same places for their tokens."""
    ways = {reader.text.together for reader in readers}
    if len(ways) == 1:
        return readers[0].text.batches(lengths, batch_size=_BATCH)
    most = 1 if "alone" in ways else _BATCH
    return equal_length_batches(lengths, tokens=_BATCH * int(lengths.max()), rows=most)


def _maps(
    reader: Reader,
    rows: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    steps: int,
    top: int,
    of: Output,
) -> torch.Tensor:
    inputs = reader.tensors(rows)
    # The recurrent kernels of cuDNN have no backward pass in eval mode.
    with reader.evaluating(), torch.backends.cudnn.flags(enabled=False):
        gradients = attribute(
            reader.model, inputs, columns=torch.tensor(reader.columns, device=reader.device),
            layer=0, of=of, steps=steps, follow=False,
        )  # fmt: skip
    return attribution_maps(gradients, _real(inputs), top=top)


def _real(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return which tokens are real; a model that takes no mask is given no padding."""
    ids = inputs["input_ids"]
    return (
        inputs["attention_mask"].bool() if "attention_mask" in inputs else torch.ones_like(ids) > 0
    )
