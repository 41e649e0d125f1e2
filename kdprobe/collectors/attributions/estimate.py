"""How long explaining takes, said before it starts.

Does: measure a few passes of each model, and count all of them. Does not: explain.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from kdprobe.collectors.probes.work import duration
from kdprobe.extract.attributions import ExplanationRequest, cut_pieces
from kdprobe.extract.method import METHODS
from kdprobe.extract.passes import expected_tokens, token_counts
from kdprobe.models.precision import bfloat16_advice
from kdprobe.models.reader import Reader
from kdprobe.models.texts_reader import reader_of
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.workers.room import free_bytes, shared_time

_WORTH = 1e12
"""Multiplications below which no time is measured: a few seconds of one core."""
_MEASURED_TOKENS = 512


def say_estimate(
    requests: Sequence[ExplanationRequest], progress: Progress, *, jobs: int = 1
) -> None:
    """Show how long what is left to explain takes, measured on a few passes of each model.

    Args:
        requests: what is left. Functions are not called to measure them.
        progress: told of it.
        jobs: the processes that share it.
    """
    seconds: dict[str, float] = {}
    measured: list[Reader] = []
    count, pieces, here, shared = 0, 0, 0.0, 0.0
    for one in (each for each in requests if each.sentences):
        reader = reader_of(one.handle)
        tokens = _tokens(reader, one) if isinstance(reader, Reader) else {}
        if not isinstance(reader, Reader) or 2.0 * _weights(reader) * sum(tokens.values()) < _WORTH:
            continue
        each = _seconds_of_a_token(reader, one)
        measured.append(reader)
        count = max(count, len(one.sentences))
        for name, amount in tokens.items():
            seconds[name] = seconds.get(name, 0.0) + each * amount
        if reader.device.type == "cpu":
            pieces += len([*cut_pieces(one.sentences)])
            shared += each * sum(tokens.values())
        else:  # one process has the device
            here += each * sum(tokens.values())
    if not measured:
        return
    low = [name for name in seconds if name in METHODS.names() and not _differentiates(name)]
    saved = bfloat16_advice(
        sum(seconds[name] for name in low), measured[0].precision, measured[0].device.type,
        of=f"what {', '.join(low)} take{'s' if len(low) == 1 else ''}",
    )  # fmt: skip
    largest = max(4 * _weights(reader) for reader in measured)
    sharing = shared_time(shared, jobs, model=largest, free=free_bytes(), pieces=pieces)
    progress.say(
        f"Explaining {how_many(count, 'sentence')} with {how_many(len(measured), 'model')}, random "
        f"weights included: about {duration(here + sharing.seconds)} in {sharing.where}.{saved}"
    )


def _differentiates(name: str) -> bool:
    return "gradients" in METHODS.load(name).needs


def _weights(reader: Reader) -> int:
    return sum(weight.numel() for weight in reader.opened.parameters())


def _tokens(reader: Reader, request: ExplanationRequest) -> dict[str, float]:
    """Return the tokens of all passes of each method."""
    lengths = token_counts(reader, request.sentences)
    return expected_tokens(request.setting, request.sentences, lengths)


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
