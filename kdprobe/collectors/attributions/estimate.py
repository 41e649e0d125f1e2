"""How long explaining takes, said before it starts.

Does: count the passes that methods ask for, and measure a few of each model. Does not: explain; a
text that adds up only with more integration steps, or repeats words, takes another time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from kdprobe.collectors.probes.work import duration
from kdprobe.extract.attributions import ExplanationRequest
from kdprobe.extract.explained_piece import RANDOM_RANKINGS, SHARES
from kdprobe.extract.method import METHODS
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.precision import bfloat16_advice
from kdprobe.models.reader import Reader
from kdprobe.models.texts_reader import reader_of
from kdprobe.progress import Progress

_WORTH = 1e12
"""Multiplications below which no time is measured: a few seconds of one core."""
_MEASURED_TOKENS = 512


def passes_of(setting: ExplanationSettings, n: int) -> dict[str, float]:
    """Return how many passes of a whole text of n words each method asks for, about.

    Definition: coalitions hold half of a text in the mean; a gradient is two passes; what several
    methods enumerate is asked once, and counted for the first. Methods that do not say count
    nothing.

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
        passes["deletion"] = float(RANDOM_RANKINGS * len(SHARES))
        if not enumerated:
            passes["deletion"] += setting.beam * n * n / 2
    return passes


def say_estimate(requests: Sequence[ExplanationRequest], progress: Progress) -> None:
    """Show how long what is left to explain takes, measured on a few passes of each model.

    Args:
        requests: what is left. Functions are not called to measure them.
        progress: told of it.
    """
    left = [one for one in requests if one.sentences]
    seconds: dict[str, float] = {}
    measured: list[Reader] = []
    count = 0
    for one in left:
        reader = reader_of(one.handle)
        tokens = _tokens(reader, one) if isinstance(reader, Reader) else {}
        if not isinstance(reader, Reader) or _size(reader) * sum(tokens.values()) < _WORTH:
            continue
        each = _seconds_of_a_token(reader, one)
        measured.append(reader)
        count = max(count, len(one.sentences))
        for name, amount in tokens.items():
            seconds[name] = seconds.get(name, 0.0) + each * amount
    if not measured:
        return
    low = [name for name in seconds if name in METHODS.names() and not _differentiates(name)]
    saved = bfloat16_advice(
        sum(seconds[name] for name in low), measured[0].precision, measured[0].device.type,
        of=f"what {', '.join(low)} take",
    )  # fmt: skip
    progress.say(
        f"Explaining {count:,} sentences with {len(measured)} models, random weights included: "
        f"about {duration(sum(seconds.values()))} of one core.{saved}"
    )


def _differentiates(name: str) -> bool:
    return "gradients" in METHODS.load(name).needs


def _size(reader: Reader) -> float:
    return 2.0 * float(sum(weight.numel() for weight in reader.opened.parameters()))


def _tokens(reader: Reader, request: ExplanationRequest) -> dict[str, float]:
    """Return the tokens of all passes of each method."""
    lengths = [len(ids) for ids, _ in reader.retokenise([one.texts for one in request.sentences])]
    counts: dict[str, float] = {}
    for one, length in zip(request.sentences, lengths, strict=True):
        for name, passes in passes_of(request.setting, len(one.words)).items():
            counts[name] = counts.get(name, 0.0) + passes * length
    return counts


def _seconds_of_a_token(reader: Reader, request: ExplanationRequest) -> float:
    """Measure passes of a middle sentence, after one that is slower as it is the first."""
    rows = reader.retokenise([one.texts for one in request.sentences])
    middle = sorted(rows, key=lambda row: len(row[0]))[len(rows) // 2]
    copies = max(1, _MEASURED_TOKENS // len(middle[0]))
    reader.logits([middle])
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        reader.logits([middle] * copies)
        taken.append(time.perf_counter() - started)
    return float(np.min(taken)) / (copies * len(middle[0]))
