"""How much work explaining is, before it is done.

Does: count the forward passes that methods ask for, and the tokens of all of them. Does not: run a
model; a text that adds up only with more integration steps, or repeats words, takes another number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kdprobe.extract.explained_piece import RANDOM, RANDOM_RANKINGS, SHARES
from kdprobe.extract.method import METHODS
from kdprobe.extract.orders import BEAM
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.reader import Reader
from kdprobe.models.texts_reader import TextsReader


def passes_of(setting: ExplanationSettings, n: int) -> dict[str, float]:
    """Return how many passes of a whole text of n words each method asks for, about.

    Definition: coalitions hold half of a text in the mean; a gradient is two passes; what several
    methods enumerate is asked once, and counted for the first. Methods that do not say count
    nothing. Rankings at random, and the search for the limits of all orders, stand beside methods.

    >>> from kdprobe.extract.methods.occlusion import OcclusionOptions
    >>> setting = ExplanationSettings({"occlusion": OcclusionOptions()}, deletion=False)
    >>> passes_of(setting, 9)
    {'occlusion': 10.0}
    """
    passes, enumerated = {}, False
    for name, options in setting.methods.items():
        method = METHODS.load(name)
        exact = getattr(method, "enumerates", None)
        if exact is not None and exact(n, options):
            passes[name] = 0.0 if enumerated else 2.0**n / 2
            enumerated = True
        else:
            count = getattr(method, "passes", None)
            passes[name] = 0.0 if count is None else float(count(n, options))
        if setting.deletion:
            passes[name] += len(SHARES)
    if setting.deletion:
        passes[RANDOM] = float(RANDOM_RANKINGS * len(SHARES))
        passes[BEAM] = 0.0 if enumerated else setting.beam * n * n / 2
    return passes


def token_counts(reader: TextsReader, sentences: Sequence[Sentence]) -> list[int]:
    """Return the tokens of each sentence, or its words where a model does not say its tokens."""
    if not isinstance(reader, Reader):
        return [len(one.words) for one in sentences]
    return [len(ids) for ids, _ in reader.retokenise([one.texts for one in sentences])]


def expected_tokens(
    setting: ExplanationSettings,
    sentences: Sequence[Sentence],
    lengths: Sequence[int],
    known: Mapping[str, Collection[bytes]] | None = None,
) -> dict[str, float]:
    """Return the tokens of all passes of each method, about, as `passes_of` names them.

    Args:
        setting: the methods.
        sentences: what is explained.
        lengths: the tokens of each.
        known: the keys of the sentences that need not be explained, by method.
    """
    counts: dict[str, float] = {}
    for one, length in zip(sentences, lengths, strict=True):
        for name, passes in passes_of(setting, len(one.words)).items():
            if known is None or one.key not in known.get(name, ()):
                counts[name] = counts.get(name, 0.0) + passes * length
    return counts
