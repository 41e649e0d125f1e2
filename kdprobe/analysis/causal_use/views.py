"""Heat maps of use by property and layer, and the table of what was erased.

Does: lay out what was computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdprobe.analysis.causal_use.effects import Effect, Key
from kdprobe.analysis.causal_use.verdicts import is_used
from kdprobe.results.schema import Column, Estimate, Matrix, Table

_SHOWN = {"use": "Change of predictions", "score_loss_beyond_control": "Loss of score"}


def use_matrix(
    tested: Sequence[Estimate], metric: str, model: str, place: int, *, unit: str
) -> Matrix | None:
    """Draw one model: properties down, layers across; None where nothing is known of it."""
    own = {
        (one.subset, one.layer): one
        for one in tested
        if (one.metric, one.model_a) == (metric, model) and one.layer
    }
    if all(one.value is None for one in own.values()):
        return None
    places = sorted({int(layer) for _, layer in own})
    names, layers = tuple(dict.fromkeys(name for name, _ in own)), tuple(map(str, places))
    grid = [[own.get((name, layer)) for layer in layers] for name in names]

    def sure(effect: Estimate | None) -> float | None:
        if effect is None or effect.value is None:
            return None
        return effect.low if is_used(effect) else 0.0

    return Matrix(
        name=f"{metric.split('_')[0]}-{place}",
        title=f"{_SHOWN[metric]} of {model} by erasing, beyond random subspaces",
        caption="Layer 0 is the embedding output. A cell is tinted by the lower end of its "
        "interval where its q-value is at most .05: what is not tinted may be what any subspace "
        "of that size does.",
        row_title="property",
        column_title="layer",
        rows=names,
        columns=layers,
        values=tuple(tuple(e.value if e else None for e in row) for row in grid),
        sure=tuple(tuple(map(sure, row)) for row in grid),
        unit=unit if metric == "use" else "",
        scale="diverging",
        undefined="nothing could be erased there",
    )


def erased_table(effects: Mapping[Key, Effect]) -> Table:
    """List what each erasure took: dimensions, and shares of the variance."""
    rows = []
    for (model, name, layer), effect in effects.items():
        shares = [
            sum(values) / len(effect.layers)
            for values in (
                [one.share for one in effect.layers],
                [one.control_share for one in effect.layers],
            )
        ]
        rows.append((name, model, str(layer), effect.rank, *shares))
    return Table(
        name="erased",
        title="What was erased",
        caption="Of the variance of the examples' states over all tokens. A random subspace takes "
        "as much at every place of a token, as far as subspaces of that rank can.",
        columns=(
            Column(name="property", label="property"),
            Column(name="model", label="model"),
            Column(name="layer", label="layer"),
            Column(name="rank", label="dimensions", kind="count"),
            Column(name="share", label="of the variance", kind="share"),
            Column(name="control", label="random subspaces", kind="share"),
        ),
        rows=tuple(rows),
    )
