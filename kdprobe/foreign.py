"""What libraries raise, made one message; and the way to see it whole.

Does: turn an exception of a library into one of our own errors, in the words of the library's first
line. Does not: decide what is wrong; the caller says which error it is to the reader.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator

from kdprobe.errors import KdprobeError, UsageError
from kdprobe.plain_text import printable, shortened

DEBUG = "KDPROBE_DEBUG"
"""The environment variable that, set to 1, lets every exception through with its traceback."""
_LONGEST = 200
_MODULE = re.compile(r"\(\n\s.*?\n\)", re.DOTALL)
_PLAIN = (OSError, ValueError, RuntimeError)
"""Exceptions whose words need no name before them."""


def debugging() -> bool:
    """Whether exceptions are let through as they are: `KDPROBE_DEBUG=1`."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def said(error: BaseException) -> str:
    r"""Give the first line of what a library said, its kind before it where the words need it.

    A long line ends after a whole sentence, or at least after a whole word. Where the words begin
    with a module as torch prints it, over many lines, its inside is left out.

    >>> said(ValueError("no such layer\nat 3")), said(KeyError(0)), said(StopIteration())
    ('no such layer', 'KeyError: 0', 'StopIteration')
    >>> said(ValueError("Layer(\n  (a): Linear()\n) is no decoder"))
    'Layer(…) is no decoder'
    """
    kind, text = type(error).__name__, str(error).strip()
    text = _MODULE.sub("(…)", text)
    line = text.splitlines()[0] if text else ""
    if not line:
        return kind
    return shortened(printable(line if type(error) in _PLAIN else f"{kind}: {line}"), _LONGEST)


def disk_is_full(error: BaseException) -> bool:
    """Tell a full disk from other faults, also where a library hides it in an error of its own.

    >>> disk_is_full(OSError(28, "No space left on device")), disk_is_full(ValueError("x"))
    (True, False)
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # safetensors and torch.save raise errors of their own; their words are all there is.
    words = str(error)
    return "No space left on device" in words or "PytorchStreamWriter failed writing" in words


@contextlib.contextmanager
def translated(tell: Callable[[Exception], UsageError]) -> Iterator[None]:
    """Turn whatever a library raises in a block into one error of ours.

    Args:
        tell: gives the error for what was raised.

    Raises:
        UsageError: what `tell` gives. Our own errors, a full disk (which has a message of its own)
            and, with `KDPROBE_DEBUG=1`, everything come through as they are.

    >>> from kdprobe.errors import CheckpointError
    >>> with translated(lambda error: CheckpointError("m", found=said(error))):
    ...     {}["x"]
    Traceback (most recent call last):
    kdprobe.errors.CheckpointError: m: KeyError: 'x'
    """
    try:
        yield
    except KdprobeError:
        raise
    except Exception as error:
        if debugging() or disk_is_full(error):
            raise
        raise tell(error) from error
