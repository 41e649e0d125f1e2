"""Values of the objectives: check values of the papers' variants, by hand, and by transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kdprobe.distillers.forward import read
from kdprobe.distillers.masked import first_tokens, log_softmax_over, unit
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, ModelShape, Need, View
from kdprobe.distillers.objectives._relations import Distance, all_cosines, distance_gaps
from kdprobe.models.gradients import attribute
from tests.contracts.test_objectives import ROWS, inputs_of, setting, tiny, tiny_pair, values
from tests.distillers.builders import TASK
from tests.distillers.test_objectives import ZS, ZT, batch_of


def logits(name: str, zs: Tensor, zt: Tensor, *, progress: float = 0.0, **options: Any) -> Tensor:
    objective, checked = setting(name, **options)
    batch = Batch(batch_of(len(zs)).mask, progress=progress)
    losses: Tensor = objective.loss_sum(View({LOGITS: zs}), View({LOGITS: zt}), batch, checked)
    return losses


def test_logit_differences() -> None:
    """Guards reductions that differ by the number of classes: the check values of the spec."""
    assert logits("logit_mse", ZS, ZT).mean().item() == pytest.approx(1.177083, abs=1e-6)
    summed = logits("logit_mse", ZS, ZT, over_classes="sum")
    assert summed.mean().item() == pytest.approx(3.531250, abs=1e-6)
    cooled = logits("logit_mse", ZS, ZT, temperature=2.0)
    assert cooled.mean().item() == pytest.approx(0.294271, abs=1e-6)


def test_noise_is_drawn_and_bounded() -> None:
    """Guards noise that is always or never there, and a seed that is ignored."""
    totals = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        totals.append(logits("noisy_teacher", ZS, ZT, deviation=0.5, share=1.0))
    assert torch.equal(totals[0], totals[1])
    assert not torch.equal(totals[0], totals[2])
    plain = logits("logit_mse", ZS, ZT)
    assert torch.equal(logits("noisy_teacher", ZS, ZT, deviation=0.5, share=0.0), plain)
    assert torch.equal(logits("noisy_teacher", ZS, ZT, deviation=0.0, share=1.0), plain)


def test_annealing_ends_at_one() -> None:
    """Guards the schedule: at the start the given temperature, at the end 1, half-way between."""
    for progress, temperature in ((0.0, 3.0), (0.5, 2.0), (1.0, 1.0)):
        falling = logits("soft_targets", ZS, ZT, temperature=3.0, anneal=True, progress=progress)
        still = logits("soft_targets", ZS, ZT, temperature=temperature)
        assert falling.tolist() == pytest.approx(still.tolist())


SHAPE = ModelShape(2, 2, 1)
SITUATION = ModelPair(TASK, SHAPE, SHAPE, ((0, 0), (1, 1), (2, 2)), same_tokens=True)


def of_states(name: str, ours: Tensor, theirs: Tensor, mask: Tensor, **options: Any) -> Tensor:
    """An objective's values where the student gives `ours` in every layer, the teacher `theirs`."""
    objective, checked = setting(name, **options)
    quantities = ("hidden", "query", "key", "value")
    values = [
        {Need(q, layer): states for q in quantities for layer in range(3)}  # type: ignore[arg-type]
        for states in (ours, theirs)
    ]
    firsts = {Need("first", layer): theirs[:, 0] for layer in range(3)}
    views = [View(values[0]), View(values[1] | firsts)]
    batch = Batch(mask, models=SITUATION)
    losses: Tensor = objective.loss_sum(*views, batch, checked)
    return losses / objective.loss_count(batch, checked)


ROW = torch.tensor([[True, True, False]])
OURS = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [9.0, 9.0]]])
THEIRS = torch.tensor([[[0.0, 1.0], [0.0, 1.0], [-9.0, 9.0]]])


def test_hidden_states_by_hand() -> None:
    """Guards sums over layers and means over real tokens and width."""
    # token 1: ((1-0)^2 + (0-1)^2) / 2 = 1; token 2: (2-1)^2 / 2 = .5; mean .75, in two layers 1.5
    assert of_states("hidden_states", OURS, THEIRS, ROW).item() == pytest.approx(1.5)
    assert of_states("embeddings", OURS, THEIRS, ROW).item() == pytest.approx(0.75)
    assert of_states("cosine", OURS, THEIRS, ROW).item() == pytest.approx(0.5)  # (1 + 0) / 2


def test_patience_by_hand() -> None:
    """Guards PKD's two readings: unit vectors of the first token, mean or sum over the width."""
    assert of_states("patience", 3 * OURS, THEIRS, ROW).item() == pytest.approx(1.0)  # 2 / 2
    summed = of_states("patience", 3 * OURS, THEIRS, ROW, over_width="sum")
    assert summed.item() == pytest.approx(2.0)
    raw = of_states("patience", 3 * OURS, THEIRS, ROW, normalise=False)
    assert raw.item() == pytest.approx((9 + 1) / 2)


def test_attention_scores_by_hand() -> None:
    """Guards the scale and the loss count: pairs of real tokens, both layers."""
    # [[1, 0], [0, 4]] / sqrt 2 and [[1, 1], [1, 1]] / sqrt 2: squares (0 + 1 + 1 + 9) / 2
    computed = of_states("attention_scores", OURS, THEIRS, ROW)
    assert computed.item() == pytest.approx(2 * (11 / 2) / 4)


def test_token_relations_by_hand() -> None:
    """Guards distances over their mean: with two tokens the one distance is always its own mean."""
    assert of_states("token_relations", OURS, THEIRS + OURS, ROW).item() == pytest.approx(0.0)
    three = torch.tensor([[True, True, True]])
    line = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]])
    corner = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]])
    computed = of_states("token_relations", line, corner, three, pairs=0.0, window=5)
    # cosines at the ends 1 and at the middle -1; at a right angle 1/sqrt 2 and 0; three layers
    expected = 3 * (2 * (1 - 0.5**0.5) ** 2 + 1) / 3
    assert computed.item() == pytest.approx(expected, rel=1e-5)


def test_layer_relations_see_the_way_through_the_layers() -> None:
    """Guards against relations among tokens: the same vectors in every layer do not move at all."""
    assert of_states("layer_relations", OURS, THEIRS, ROW).item() == 0.0


def test_attention_is_what_transformers_computes() -> None:
    """Guards queries, keys, heads and scale against the model's own attention probabilities."""
    at = tiny_pair()
    inputs = inputs_of(ROWS)
    needs = frozenset({Need("attention", 2), Need("query", 2), Need("key", 2), Need("hidden", 1)})
    said = read(at.student, inputs, needs)
    query, key = (
        said[Need(name, 2)].view(len(ROWS), -1, 2, 8).transpose(1, 2) for name in ("query", "key")
    )
    mask = inputs["attention_mask"].bool()
    ours = log_softmax_over(query @ key.transpose(-1, -2) / 8**0.5, mask).exp()
    real = mask[:, None, :, None] & mask[:, None, None, :]
    assert torch.allclose(ours * real, said[Need("attention", 2)] * real, atol=1e-6)
    with pytest.raises(ValueError, match="no query of layer 3 in BertForSequenceClassification"):
        read(at.student, inputs, frozenset({Need("query", 3)}))


def test_cross_entropy_and_kl_differ_by_a_constant() -> None:
    """Guards the LIMEs paper's cross-entropy: its gradient is that of KL."""
    at = tiny_pair()
    slopes = []
    for divergence in ("kl", "cross_entropy"):
        at.student.zero_grad()
        values("attention_probs", at, divergence=divergence).sum().backward()
        slopes.append(at.student.bert.encoder.layer[1].attention.self.query.weight.grad.clone())
    assert torch.allclose(slopes[0], slopes[1], atol=1e-6)


def test_integrated_gradients_add_up() -> None:
    """Guards the path: with many steps the attributions sum to F(x) - F(baseline).

    From [PAD], not from zeros: layer normalisation hides the scale, so that F jumps at zero.
    """
    model = tiny(2, 1, sharp=4.0)
    inputs = inputs_of(ROWS)
    (attributed, _) = attribute(
        model, inputs, layer=0, of="logit", steps=200, baseline="pad", follow=False
    )
    with torch.no_grad():
        full = model(**inputs).logits[:, 0]
        blank = model.bert.embeddings(torch.zeros_like(inputs["input_ids"]))
        handle = model.bert.embeddings.register_forward_hook(lambda module, given, out: blank)
        empty = model(**inputs).logits[:, 0]
        handle.remove()
    gap = (full - empty).abs().max().item()
    assert gap > 0.01
    assert attributed.product.sum((1, 2)).tolist() == pytest.approx(
        (full - empty).tolist(), abs=0.02 * gap
    )
    assert not attributed.product.requires_grad


def test_one_step_is_gradient_times_input() -> None:
    """Guards AD-KD's released setting against torch's own gradient at the embeddings."""
    at = tiny_pair()
    inputs = inputs_of(ROWS)
    kept: list[Tensor] = []

    def keep(_: object, __: object, out: Tensor) -> None:
        out.retain_grad()
        kept.append(out)

    at.student.zero_grad()
    handle = at.student.bert.embeddings.register_forward_hook(keep)
    at.student(**inputs).logits.softmax(-1)[:, 1].sum().backward()
    handle.remove()
    attributed = attribute(at.student, inputs, layer=0, of="probability", follow=True)
    assert kept[0].grad is not None
    assert torch.allclose(attributed[1].product, kept[0] * kept[0].grad, atol=1e-6)
    assert attributed[1].product.requires_grad


def test_two_classes_have_one_map_with_one_step() -> None:
    """Guards the facts on AD-KD: both views are equal for two classes, and so are P and -log P."""
    at = tiny_pair()
    inputs = inputs_of(ROWS)

    def maps(of: Any, steps: int) -> list[Tensor]:
        attributed = attribute(at.teacher, inputs, layer=0, of=of, steps=steps, follow=False)
        return [unit(torch.linalg.vector_norm(part.product, dim=-1)) for part in attributed]

    by_probability, by_log = maps("probability", 1), maps("log_probability", 1)
    assert torch.allclose(by_probability[0], by_probability[1], atol=1e-5)
    assert torch.allclose(by_probability[0], by_log[0], atol=1e-5)
    assert not torch.allclose(
        maps("log_probability", 4)[0], maps("log_probability", 4)[1], atol=1e-4
    )


def test_baselines_differ() -> None:
    """Guards the paper's [PAD] against the code's zeros: another baseline gives other maps."""
    at = tiny_pair()
    zero, pad = (values("attribution", at, baseline=b) for b in ("zero", "pad"))
    assert not torch.allclose(zero, pad, atol=1e-4)


def test_the_teachers_columns_are_followed() -> None:
    """Guards teachers whose outputs stand in another order than the task's labels."""
    at = tiny_pair()
    inputs = inputs_of(ROWS)
    straight = attribute(at.teacher, inputs, layer=0, of="logit", follow=False)
    turned = attribute(
        at.teacher, inputs, columns=torch.tensor([1, 0]), layer=0, of="logit", follow=False
    )
    assert torch.allclose(straight[0].product, turned[1].product)
    gold = torch.zeros(len(ROWS), dtype=torch.long)
    (one,) = attribute(at.teacher, inputs, layer=0, of="logit", picked=gold, follow=False)
    assert torch.allclose(one.product, straight[0].product)


def test_zero_rows_have_finite_gradients() -> None:
    """Guards norms at zero: pad rows are exactly 0 and must not make NaN."""
    rows = torch.zeros(2, 3, requires_grad=True)
    other = torch.ones(2, 3)
    apart = ~torch.eye(2, dtype=torch.bool)
    kinds: tuple[Distance, ...] = ("euclidean", "squared", "cosine")
    gaps = [distance_gaps(rows, other, apart, kind).sum() for kind in kinds]
    value = unit(rows).sum() + all_cosines(rows).sum() + sum(gaps)
    (slope,) = torch.autograd.grad(value, rows)
    assert bool((slope == 0).all())


def test_close_vectors_keep_their_angles() -> None:
    """Guards angles of differences far smaller than the vectors: float32 products lose them."""
    corner = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) / 1024 + 1000.0
    cosines = all_cosines(corner)
    assert cosines[0, 1, 2].item() == pytest.approx(0.0, abs=1e-6)
    assert cosines[1, 0, 2].item() == pytest.approx(0.5**0.5, abs=1e-6)
    same = all_cosines(torch.tensor([[1000.0, 3.0], [1000.0, 3.0], [1.0, 2.0]]))
    assert same[0, 1].tolist() == [0.0, 0.0, 0.0]
    assert same[2, 0, 1].item() == pytest.approx(1.0)


def test_first_token_with_left_padding() -> None:
    """Guards tokenizers that pad on the left: the first column is then no token."""
    hidden = torch.arange(6.0).view(1, 3, 2)
    assert first_tokens(hidden, torch.tensor([[False, True, True]])).tolist() == [[2.0, 3.0]]
    assert first_tokens(hidden, torch.tensor([[True, True, False]])).tolist() == [[0.0, 1.0]]
