"""The same numbers on any CPU: one chain on several kernels, as `docs/numbers.md` states it.

Kernels are chosen by the variables that ATen, oneDNN, MKL and numpy read when they are loaded, so
that each runs in a process of its own. A kernel that the processor lacks is capped at what it has:
then two of these are one, and the test holds all the more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

TOLERANCE = 1e-4  # of the largest number; what was measured stands in docs/numbers.md
ROOT = Path(__file__).resolve().parents[1]
LOWEST = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
}
PATHS: dict[str, dict[str, str]] = {
    "lowest": LOWEST,
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "AVX-512": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "two threads": {"OMP_NUM_THREADS": "2"},
}


@cache
def chain(path: str) -> Any:
    """Run the chain on some kernels; the empty name is this process's own."""
    chosen = PATHS.get(path, {})
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.kernel_chain", folder,
             "2" if path == "two threads" else "1"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "KDPROBE_CACHE": f"{folder}/c", **chosen},
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", PATHS)
def test_the_same_numbers(path: str) -> None:
    """Guards a number that depends on the processor: drawn otherwise, or rounded into another.

    What is drawn and what is made of text is equal bit by bit; labels, accuracy, agreement and
    kappa are equal; losses, logits, weights and word scores keep to the stated tolerances.
    """
    here, there = chain(""), chain(path)
    assert there["bits"] == here["bits"]
    assert there["labels"] == here["labels"]
    assert there["scores"] == here["scores"]
    assert here["scores"]["cohens_kappa"] > 0.5
    for name, values in here["close"].items():
        size = float(np.abs(values).max())
        np.testing.assert_allclose(
            there["close"][name], values, rtol=0, atol=TOLERANCE * size, err_msg=name
        )
