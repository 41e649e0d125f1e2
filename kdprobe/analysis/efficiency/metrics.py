"""What the numbers on cost mean, in words for the report.

Does: define each metric once, for comparisons and sweeps. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric

_TURNS = "tokenising included; models take turns in one process."


def _cost(name: str, label: str, unit: str, definition: str, source: str = "") -> Metric:
    return Metric(
        name=name, label=label, unit=unit, definition=definition, minimum=0.0,
        higher_is_better=False, source=source,
    )  # fmt: skip


def _gain(name: str, label: str, unit: str, definition: str) -> Metric:
    return _cost(name, label, unit, definition).model_copy(update={"higher_is_better": True})


def _latency(share: int) -> Metric:
    what = "the median sentence" if share == 50 else f"{share} of 100 sentences are no slower"
    label = "Latency, median" if share == 50 else f"Latency, {share} %"
    return _cost(
        f"latency_p{share}", label, "ms",
        f"From one text to its outputs, one at a time: {what}; {_TURNS}",
    )  # fmt: skip


def _ratio(name: str, label: str, definition: str) -> Metric:
    return _gain(name, label, "times", definition)


COUNTED = (
    _cost(
        "parameters", "Parameters", "parameters",
        "The number of weights, shared ones counted once, embeddings included.",
    ),
    _cost(
        "parameters_without_embeddings", "Parameters without embeddings", "parameters",
        "The same without tables that are only looked up: words, positions, segments.",
    ),
    _cost("bytes", "Bytes", "bytes", "The size of the weight files on disk."),
    _cost(
        "multiply_adds", "Multiply-adds a sentence", "millions",
        "Multiplications of matrices in one forward pass of the example whose number of tokens is "
        "nearest to the split's mean: layers, attention, LSTM gates. Activations, normalisation "
        "and look-ups are left out. A model with an operation that cannot be counted has none.",
        "torch.utils.flop_counter, halved",
    ),
    Metric(
        name="tokens", label="Tokens a sentence", minimum=0.0,
        definition="The mean number of tokens that the model reads of an example, special ones "
        "included.",
    ),
    _cost(
        "peak_memory", "Peak memory", "MB",
        "Resident memory at its peak of a fresh process that opens this model alone and answers "
        "the 32 longest examples at once, Python and libraries included.",
    ),
    _cost(
        "model_memory", "Peak memory of the model", "MB",
        "The peak while it answers, beyond what the process held with its libraries loaded, before "
        "it opened the model: weights, tokenizer, activations.",
    ),
)  # fmt: skip
TIMED = (
    _latency(50), _latency(95), _latency(99),
    _gain(
        "throughput", "Sentences a second", "sentences/s",
        "From texts to outputs, 32 handed over at once and run in batches of nearly equal length; "
        f"the median; {_TURNS}",
    ),
    _gain(
        "throughput_128", "Sentences a second, 128 at once", "sentences/s",
        f"The same with 128 texts handed over at once; the median; {_TURNS}",
    ),
)  # fmt: skip
RATIOS = (
    _ratio(
        "speedup", "Speed-up",
        "The teacher's median latency over the student's: how many times faster it answers one "
        "text. The interval resamples rounds, in which both answer the same text.",
    ),
    _ratio(
        "throughput_ratio", "Throughput ratio",
        "The student's sentences a second over the teacher's, 32 at once.",
    ),
    _ratio(
        "parameters_ratio", "Times smaller",
        "The teacher's number of parameters over the student's (compression ratio).",
    ),
    _ratio(
        "bytes_ratio", "Times smaller on disk",
        "The teacher's bytes on disk over the student's.",
    ),
    _ratio(
        "multiply_adds_ratio", "Times fewer multiply-adds",
        "The teacher's multiply-adds a sentence over the student's.",
    ),
    _ratio(
        "memory_ratio", "Times less memory",
        "The teacher's peak memory of the model over the student's.",
    ),
)  # fmt: skip
METRICS = (*COUNTED, *TIMED, *RATIOS)
