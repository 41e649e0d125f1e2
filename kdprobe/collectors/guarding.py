"""A failure inside a library costs its own part of a comparison and nothing else.

Does: make a line of what failed, with what was raised, so that a fault of kdprobe is visible too,
in the report and in the exit code. Does not: hide messages to the user or a full disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kdprobe.errors import CapabilityError, KdprobeError
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


def unable_or_failed(what: str, where: str, error: Exception, *, model: str) -> Skipped:
    """List what one model cannot give, or what failed inside it, its words kept.

    Args:
        what: the analysis.
        where: for people, of which of its parts, like `m on past_present`.
        error: what was raised.
        model: the model's name.

    Raises:
        Exception: see `failure`; but what a model cannot give (`CapabilityError`) is listed.

    >>> error = CapabilityError("m", found="its forward cannot run a text", expected="another")
    >>> unable_or_failed("probing", "m on depth", error, model="m").reason
    'm on depth: its forward cannot run a text'
    """
    if isinstance(error, CapabilityError):
        reason = shortened(printable(error.found), _LONGEST)
    else:
        reason = failure(what, error).reason
    return Skipped(what=what, reason=f"{where}: {reason}", models=(model,), requested=True)


def unable(what: str, reasons: Mapping[str, str]) -> Skipped:
    """List the models that cannot give what an analysis needs, those of one reason together.

    >>> unable("probing", {"a": "it has no layers", "b": "it has no layers"}).reason
    'a, b: it has no layers'
    """
    named: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        named.setdefault(reason, []).append(name)
    words = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in named.items())
    return Skipped(what=what, reason=words, models=tuple(reasons))


def unpaired(what: str, models: Sequence[str], reasons: Mapping[str, str]) -> Skipped | None:
    """Return why no student can be compared with the teacher; None: one can.

    Args:
        what: the analysis.
        models: the teacher first.
        reasons: model -> why it cannot be compared.

    >>> unpaired("similarity", ["t", "s", "u"], {"u": "it has no layers"})
    >>> unpaired("similarity", ["t"], {}).reason
    'there is no student to compare'
    """
    teacher, *students = models
    if teacher not in reasons and any(name not in reasons for name in students):
        return None
    if not reasons:
        return Skipped(what=what, reason="there is no student to compare")
    return unable(what, reasons)
