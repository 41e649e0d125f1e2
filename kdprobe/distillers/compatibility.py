"""Reasons why an objective has no value for a pair of models, in plain words.

Does: compare a student's build with its teacher's before training. Does not: raise;
`weighted_loss.require_values` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from kdprobe.distillers.objective import ModelPair
from kdprobe.observations.predictions import Scale

_ORDER: Mapping[Scale, int] = {
    "labels": 0, "label sets": 0, "log-probabilities": 1, "logits": 2, "label logits": 2,
}  # fmt: skip
_WORDS = {
    "labels": "labels", "label sets": "sets of labels", "log-probabilities": "probabilities",
    "logits": "logits", "label logits": "log-odds",
}  # fmt: skip


def first_of(*reasons: str | None) -> str | None:
    """Return the first reason there is, or None.

    >>> first_of(None, "there is no teacher", "widths differ")
    'there is no teacher'
    """
    return next((reason for reason in reasons if reason is not None), None)


def no_teacher(models: ModelPair) -> str | None:
    """Return why there is no model to learn from."""
    if models.teacher is not None:
        return None
    if models.answers is None:
        return "there is no teacher"
    return (
        "of the teacher only its answers are known (a predictions file, a function), no layers, "
        f"attention or gradients; {_fitting(models.answers)} with them"
    )


def no_answers(models: ModelPair, least: Scale) -> str | None:
    """Return why the outputs of the teacher are too little to learn from.

    Args:
        models: of a teacher that is a model everything is known.
        least: what is needed: `labels`, `log-probabilities` or `logits`.
    """
    held = models.answers
    if models.teacher is not None or held is None:
        return no_teacher(models)
    if held == "scores" or _ORDER[held] >= _ORDER[least]:
        return None
    has, lacks = _WORDS[held], _WORDS[least]
    return f"the teacher's answers are {has} and no {lacks}; {_fitting(held)} with them"


def _fitting(held: Scale) -> str:
    """Name what can be learnt from answers."""
    if held in ("labels", "label sets"):
        return "teacher_argmax (recipe hard-distillation) works"
    return "soft_targets (recipe vanilla) works"


def not_classes(models: ModelPair) -> str | None:
    """Return why there are no classes: the task is a regression."""
    if models.task.kind == "regression":
        return "the task is a regression and has no classes"
    return None


def needs_softmax(models: ModelPair, of: str) -> str | None:
    """Return why what is differentiated has no value: labels at once have no softmax.

    Args:
        models: student and teacher.
        of: what is differentiated: `logit` needs none.
    """
    if models.task.kind != "multilabel" or of == "logit":
        return None
    return (
        f"the labels of {models.task.name} do not exclude each other, so that there is no softmax "
        f'whose {of} is differentiated; of = "logit" works, as do soft_targets (recipe vanilla), '
        "teacher_argmax (recipe hard-distillation), logit_mse, and whatever compares layers"
    )


def other_tokens(models: ModelPair) -> str | None:
    """Return why positions of the two models cannot be matched."""
    if models.same_tokens:
        return None
    return (
        "student and teacher cut texts into different tokens, so that their positions cannot be "
        'matched; hidden_states, cosine and attribution compare words with level = "word", and '
        "soft_targets, logit_mse and patience do not look at positions"
    )


def other_width(models: ModelPair) -> str | None:
    """Return why vectors of the two models cannot be compared."""
    teacher = models.teacher
    if teacher is None or teacher.width == models.student.width:
        return None
    return (
        f"the student is {models.student.width} wide and the teacher {teacher.width}; "
        "hidden_states learns a projection, and attention_relations, token_relations and "
        "granular_relations compare any widths"
    )


def other_embedded(models: ModelPair) -> str | None:
    """Return why the outputs of the two embeddings cannot be compared."""
    teacher = models.teacher or models.student
    if models.student.embedded == teacher.embedded:
        return None
    return (
        f"the student's embeddings are {models.student.embedded} wide and the teacher's "
        f"{teacher.embedded}"
    )


def no_blocks(models: ModelPair) -> str | None:
    """Return why the output of a layer cannot be attributed to: an LSTM's is packed."""
    teacher = models.teacher
    for name, shape in (("student", models.student), ("teacher", teacher)):
        if shape is not None and not (shape.heads and shape.blocks):
            return (
                f"the {name} has no attention layers whose output can be attributed to; its "
                'embeddings can: layer = "input"'
            )
    return None


def blind_first(models: ModelPair) -> str | None:
    """Return why first tokens cannot be compared: that of a causal model reads no other token."""
    for name, shape in (("student", models.student), ("teacher", models.teacher)):
        if shape is not None and not shape.first_reads:
            return (
                f"the first token of the {name} reads nothing of the text (its attention is "
                "causal), so that its vectors say nothing; soft_targets and logit_mse (recipe "
                "vanilla) compare outputs, hidden_states and cosine every token"
            )
    return None


def no_gradients(models: ModelPair) -> str | None:
    """Return why a model cannot be differentiated by the output of its embeddings."""
    for name, shape in (("student", models.student), ("teacher", models.teacher)):
        if shape is not None and shape.undifferentiable:
            return (
                f"the {name} cannot be differentiated by its embeddings: {shape.undifferentiable}; "
                "soft_targets and logit_mse (recipe vanilla) need its outputs alone"
            )
    return None


def no_projections(models: ModelPair) -> str | None:
    """Return why queries, keys and values of a model cannot be read."""
    teacher = models.teacher
    for name, shape in (("student", models.student), ("teacher", teacher)):
        if shape is not None and not shape.projections:
            return (
                f"the queries and keys of the {name}'s architecture cannot be read (they can of "
                "BERT, CamemBERT, DistilBERT, ELECTRA, MPNet, RoBERTa and XLM-RoBERTa)"
            )
    return None


def too_few_pairs(models: ModelPair, least: int = 1) -> str | None:
    """Return why the layer map holds too few layers."""
    count = len(models.layer_pairs)
    if count >= least:
        return None
    return f"the layer map matches {count} layer{'' if count == 1 else 's'}, and it needs {least}"
