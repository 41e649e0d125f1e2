"""What the numbers on the similarity of attention mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from __future__ import annotations

import math

from kdprobe.results.schema import Metric


def _js(name: str, label: str, definition: str, *, better: bool | None = False) -> Metric:
    return Metric(
        name=name, label=label, definition=definition, minimum=0, maximum=math.log(2.0),
        unit="nats", higher_is_better=better, source="Lin 1991; Kuhn 1955",
    )  # fmt: skip


def _of_layer(name: str, label: str, definition: str, unit: str = "", source: str = "") -> Metric:
    return Metric(
        name=name, label=label, definition=definition, minimum=0,
        maximum=None if unit else 1, unit=unit, source=source,
    )  # fmt: skip


_FLOOR = "The same with the student's architecture before training."
METRICS = (
    _js(
        "attention_js",
        "divergence of attention",
        "Jensen-Shannon divergence of rows of attention, the mean over rows, over heads matched "
        "one to one so that their sum is least, and over examples. A layer `t:s` is the teacher's "
        "layer t and the student's layer s. 0: the same attention; ln 2: to other tokens.",
    ),
    _js("random_attention_js", "divergence from random weights", _FLOOR, better=None),
    _js(
        "reseeded_attention_js",
        "divergence from another seed",
        "The same of the teacher's first run with its other runs, averaged.",
        better=None,
    ),
    _js("first_layer_attention_js", "divergence of the first layers",
        "Divergence of attention of the teacher's first layer and the student's first."),
    _js("last_layer_attention_js", "divergence of the last layers",
        "Divergence of attention of the teacher's last layer and the student's last."),
    _js("mean_attention_js", "divergence at equal depth",
        "The mean over the student's layers of the divergence from the teacher's layer at the same "
        "relative depth."),
    _js("best_layer_attention_js", "divergence from the most similar layers",
        "The mean over the student's layers of the least divergence from any of the teacher's."),
    _js("random_best_layer_attention_js", "divergence from the most similar layers, random weights",
        _FLOOR, better=None),
    _js("random_first_layer_attention_js", "divergence of the first layers, random weights",
        _FLOOR, better=None),
    _js("random_last_layer_attention_js", "divergence of the last layers, random weights",
        _FLOOR, better=None),
    _js("random_mean_attention_js", "divergence at equal depth, random weights",
        _FLOOR, better=None),
    _js(
        "nearest_head_js",
        "divergence of the nearest head",
        "Divergence of one of the teacher's heads from the student's head, of any layer, that is "
        "nearest on the same examples; the table names it.",
    ),
    _js("random_nearest_head_js", "divergence of the nearest head, random weights",
        _FLOOR, better=None),
    Metric(
        name="heads_without_counterpart",
        label="heads without counterpart",
        definition="The share of the teacher's heads whose nearest head in the student is not "
        "surely nearer than the nearest in the student before training: the 95 % interval of the "
        "difference reaches 0.",
        minimum=0, maximum=1, higher_is_better=False,
    ),
    _of_layer("attention_entropy", "entropy of attention",
              "Entropy of rows of attention, the mean over rows, heads and examples. 0: each token "
              "reads one other.", "nats", "Clark et al. 2019"),
    _of_layer("attention_distance", "distance to the diagonal",
              "How far the tokens lie that a token reads, |i - j| weighted by attention; the mean "
              "over rows, heads and examples.", "tokens", "Clark et al. 2019"),
    _of_layer("attention_to_first", "attention to the first token",
              "The share of the words' attention that goes to the first token of the text, "
              "as [CLS]; the mean over heads and examples.", "", "Clark et al. 2019"),
    _of_layer("attention_to_separators", "attention to separators",
              "The share of the words' attention that goes to special tokens other than the first, "
              "as [SEP]; the mean over heads and examples.", "", "Clark et al. 2019"),
    _of_layer("attention_to_itself", "attention to itself",
              "The share of a word's attention that goes to itself, the diagonal; the mean over "
              "heads and examples."),
    _of_layer("attention_to_previous", "attention to the token before",
              "The share of a word's attention that goes to the token before it; the mean over "
              "heads and examples."),
    _of_layer("attention_to_next", "attention to the token after",
              "The share of a word's attention that goes to the token after it; the mean over "
              "heads and examples."),
)  # fmt: skip
