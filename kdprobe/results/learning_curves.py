"""The history of a training as charts.

Does: turn what was logged, step by step, into curves with the kept checkpoint marked. Does not:
draw them or read files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from kdprobe.results.parts import Curve, Series

History = Sequence[Mapping[str, float]]

_STEPS = "optimiser step"
_KEPT = "kept"
_BASELINE = "baseline: "
_SCORES = {
    "accuracy": "accuracy",
    "mcc": "Matthews' correlation",
    "f1": "F1",
    "f1_micro": "F1, pooled over labels",
    "f1_macro": "F1, mean over labels",
    "f1_samples": "F1, mean over examples",
    "subset_accuracy": "subset accuracy",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "agreement": "agreement with the teacher",
    "cohens_kappa": "Cohen's kappa with the teacher",
    "pearson_to_teacher": "Pearson with the teacher",
}
_LOSSES = {"loss": "loss on gold labels", "kl": "KL to the teacher"}


def _series(history: History, key: str, name: str, *, of: str | None = None) -> Series | None:
    """Take one number out of the entries that hold it; with `of`, times that number."""
    entries = [entry for entry in history if key in entry and (of is None or of in entry)]
    if not entries:
        return None
    return Series(
        name=name,
        x=tuple(entry["step"] for entry in entries),
        y=tuple(entry[key] * (1.0 if of is None else entry[of]) for entry in entries),
    )


def _beside(lines: Mapping[str, Series | None], teacher: Mapping[str, float]) -> list[Series]:
    """Draw what the teacher scores as a line from the first evaluation to the last."""
    return [
        Series(
            name=f"{_BASELINE}the teacher's {line.name}",
            x=(line.x[0], line.x[-1]),
            y=(teacher[key], teacher[key]),
        )
        for key, line in lines.items()
        if line is not None and key in teacher
    ]


def _kept(lines: Sequence[Series], best_step: int) -> list[Series]:
    """Mark the checkpoint that was kept on each line."""
    marked = []
    for line in lines:
        if best_step in line.x and not line.name.startswith(_BASELINE):
            value = line.y[line.x.index(best_step)]
            label = f"step {best_step:,}"
            marked.append(
                Series(name=f"{_KEPT}: {line.name}", x=(best_step,), y=(value,), labels=(label,))
            )
    return marked


def _terms(history: History) -> list[str]:
    """Return the objectives in the order in which they first count, those of one step by name.

    A checkpoint and `history.json` keep the names of an entry sorted: any other order would tell
    whether a training was gone on with.
    """
    ending = "_value"
    keys = (key for entry in history for key in sorted(entry) if key.endswith(ending))
    return list(dict.fromkeys(key.removesuffix(ending) for key in keys))


def learning_curves(
    history: History, *, best_step: int, teacher: Mapping[str, float] = MappingProxyType({})
) -> tuple[Curve, ...]:
    """Make the charts of a training.

    Args:
        history: the entries of `history.json`, oldest first: `step`, `loss`, of each objective
            `NAME_value`, `NAME_share` (of the loss) and `NAME_gradient_share`, and `eval_` scores.
        best_step: the optimiser step whose weights were kept.
        teacher: what the teacher scores on the same examples, by the scores' names without `eval_`.

    Returns:
        The scores of each evaluation, the losses of each evaluation, the loss with what each
        objective gives of it, and each objective's share of the gradient; those of which the
        history holds nothing are left out.
    """
    terms = _terms(history)
    scores = {key: _series(history, f"eval_{key}", name) for key, name in _SCORES.items()}
    losses = {key: _series(history, f"eval_{key}", name) for key, name in _LOSSES.items()}
    groups: list[tuple[str, str, str, str, list[Series | None]]] = [
        (
            "scores",
            "Scores at each evaluation",
            "score",
            "The marked point is the checkpoint that was kept.",
            [*scores.values(), *_beside(scores, teacher)],
        ),
        (
            "evaluation-losses",
            "Losses at each evaluation",
            "nats, or mean squared error",
            "Lower is better. The marked point is the checkpoint that was kept.",
            [*losses.values(), *_beside(losses, teacher)],
        ),
        (
            "loss",
            "The loss, and what each objective gives of it",
            "mean since the last log",
            "Objectives are weighted as the recipe says: they add up to the loss.",
            [_series(history, "loss", "loss")]
            + [_series(history, f"{term}_share", term, of="loss") for term in terms],
        ),
        (
            "gradient-shares",
            "How much of the gradient each objective gives",
            "share of the summed lengths",
            "Measured on one batch between two logs.",
            [_series(history, f"{term}_gradient_share", term) for term in terms],
        ),
    ]
    curves = []
    for name, title, y_title, caption, candidates in groups:
        lines = [line for line in candidates if line is not None]
        if lines:
            kept = _kept(lines, best_step) if "marked" in caption else []
            curves.append(
                Curve(
                    name=name, title=title, caption=caption, x_title=_STEPS, y_title=y_title,
                    series=(*lines, *kept),
                )
            )  # fmt: skip
    return tuple(curves)
