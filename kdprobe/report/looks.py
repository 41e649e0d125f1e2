"""How the series of one chart look, and the legend that says so.

Does: give every series of a chart its style, one for all panels, and make the legend. Does not:
draw panels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kdprobe.report.chart_families import KEPT, Plot
from kdprobe.report.marks import key_of
from kdprobe.report.palette import DASHES, Palette, Style
from kdprobe.report.svg import Key


@dataclass(frozen=True)
class Looks:
    """The style of each series of a chart, by its name."""

    styles: dict[str, Style]

    @classmethod
    def of(cls, plot: Plot, palette: Palette) -> Looks:
        """Choose the styles: models as everywhere, others by their order, baselines pale."""
        styles: dict[str, Style] = {}
        others: dict[str, None] = {}
        pale: dict[str, None] = {}
        for facet in plot.facets:
            for series in facet.series:
                name = series.name.removeprefix(KEPT)
                style = palette.style(name, len(others))
                if style.pale:
                    last = _last(name)
                    pale.setdefault(last)
                    dash = 2 * (1 + list(pale).index(last)) % (DASHES + 1)
                    model = palette.style(name.removesuffix(f": {last}"))
                    # The baseline of one model has its colour, thin; that of several is grey.
                    look = f"{model.classes.split()[0]} thin" if model.model else "pale"
                    style = replace(style, classes=f"{look} d{dash}")
                elif not style.model:
                    others.setdefault(name)
                    style = palette.style(name, list(others).index(name))
                styles[name] = style
        return cls(styles)

    def __getitem__(self, name: str) -> Style:
        """Return the style of a series; a kept checkpoint has that of its series."""
        return self.styles[name.removeprefix(KEPT)]

    def legend(self, *, line: bool = False) -> tuple[Key, ...]:
        """Make the legend; baselines of several models that are alike have one entry."""
        keys: dict[str, Key] = {}
        for name, style in self.styles.items():
            shown = _last(name) if style.pale else name
            grey = replace(style, classes=f"pale {style.classes.split()[-1]}")
            keys.setdefault(shown, key_of(shown, grey if style.pale else style, line=line))
        return tuple(keys.values())


def _last(name: str) -> str:
    return name.rsplit(": ", 1)[-1]
