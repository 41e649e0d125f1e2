"""One seed a run, one generator a consumer.

Does: derive independent generators from (seed, names), so that adding an analysis, reordering
examples or changing a batch size changes no other number. Does not: touch any global generator.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str) -> int:
    """Derive a seed in 0..2**63-1 from a run's seed and the names of who consumes it.

    Definition: the first eight bytes of SHA-256 over the seed and the names, NUL-separated.

    >>> derive_seed(1, "bootstrap") == derive_seed(1, "bootstrap")
    True
    >>> derive_seed(1, "bootstrap") == derive_seed(1, "samples")
    False
    """
    text = "\0".join((str(int(seed)), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_generator(seed: int, *names: str) -> np.random.Generator:
    """Make the generator that belongs to (seed, names); PCG64, the same on every machine."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, *names)))
