"""What a reader must know before the numbers: every notice of a document, worst first.

Does: gather the notices of the document and of every analysis, those that its numbers give rise to,
and what was asked for and could not run; join those that say the same of several models; and
shorten each to a few words. Does not: decide what the analyses warn of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.plain_text import shortened
from kdprobe.results.copies import OF_LEARNERS, copies
from kdprobe.results.headline import Headline, HeadlineRow
from kdprobe.results.schema import Notice, ResultsDocument
from kdprobe.results.sentences import with_interval
from kdprobe.results.unable import Unable, unable

_RANK = {"alarm": 0, "warning": 1, "note": 2}
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_ENDS = (re.compile(r"[:;]\s|\.(?:\s|$)"), re.compile(r",\s"))
_SHORT, _LEAST = 56, 8
BY_CHANCE = "chance_agreement"
"""The code of the sanity check that says the same as an interval of kappa that holds 0."""
_VALUES = re.compile(r"[−\d.,<=]+")
_NAMED = 6
IMPOSSIBLE = "asked-for-not-possible"
"""The code of a notice that something asked for could not run."""


def document_notices(document: ResultsDocument) -> list[Notice]:
    """Return every notice that a document holds once, alarms first, else in its order."""
    every = (document.warnings, *(result.warnings for result in document.analyses))
    untaught = copies(document)
    unique = {
        (notice.code, notice.severity, notice.message, notice.models): notice
        for source in every
        for notice in source
        # An older document may say what a teacher added to itself.
        if not (notice.code in OF_LEARNERS and untaught & set(notice.models[:1]))
    }
    return sorted(unique.values(), key=lambda notice: _RANK[notice.severity])


def all_notices(document: ResultsDocument, head: Headline) -> list[Notice]:
    """Return those, and the warnings that numbers and skipped parts give rise to."""
    known = document_notices(document)
    chance = {name for notice in known if notice.code == BY_CHANCE for name in notice.models}
    more = [_by_chance(row) for row in head.rows if is_by_chance(row) and row.student not in chance]
    more += [_impossible(item) for item in unable(document.skipped) if item.requested]
    notices = [*known, *more]
    return sorted(notices, key=lambda notice: _RANK[notice.severity])


def is_by_chance(row: HeadlineRow) -> bool:
    """Whether the interval of a student's kappa with the teacher does not lie above 0."""
    kappa = row.kappa.known
    return kappa is not None and kappa.low is not None and kappa.low <= 0


def _by_chance(row: HeadlineRow) -> Notice:
    kappa = row.kappa.known
    shown = "" if kappa is None else f" (kappa {with_interval(kappa)})"
    message = (
        f"{row.student} agrees with the teacher no more than chance would have it{shown}: is it a "
        "model of this task, and are its labels in the task's order?"
    )
    return Notice(
        code="agreement-by-chance", severity="warning", message=message, models=(row.student,)
    )


def _impossible(item: Unable) -> Notice:
    message = f"asked for, not possible: {item.names.replace('_', ' ')}: {item.reason}"
    return Notice(code=IMPOSSIBLE, severity="warning", message=message, models=item.models)


def few_words(notice: Notice) -> str:
    """Return a notice's first clause where it is short, else its code in words.

    >>> few_words(Notice(code="x", severity="note", message="Selection on dev: the best of 8."))
    'Selection on dev'
    >>> few_words(Notice(code="cut", severity="note", message="18 of 99 texts (m) are cut: long"))
    '18 of 99 texts are cut'
    >>> few_words(Notice(code="unequal-budgets", severity="note", message="long " * 20))
    'unequal budgets'
    """
    if notice.code == IMPOSSIBLE:
        return shortened(": ".join(notice.message.split(": ")[:2]), _SHORT)
    clause = _BRACKETS.sub("", notice.message)
    for end in _ENDS:
        clause = end.split(clause, maxsplit=1)[0]
        if _LEAST <= len(clause) <= _SHORT:
            return clause
    return notice.code.replace("-", " ")


@dataclass(frozen=True)
class NoticeGroup:
    """Notices that say the same of several models; most groups have one."""

    notices: tuple[Notice, ...]

    @property
    def severity(self) -> str:
        """How grave they are."""
        return self.notices[0].severity

    @property
    def code(self) -> str:
        """The code that they share."""
        return self.notices[0].code

    @property
    def likewise(self) -> str:
        """Of whom the others are, in few words; empty where there is one."""
        names = [notice.models[0] for notice in self.notices[1:] if notice.models]
        rest = len(names) - _NAMED
        more = f" and {rest} more" if rest > 0 else ""
        return f"{', '.join(names[:_NAMED])}{more}"

    @property
    def message(self) -> str:
        """The first message whole, and of whom else it holds."""
        first = self.notices[0].message
        return f"{first} Likewise: {self.likewise}." if self.likewise else first

    @property
    def few_words(self) -> str:
        """The shortest words for them: a chip's."""
        if len(self.notices) == 1:
            return few_words(self.notices[0])
        return f"{self.code.replace('-', ' ')}, {len(self.notices)} models"


def _likeness(notice: Notice) -> tuple[str, str, str]:
    """Return what notices of one kind share: their words less the models and the numbers."""
    words = notice.message
    for name in sorted(notice.models, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "\x00", words)
    return notice.severity, notice.code, _VALUES.sub("", words)


def joined(notices: Sequence[Notice]) -> list[NoticeGroup]:
    """Return the notices with those of one kind as one, in the order of their first ones.

    >>> more = [Notice(code="c", severity="note", message=f"{m} has {n}", models=(m,))
    ...         for m, n in (("a", "1.5"), ("b", "2"), ("x y", "−3"))]
    >>> [group.message for group in joined(more)]
    ['a has 1.5 Likewise: b, x y.']
    """
    groups: dict[tuple[str, ...], list[Notice]] = {}
    for i, notice in enumerate(notices):
        key = _likeness(notice) if notice.models else ("", str(i))
        groups.setdefault(key, []).append(notice)
    return [NoticeGroup(tuple(group)) for group in groups.values()]


def of_the_teacher(document: ResultsDocument, head: Headline) -> list[str]:
    """Return what the teacher handed on that no sentence says.

    That is how much nearer a student is than a further control, or than its only one where
    differences were not run, and to whom the teacher gave its mistakes.
    """
    known = {(g.model_a, g.model_b) for row in head.rows if (g := row.gain.known) is not None}
    return [
        notice.message
        for code in ("teacher-added", "asymmetric-transfer")
        for notice in document_notices(document)
        if notice.code == code and (code != "teacher-added" or notice.models not in known)
    ]
