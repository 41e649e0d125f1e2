"""What a student learns of several labels at once: values by torch, by hand, and refusals."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit
from sklearn.metrics import f1_score, log_loss
from torch import Tensor
from torch.nn import BCEWithLogitsLoss

from kdprobe.distillers.label_scores import constant_score
from kdprobe.distillers.objective import LOGITS, OBJECTIVES, Batch, ModelPair, ModelShape, View
from kdprobe.distillers.validation_scores import chance_score, fidelity, task_scores
from kdprobe.tasks.task import Task
from tests.contracts.test_objectives import setting

entropy: Any = stats.entropy
TASK = Task("topics", 1, "multilabel", ("a", "b", "c"), "f1_micro")
SHAPE = ModelShape(2, 8, 2)
MODELS = ModelPair(TASK, SHAPE, SHAPE, ((0, 0), (1, 1), (2, 2)), same_tokens=True)
ZS = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.3, -4.0]])
ZT = torch.tensor([[1.5, -2.0, 0.1], [-0.7, 3.0, -1.0]])
GOLD = torch.tensor([[1, 0, 1], [1, 1, 0]])


def losses(name: str, labels: Tensor | None = None, **options: Any) -> Tensor:
    objective, checked = setting(name, **options)
    batch = Batch(torch.ones(2, 3, dtype=torch.bool), labels, models=MODELS)
    value: Tensor = objective.loss_sum(View({LOGITS: ZS}), View({LOGITS: ZT}), batch, checked)
    return value


def test_gold_labels_are_the_loss_of_transformers():
    """Guards a sum over labels: weights beside soft targets would depend on their number."""
    value = losses("hard_labels", GOLD).mean()
    assert value.item() == pytest.approx(BCEWithLogitsLoss()(ZS, GOLD.float()).item())


def test_the_teacher_s_labels():
    """Guards an argmax, which would teach one label of several."""
    value = losses("teacher_argmax").mean()
    assert value.item() == pytest.approx(BCEWithLogitsLoss()(ZS, (ZT > 0).float()).item())


@pytest.mark.parametrize("divergence", ["forward", "reverse", "symmetric", "cross_entropy"])
def test_soft_targets(divergence: str):
    """Guards a softmax over labels: each is a distribution of its own, at the temperature."""
    p, q = (np.stack([1 - side, side], -1) for side in
            (expit(ZT.double().numpy() / 2), expit(ZS.double().numpy() / 2)))  # fmt: skip
    forward, reverse = entropy(p, q, axis=-1), entropy(q, p, axis=-1)
    known = {
        "forward": forward, "reverse": reverse, "symmetric": (forward + reverse) / 2,
        "cross_entropy": forward + entropy(p, axis=-1),
    }[divergence]  # fmt: skip
    value = losses("soft_targets", temperature=2.0, divergence=divergence)
    np.testing.assert_allclose(value.numpy(), 4 * known.mean(axis=1), rtol=1e-5)
    same = setting("soft_targets")[0].loss_sum(
        View({LOGITS: ZT}), View({LOGITS: ZT}),
        Batch(torch.ones(2, 3, dtype=torch.bool), models=MODELS), setting("soft_targets")[1],
    )  # fmt: skip
    assert same.abs().max() < 1e-6


SOFTMAX = {("attribution", "probability"), ("attribution", "log_probability"),
           ("jacobian", "probability"), ("jacobian", "log_probability")}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTIVES.names())
def test_a_value_or_a_reason(name: str):
    """Guards an objective that takes a softmax over labels that do not exclude each other."""
    objective, options = setting(name)
    of = getattr(options, "of", "")
    reason = objective.skip_reason(MODELS, options)
    if (name, of) not in SOFTMAX:
        assert reason is None
        return
    assert reason is not None
    assert "do not exclude each other" in reason
    for way_out in ('of = "logit"', "soft_targets", "teacher_argmax", "logit_mse"):
        assert way_out in reason
    plain, logit = setting(name, of="logit")
    assert plain.skip_reason(MODELS, logit) is None


def test_gold_maps_are_refused():
    """Guards one gold label picked of several."""
    objective, options = setting("attribution", of="logit", views="gold")
    assert objective.skip_reason(MODELS, options) == (
        'an example may have several gold labels; views = "all" works'
    )


def test_scores_while_training():
    """Guards scores of another average, and a loss that is not what is minimised."""
    gold, logits = GOLD.numpy(), ZS.double().numpy()
    scores = task_scores(TASK, gold, logits)
    guess = (logits > 0).astype(int)
    assert scores["f1_micro"].value == pytest.approx(f1_score(gold, guess, average="micro"))
    assert scores["subset_accuracy"].value == 0.5
    assert scores["loss"].value == pytest.approx(log_loss(gold.ravel(), expit(logits).ravel()))
    near = fidelity(TASK, ZT.double().numpy(), logits)
    assert near["agreement"].value == 1.0  # both name a and c, and b: signs are the same
    sides = (np.stack([1 - p, p], -1) for p in (expit(ZT.double().numpy()), expit(logits)))
    assert near["kl"].value == pytest.approx(entropy(*sides, axis=-1).sum(axis=1).mean(), rel=1e-6)


def test_chance_is_the_best_constant_set():
    """Guards a teacher taken for good that always names the most frequent labels."""
    gold = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]])
    assert chance_score(TASK, gold)[0] == "f1_micro"
    constants = [f1_score(gold, np.tile(each, (4, 1)), average="micro")
                 for each in ([0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1])]  # fmt: skip
    assert constant_score("f1_micro", gold) == pytest.approx(max(constants))
    assert constant_score("subset_accuracy", gold) == 0.5
