"""What a section of the page is, and where they are found.

Does: name the protocol each file of `sections/` answers, and its registry. Does not: render.
"""

from __future__ import annotations

from typing import Protocol

from markupsafe import Markup

from kdprobe.registry import Plugins
from kdprobe.results.schema import ResultsDocument


class Section(Protocol):
    """One file of `sections/`: a results document in, the markup of one section out.

    The page writes the heading (`<h2>`); a section begins below it, with `<h3>`. `reads` names
    the analyses it shows; every analysis that no section reads is shown in the general form.
    """

    @property
    def name(self) -> str:
        """The file's name, and the section's address on the page."""

    @property
    def title(self) -> str:
        """The heading a reader sees."""

    @property
    def order(self) -> int:
        """Its place on the page and its group, see `GROUPS`; from `FOLDED` on it is folded."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the analyses it shows."""

    def render(self, document: ResultsDocument) -> Markup | None:
        """Return the section's markup, or None when the document has nothing for it."""


FOLDED = 40
"""Sections of this order and above are folded: the first screen decides, the rest proves."""

UNREAD = 88
"""Where analyses stand that no section reads: what is not known yet comes after what is."""

GROUPS = (
    (0, "The decision"), (40, "Same answers"), (50, "Same reasons"), (60, "Layers"),
    (70, "Slices and pairs"), (80, "Examples"), (86, "Training and cost"), (94, "Protocol"),
)  # fmt: skip
"""The order of each group's first section, and the group's name in the table of contents."""


def group_of(order: int) -> str:
    """Return the group a section belongs to.

    >>> group_of(10), group_of(44), group_of(100)
    ('The decision', 'Same answers', 'Protocol')
    """
    return next(name for first, name in reversed(GROUPS) if first <= order)


SECTIONS: Plugins[Section] = Plugins(
    package="kdprobe.report.sections",
    attribute="SECTION",
    kind="section",
    entry_points="kdprobe.sections",
)
