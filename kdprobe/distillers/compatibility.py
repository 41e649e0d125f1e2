"""Reasons why an objective has no value for a pair of models, in plain words.

Does: check who teaches whom before training. Does not: raise; `mixture.refuse_unmet` tells the
reason and stops.
"""

from __future__ import annotations

from kdprobe.distillers.objective import Situation


def first_of(*reasons: str | None) -> str | None:
    """Give the first reason there is, or None.

    >>> first_of(None, "there is no teacher", "widths differ")
    'there is no teacher'
    """
    return next((reason for reason in reasons if reason is not None), None)


def no_teacher(situation: Situation) -> str | None:
    """Nothing to learn from."""
    return "there is no teacher" if situation.teacher is None else None


def not_classes(situation: Situation) -> str | None:
    """A regression, where classes are asked for."""
    if situation.task.kind == "regression":
        return "the task is a regression and has no classes"
    return None


def other_tokens(situation: Situation) -> str | None:
    """Positions of the two models cannot be matched."""
    if situation.same_tokens:
        return None
    return (
        "student and teacher cut texts into different tokens, so that their positions cannot be "
        'matched; hidden_states, cosine and attribution compare words with level = "word", and '
        "soft_targets, logit_mse and patience do not look at positions"
    )


def other_width(situation: Situation) -> str | None:
    """Vectors of the two models cannot be compared."""
    teacher = situation.teacher
    if teacher is None or teacher.width == situation.student.width:
        return None
    return (
        f"the student is {situation.student.width} wide and the teacher {teacher.width}; "
        "hidden_states learns a projection, and attention_relations, token_relations and "
        "granular_relations compare any widths"
    )


def other_embedded(situation: Situation) -> str | None:
    """What the embeddings of the two models give cannot be compared."""
    teacher = situation.teacher or situation.student
    if situation.student.embedded == teacher.embedded:
        return None
    return (
        f"the student's embeddings are {situation.student.embedded} wide and the teacher's "
        f"{teacher.embedded}"
    )


def no_blocks(situation: Situation) -> str | None:
    """A layer whose output cannot be taken in hand: an LSTM's is packed."""
    teacher = situation.teacher
    for name, shape in (("student", situation.student), ("teacher", teacher)):
        if shape is not None and not (shape.heads and shape.blocks):
            return (
                f"the {name} has no attention layers whose output can be attributed to; its "
                'embeddings can: layer = "input"'
            )
    return None


def blind_first(situation: Situation) -> str | None:
    """The first token of a causal model reads nothing: its vectors are the same for every text."""
    for name, shape in (("student", situation.student), ("teacher", situation.teacher)):
        if shape is not None and not shape.first_reads:
            return (
                f"the first token of the {name} reads nothing of the text (its attention is "
                "causal), so that its vectors say nothing; soft_targets and logit_mse (recipe "
                "vanilla) compare outputs, hidden_states and cosine every token"
            )
    return None


def no_gradients(situation: Situation) -> str | None:
    """Outputs of a model that cannot be differentiated by what its embeddings give."""
    for name, shape in (("student", situation.student), ("teacher", situation.teacher)):
        if shape is not None and shape.undifferentiable:
            return (
                f"the {name} cannot be differentiated by its embeddings: {shape.undifferentiable}; "
                "soft_targets and logit_mse (recipe vanilla) need its outputs alone"
            )
    return None


def no_projections(situation: Situation) -> str | None:
    """Queries, keys and values of a model cannot be read."""
    teacher = situation.teacher
    for name, shape in (("student", situation.student), ("teacher", teacher)):
        if shape is not None and not shape.projections:
            return (
                f"the queries and keys of the {name}'s architecture cannot be read (they can of "
                "BERT, CamemBERT, DistilBERT, ELECTRA, RoBERTa and XLM-RoBERTa)"
            )
    return None


def too_few_pairs(situation: Situation, least: int = 1) -> str | None:
    """The layer map holds too few layers."""
    found = len(situation.layer_pairs)
    if found >= least:
        return None
    return f"the layer map matches {found} layer{'' if found == 1 else 's'}, and it needs {least}"
