"""A failure inside a library costs its own part of a comparison and nothing else.

Does: make a line of what failed, with what was raised, so that a fault of kdprobe is visible too,
in the report and in the exit code. Does not: hide messages to the user or a full disk.
"""

from __future__ import annotations

from kdprobe.errors import KdprobeError
from kdprobe.foreign import DEBUG, debugging, disk_is_full
from kdprobe.plain_text import printable, shortened
from kdprobe.results.schema import Skipped

_LONGEST = 300


def failure(what: str, error: Exception) -> Skipped:
    """List what failed, its words kept; a failure counts as asked for: the run exits with 3.

    Args:
        what: the analysis.
        error: what was raised.

    Raises:
        Exception: the error itself when it is a message to the user, a full disk, or
            `KDPROBE_DEBUG=1` is set.

    >>> failure("overlap", ZeroDivisionError("division by zero")).reason
    'failed (ZeroDivisionError: division by zero); KDPROBE_DEBUG=1 shows where, please report it'
    """
    if isinstance(error, KdprobeError) or debugging() or disk_is_full(error):
        raise error
    reason = shortened(printable(f"failed ({type(error).__name__}: {error})"), _LONGEST)
    return Skipped(
        what=what, reason=f"{reason}; {DEBUG}=1 shows where, please report it", requested=True
    )
