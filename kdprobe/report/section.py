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
        """Its place on the page; unread analyses stand at 80."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the analyses it shows."""

    def render(self, document: ResultsDocument) -> Markup | None:
        """Return the section's markup, or None when the document has nothing for it."""


SECTIONS: Plugins[Section] = Plugins(
    package="kdprobe.report.sections",
    attribute="SECTION",
    kind="section",
    entry_points="kdprobe.sections",
)
