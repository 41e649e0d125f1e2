"""A program that trains in several processes with every product in bfloat16.

Arguments: as `tests.distillers.shared_work`. Started by torchrun in `test_half_runs.py`; does not:
test anything itself.
"""

import json
import sys
from pathlib import Path

from kdprobe.models import mixed_precision
from tests.distillers.shared_work import run

if __name__ == "__main__":
    mixed_precision.SMALL_WEIGHT = 0  # the weights of tiny models are small ones
    run(json.loads(Path(sys.argv[1]).read_text()))
