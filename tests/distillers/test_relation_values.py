"""Values of CKD's and MGSKD's relations on fixed states: loops over the published formulas.

The loops below were written from the papers' formulas and from what the released code computes
(CKD 28b124b, MGSKD 0a1de37), one relation at a time in plain Python floats (float64); nothing of
kdprobe is used in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from kdprobe.config.recipe import open_recipe
from kdprobe.distillers.objective import Batch, ModelPair, ModelShape, Need, View
from tests.contracts.test_objectives import setting
from tests.distillers.builders import TASK

Vector = Sequence[float]
Text = list[list[float]]
LAYERS = ((0, 0), (1, 2), (2, 4))
LENGTHS = (6, 4, 5)
WIDTHS = (4, 8)
LONGEST = 6


def states(seed: int, width: int) -> list[Tensor]:
    """Hidden states of every layer, float64 `[3, 6, width]`; what stands at padding is large."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for _ in range(5):
        drawn = torch.randn(len(LENGTHS), LONGEST, width, generator=generator, dtype=torch.float64)
        for text, length in enumerate(LENGTHS):
            drawn[text, length:] *= 50
        layers.append(drawn)
    return layers


OURS, THEIRS = states(1, WIDTHS[0]), states(2, WIDTHS[1])
MASK = torch.arange(LONGEST)[None, :] < torch.tensor(LENGTHS)[:, None]
SITUATION = ModelPair(
    TASK, ModelShape(2, WIDTHS[0], 2), ModelShape(4, WIDTHS[1], 2), LAYERS, same_tokens=True
)


def value(name: str, **options: Any) -> Tensor:
    """Return kdprobe's values of the three texts, float64."""
    objective, checked = setting(name, **options)
    views = [
        View({Need("hidden", layer): drawn for layer, drawn in enumerate(layers)})
        for layers in (OURS, THEIRS)
    ]
    batch = Batch(MASK, models=SITUATION)
    loss_sum: Tensor = objective.loss_sum(*views, batch, checked)
    return loss_sum / objective.loss_count(batch, checked)


def texts(pair: tuple[int, int]) -> list[tuple[Text, Text]]:
    """The real tokens of each text in a matched layer, of both models."""
    return [
        (OURS[pair[0]][row, :length].tolist(), THEIRS[pair[1]][row, :length].tolist())
        for row, length in enumerate(LENGTHS)
    ]


def minus(one: Vector, other: Vector) -> list[float]:
    return [x - y for x, y in zip(one, other, strict=True)]


def dot(one: Vector, other: Vector) -> float:
    return math.fsum(x * y for x, y in zip(one, other, strict=True))


def length_of(vector: Vector) -> float:
    return math.sqrt(dot(vector, vector))


def cosine(one: Vector, other: Vector) -> float:
    norms = length_of(one) * length_of(other)
    return dot(one, other) / norms if norms else 0.0


def smooth(difference: float) -> float:
    size = abs(difference)
    return size * size / 2 if size < 1 else size - 0.5


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def relative(vectors: Text, power: int) -> dict[tuple[int, int], float]:
    """Distances to this power over their mean, of all ordered pairs of different vectors."""
    apart = {
        (i, j): length_of(minus(one, other)) ** power
        for i, one in enumerate(vectors)
        for j, other in enumerate(vectors)
        if i != j
    }
    middle = mean(list(apart.values()))
    return {key: length / middle for key, length in apart.items()}


def distances_apart(power: int) -> Callable[[Text, Text], list[float]]:
    """Smooth L1 differences of relative distances, one for every pair of different vectors."""

    def gaps(ours: Text, theirs: Text) -> list[float]:
        left, right = relative(ours, power), relative(theirs, power)
        return [smooth(left[key] - right[key]) for key in left]

    return gaps


def divergences(ours: Text, theirs: Text) -> list[float]:
    """Terms of KL(teacher || student) of each vector's softmax of cosines with the others."""
    terms = []
    for i in range(len(ours)):
        others = [j for j in range(len(ours)) if j != i]
        rows = []
        for vectors in (ours, theirs):
            powers = [math.exp(cosine(vectors[i], vectors[j])) for j in others]
            rows.append([power / math.fsum(powers) for power in powers])
        terms += [p * math.log(p / q) for q, p in zip(*rows, strict=True)]
    return terms


def angle(vectors: Text, i: int, corner: int, k: int) -> float:
    """The cosine of the angle at `corner`; 0 where a side has no length."""
    return cosine(minus(vectors[i], vectors[corner]), minus(vectors[k], vectors[corner]))


def angles_apart(ours: Text, theirs: Text, triples: Sequence[tuple[int, int, int]]) -> list[float]:
    return [(angle(ours, *t) - angle(theirs, *t)) ** 2 for t in triples]


def cut_window(length: int, half: int) -> list[tuple[int, int, int]]:
    """Triples of three different tokens, the outer two at most `half` from the middle one."""
    return [
        (i, j, k)
        for j in range(length)
        for i in range(max(0, j - half), min(length, j + half + 1))
        for k in range(max(0, j - half), min(length, j + half + 1))
        if len({i, j, k}) == 3
    ]


def repeated_window(length: int, half: int) -> list[tuple[int, int, int]]:
    """All (2 half + 1)^2 triples a token, its ends held at the ends of the text."""
    steps = range(-half, half + 1)
    inside = [[min(max(j + step, 0), length - 1) for step in steps] for j in range(length)]
    return [(i, j, k) for j in range(length) for i in inside[j] for k in inside[j]]


@pytest.mark.parametrize(("pairs", "triples"), [(1.0, 0.0), (0.0, 1.0), (3.0, 0.5)])
def test_ckd_words_by_the_paper(pairs: float, triples: float) -> None:
    """Guards the root, the embeddings' pair, and means over a text's own pairs and triples."""
    expected = [0.0] * len(LENGTHS)
    for pair in LAYERS:
        for row, (ours, theirs) in enumerate(texts(pair)):
            expected[row] += pairs * mean(distances_apart(1)(ours, theirs))
            kept = cut_window(len(ours), 2)
            expected[row] += triples * mean(angles_apart(ours, theirs, kept))
    computed = value("token_relations", pairs=pairs, triples=triples, window=5)
    assert computed.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("distance", "gaps"), [("squared", distances_apart(2)), ("cosine", divergences)]
)
def test_ckd_words_by_the_code(distance: str, gaps: Callable[[Text, Text], list[float]]) -> None:
    """Guards the released means: over the batch, its layers, and tokens with themselves."""
    near, turned, pairs, triples = [], [], 0, 0
    for pair in LAYERS:
        for ours, theirs in texts(pair):
            near += gaps(ours, theirs)
            pairs += len(ours) ** 2
            kept = repeated_window(len(ours), 2)
            turned += angles_apart(ours, theirs, kept)
            triples += len(kept)
    expected = 10 * math.fsum(near) / pairs + 0.5 * math.fsum(turned) / triples
    computed = value(
        "token_relations", pairs=10, triples=0.5, window=5,
        distance=distance, ends="repeated", average="batch",
    )  # fmt: skip
    assert computed.mean().item() == pytest.approx(expected, rel=1e-9)
    assert triples == len(LAYERS) * sum(LENGTHS) * 25


@pytest.mark.parametrize("selves", [False, True])
@pytest.mark.parametrize(
    ("distance", "gaps"),
    [("euclidean", distances_apart(1)), ("squared", distances_apart(2)), ("cosine", divergences)],
)
def test_ckd_layers(distance: str, gaps: Callable[[Text, Text], list[float]], selves: bool) -> None:
    """Guards relations among a token's layers, by the paper and by the released code."""
    count = len(LAYERS)
    kept = [(i, j, k) for i in range(count) for j in range(count) for k in range(count)
            if len({i, j, k}) == 3]  # fmt: skip
    expected = []
    for row, length in enumerate(LENGTHS):
        tokens = []
        for place in range(length):
            ours = [OURS[left][row, place].tolist() for left, _ in LAYERS]
            theirs = [THEIRS[right][row, place].tolist() for _, right in LAYERS]
            near, turned = gaps(ours, theirs), angles_apart(ours, theirs, kept)
            over = (count**2, count**3) if selves else (len(near), len(kept))
            tokens.append(2 * math.fsum(near) / over[0] + 5 * math.fsum(turned) / over[1])
        expected.append(mean(tokens))
    computed = value("layer_relations", pairs=2, triples=5, distance=distance, selves=selves)
    assert computed.tolist() == pytest.approx(expected, rel=1e-9)


def heads_of(vector: Vector, heads: int) -> list[Vector]:
    size = len(vector) // heads
    return [vector[start : start + size] for start in range(0, len(vector), size)]


def product(one: Vector, other: Vector, head: int, heads: int) -> float:
    left, right = heads_of(one, heads)[head], heads_of(other, heads)[head]
    return dot(left, right) / math.sqrt(len(left))


def chosen(theirs: Text, heads: int, count: int) -> list[tuple[int, int, int]]:
    """Triples (i, corner, k) by attention: softmax of products, summed over heads."""
    size = len(theirs)
    given = [[0.0] * size for _ in range(size)]
    for head in range(heads):
        for i in range(size):
            powers = [math.exp(product(theirs[i], other, head, heads)) for other in theirs]
            for j in range(size):
                given[i][j] += powers[j] / math.fsum(powers)
    received = [math.fsum(given[i][j] for i in range(size)) for j in range(size)]
    corners = sorted(range(size), key=lambda j: -received[j])[:count]
    triples = []
    for corner in corners:
        others = [j for j in range(size) if j != corner]
        near = sorted(others, key=lambda j: -given[corner][j])[:count]
        triples += [(i, corner, k) for i in near for k in near if i != k]
    return triples


def within(ours: Text, theirs: Text, heads: int, count: int) -> tuple[list[float], list[float]]:
    """MGSKD among the units of a text: squared differences of products, and of angles."""
    products = [
        (product(ours[i], ours[j], head, heads) - product(theirs[i], theirs[j], head, heads)) ** 2
        for head in range(heads) for i in range(len(ours)) for j in range(len(ours))
    ]  # fmt: skip
    angles = [
        smooth(angle(ours, *triple) - angle(theirs, *triple))
        for triple in chosen(theirs, heads, count)
    ]
    return products, angles


def runs(vectors: Text, length: int) -> Text:
    return [
        [mean(column) for column in zip(*vectors[start : start + length], strict=True)]
        for start in range(len(vectors) - length + 1)
    ]


def among(pair: tuple[int, int], heads: int) -> dict[int, list[float]]:
    """MGSKD among texts: smooth L1 differences of angles at each text, of every head."""
    middles = [
        tuple([mean(column) for column in zip(*vectors, strict=True)] for vectors in both)
        for both in texts(pair)
    ]
    rows = range(len(LENGTHS))
    gaps: dict[int, list[float]] = {row: [] for row in rows}
    for head in range(heads):
        ours, theirs = ([heads_of(middle[side], heads)[head] for middle in middles]
                        for side in (0, 1))  # fmt: skip
        for corner in rows:
            gaps[corner] += [
                smooth(angle(list(map(list, ours)), i, corner, k)
                       - angle(list(map(list, theirs)), i, corner, k))
                for i in rows for k in rows if len({i, corner, k}) == 3
            ]  # fmt: skip
    return gaps


def test_mgskd_by_the_paper() -> None:
    """Guards heads in all three sizes, and the chosen angles, against each text's own means."""
    heads, count, length = 2, 2, 2
    expected = [0.0] * len(LENGTHS)
    for row, (ours, theirs) in enumerate(texts(LAYERS[0])):
        for weight, left, right in (
            (1.0, ours, theirs),
            (0.5, runs(ours, length), runs(theirs, length)),
        ):
            products, angles = within(left, right, heads, count)
            expected[row] += weight * (mean(products) + mean(angles))
    for pair in LAYERS[1:]:
        for row, gaps in among(pair, heads).items():
            expected[row] += 4 * mean(gaps)
    computed = value(
        "granular_relations", heads=heads, corners=count, phrase=length, lower=1, phrases=0.5
    )
    assert computed.tolist() == pytest.approx(expected, rel=1e-9)


def test_mgskd_by_the_code() -> None:
    """Guards the released means: over a batch, few phrases left out, angles with oneself in."""
    heads, count, length = 2, 2, 3
    expected = 0.0
    for weight, cut in ((1.0, 1), (0.5, length)):
        products: list[float] = []
        angles: list[float] = []
        for ours, theirs in texts(LAYERS[0]):
            left, right = runs(ours, cut), runs(theirs, cut)
            if cut > 1 and len(left) < 3:  # the text of four tokens has two runs of three
                continue
            more, turned = within(left, right, heads, count)
            products += more
            angles += turned
        expected += weight * (mean(products) + mean(angles))
    size = len(LENGTHS)
    for pair in LAYERS[1:]:
        total = math.fsum(math.fsum(gaps) for gaps in among(pair, heads).values())
        expected += 4 * total / (heads * size**3)
    computed = value(
        "granular_relations", heads=heads, corners=count, phrase=length, lower=1, phrases=0.5,
        average="batch",
    )  # fmt: skip
    assert computed.mean().item() == pytest.approx(expected, rel=1e-9)


def test_heads_keep_the_weight_of_texts() -> None:
    """Guards the published weight of 4: angles of small heads differ more than those of one."""
    one, many = (
        value("granular_relations", heads=heads, lower=0, tokens=0, phrases=0).mean().item()
        for heads in (1, 4)
    )
    assert many > 1.2 * one


def test_the_readings_of_the_recipes() -> None:
    """Guards the pairs of recipes: each differs from the other in what the papers' code does."""
    for name, reading in (
        ("ckd", {"distance": "euclidean", "ends": "cut", "average": "text"}),
        ("ckd@code", {"distance": "squared", "ends": "repeated", "average": "batch"}),
    ):
        terms = {term.name: term for term in open_recipe(name).objectives}
        options = terms["token_relations"].options
        assert {key: options[key] for key in reading} == reading
        assert terms["layer_relations"].options["selves"] is (name == "ckd@code")
        assert ("hard_labels" in terms) is (name == "ckd")
    for name, average in (("mgskd", "text"), ("mgskd@code", "batch")):
        options = open_recipe(name).objectives[0].options
        assert (options["heads"], options["texts"], options["average"]) == (64, 4, average)
        assert open_recipe(name).layer_map == "emb+uniform"
