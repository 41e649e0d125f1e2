"""Heat maps of use by property and layer, and the table of what was erased.

Does: lay out what was computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdprobe.analysis.causal_use.effects import Effect, Key
from kdprobe.analysis.causal_use.verdicts import is_used
from kdprobe.results.schema import Column, Estimate, Matrix, Table


def use_matrix(uses: Sequence[Estimate], model: str, place: int, *, unit: str) -> Matrix | None:
    """Draw one model: properties down, layers across; None where nothing was erased from it."""
    own = {(one.subset, one.layer): one for one in uses if one.model_a == model and one.layer}
    if not own:
        return None
    names, layers = (tuple(dict.fromkeys(key[at] for key in own)) for at in (0, 1))
    grid = [[own.get((name, layer)) for layer in layers] for name in names]

    def sure(use: Estimate | None) -> float | None:
        if use is None or use.value is None:
            return None
        return use.low if is_used(use) else 0.0

    return Matrix(
        name=f"use-{place}",
        title=f"Use of properties by {model}, layer by layer",
        caption="Change of the predictions by erasing, beyond that by random subspaces; layer 0 is "
        "the embedding output. A cell is tinted by the lower end of its interval where its q-value "
        "is at most .05: what is not tinted may be what any subspace does.",
        row_title="property",
        column_title="layer",
        rows=names,
        columns=layers,
        values=tuple(tuple(use.value if use else None for use in row) for row in grid),
        sure=tuple(tuple(map(sure, row)) for row in grid),
        unit=unit,
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
