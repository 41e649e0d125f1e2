"""Memory that is free, back to the system.

Does: ask the C library for it. Does not: count memory; `room.py` does.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back_memory() -> None:
    """Give what ended work held back to the system, where the C library keeps it.

    glibc keeps freed pieces below 32 MB for later, between others: after a training of a BERT-base
    1.2 GB of them, which the next adds to, as its pieces have other sizes. Other libraries have no
    such call, and little to give back.
    """
    gc.collect()  # models and optimisers that hold each other
    with contextlib.suppress(AttributeError, OSError, TypeError):  # TypeError: Windows needs a name
        ctypes.CDLL(None).malloc_trim(0)
