"""How long a piece of work will still take, from what was done so far.

Does: keep count of steps and seconds, and say both to people. Does not: read a clock, or print.
"""

from __future__ import annotations

from kdprobe.plain_text import how_many

_RUN_UP = 0.5
"""Seconds in which steps are not timed: an earlier run had done them."""
_LEAST = 2.0
"""Seconds behind an estimate at least."""
_LONG = 10.0
"""Seconds of a first step that is not slow because it is the first, but as all others will be."""


class TimeLeft:
    """The steps of one stage, and the time they take.

    Definition: seconds left = steps left x seconds a step, the mean over the steps after the first,
    which is slow where it loads a library or fills a buffer; it falls between steps as time passes.

    Args:
        total: the number of steps; None: nobody knows.
        now: when it begins, in seconds of any clock.

    >>> left = TimeLeft(100, now=0.0)
    >>> left.add(60, now=0.1)  # an earlier run had done them
    >>> left.add(1, now=9.1)  # the first of this run is slow
    >>> left.add(10, now=29.1)
    >>> left.done, left.seconds(29.1), left.whole(29.1), left.seconds(39.1)
    (71, 58.0, 87.1, 48.0)
    """

    def __init__(self, total: int | None, *, now: float) -> None:
        self.total, self.done = total, 0
        self.began = now
        self._start = self._first = self._last = (now, 0)

    def add(self, steps: int, *, now: float) -> None:
        """Count steps that are done now."""
        if not steps:
            return
        self.done += steps
        self._last = (now, self.done)
        if now - self.began < _RUN_UP:
            self._start = self._first = self._last
        elif self._first == self._start:
            self._first = self._last

    def seconds(self, now: float) -> float | None:
        """Return the seconds that are left; None where nothing is known."""
        since, least = (self._first, _LEAST)
        if self._last == self._first:
            since, least = (self._start, _LONG)
        taken, steps = self._last[0] - since[0], self._last[1] - since[1]
        if self.total is None or not steps or taken < least:
            return None
        left = max(0, self.total - self.done) * taken / steps
        return max(0.0, left - (now - self._last[0]))

    def whole(self, now: float) -> float | None:
        """Return the seconds that all of it takes, from its beginning; None where unknown."""
        left = self.seconds(now)
        return None if left is None else now - self.began + left

    @property
    def count(self) -> str:
        """The steps for people: `70 of 100`; without a total as many as are done, if any."""
        if self.total is None:
            return f"{self.done:,}" if self.done else ""
        return f"{self.done:,} of {self.total:,}"


def in_words(seconds: float) -> str:
    """Say a time as people do.

    >>> [in_words(seconds) for seconds in (1.2, 12.3, 300.0, 9000.0)]
    ['1 second', '12 seconds', '5 minutes', '2.5 hours']
    """
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    if seconds >= 90:
        return f"{seconds / 60:.0f} minutes"
    return how_many(round(seconds), "second")
