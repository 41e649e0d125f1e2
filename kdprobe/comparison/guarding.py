"""What fails inside a library costs its own part of a comparison and nothing else.

Does: compute a part, and list it with what was raised when it fails; so a fault of kdprobe is
visible too, in the report and in the exit code. Does not: hide messages to the user or a full disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from kdprobe.errors import CapabilityError, KdprobeError
from kdprobe.foreign import DEBUG, debugging, disk_is_full
from kdprobe.plain_text import printable, shortened
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.extract.attributions import Explained
    from kdprobe.extract.settings import ExplanationSettings

    Kinds = dict[str, Explained]

T = TypeVar("T")
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


def kept(
    what: Sequence[str], otherwise: T, compute: Callable[[], T]
) -> tuple[T, tuple[Skipped, ...]]:
    """Compute a part of a comparison that others do not need.

    Args:
        what: the analyses that read it.
        otherwise: what they read when it fails.
        compute: gives it.

    Returns:
        The part, or `otherwise` and the analyses with what was raised.

    Raises:
        Exception: see `failure`.
    """
    try:
        return compute(), ()
    except Exception as error:
        return otherwise, tuple(failure(name, error) for name in what)


def explain_apart(
    models: Sequence[str],
    setting: ExplanationSettings,
    explain: Callable[[str, ExplanationSettings], Kinds],
) -> tuple[dict[str, Kinds], ExplanationSettings, tuple[Skipped, ...]]:
    """Explain models by all methods, or, when a method fails, by those that do not.

    Args:
        models: their names.
        setting: how; its methods.
        explain: explains a model by the methods of a setting, see `attributions`.

    Returns:
        What was explained by model, the setting with the methods that worked, and those that
        failed with what was raised.

    Raises:
        Exception: see `failure`; or every method failed.
    """
    try:
        return {name: explain(name, setting) for name in models}, setting, ()
    except Exception as error:
        first = failure("", error)
    seen: dict[str, Kinds] = {name: {} for name in models}
    works, skipped = {}, []
    for method, options in setting.methods.items():
        alone = replace(setting, methods={method: options})
        try:
            found = {name: explain(name, alone) for name in models}
        except Exception as error:
            skipped.append(failure(method, error))
            continue
        works[method] = options
        for name, kinds in found.items():
            for kind, explained in kinds.items():
                seen[name][kind] = {**seen[name].get(kind, {}), **explained}
    if not works:
        raise RuntimeError(first.reason.removeprefix("failed (").partition("); ")[0])
    return seen, replace(setting, methods=works), tuple(skipped)
