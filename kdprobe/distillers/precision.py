"""Whether a student may be trained with bfloat16 products, and what that costs.

Does: hold what was measured of both precisions, by family of students, and decide by it. Does not:
look at the processor: one command trains the same student everywhere.

`make bench` measures the table anew (`tests/bench/test_precision.py`) and prints its lines; what it
says of equality is computed from its numbers.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from scipy.special import stdtrit

from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.path_options import NO_OPTIONS
from kdprobe.models.shapes import CopyShape, Init, ModelPlace, NewShape, parse_student
from kdprobe.models.written_config import written_labels

_LEVEL = 0.95  # one-sided, at both ends: a 90 % interval, two one-sided tests at 5 %
_TASKS, _SEEDS = 2, 5
_BEGINS: dict[Init, str] = {
    "copy": "copied layers",
    "random": "random weights",
    "projection": "projection",
    "principal": "principal directions",
    "truncated": "truncated weights",
}


class PrecisionEvidence(NamedTuple):
    """What was measured of one family on one task.

    Args:
        family: the architecture and what its weights begin with.
        task: what was learnt; scores are MCC on its dev split.
        budget: how long.
        float32: the score of each seed, in order.
        bfloat16: the same seeds with bfloat16 products.
        seconds: CPU seconds a training (the median) in float32 and with bfloat16 products, on a
            processor that multiplies bfloat16 itself.
        emulated: the same of one seed, or of one step, on kernels without such instructions; None:
            not measured, which shows nothing.
    """

    family: str
    task: str
    budget: str
    float32: tuple[float, ...]
    bfloat16: tuple[float, ...]
    seconds: tuple[float, float]
    emulated: tuple[float, float] | None


class Equivalence(NamedTuple):
    """How far bfloat16 moved the scores of a family.

    Args:
        mean: of the paired differences, bfloat16 less float32.
        low, high: the 90 % t interval of that mean.
        margin: the standard deviation of the float32 scores over seeds.
        learnt: whether the float32 students learnt the task at all: the 95 % t interval of their
            mean score lies above 0.
    """

    mean: float
    low: float
    high: float
    margin: float
    learnt: bool

    @property
    def equal(self) -> bool:
        """Whether the students are equal within seed noise: see `compare_precisions`."""
        return self.learnt and -self.margin < self.low and self.high < self.margin


EVIDENCE: tuple[PrecisionEvidence, ...] = (
    PrecisionEvidence(
        # With its fully connected layer in bfloat16 and all else in float32; a BiLSTM stays in
        # float32 as a whole since. As a whole in bfloat16 the demo's had .112, .017 and .560 where
        # float32 gives .471, .587 and .568.
        "bilstm", "grammar", "hidden=64,fc=512,embed=48, 6,000 examples, 4 epochs, rate 4e-3",
        (0.3102, 0.316, 0.4016, 0.4421), (0.2422, 0.3005, 0.3352, 0.3842),
        (11.0, 11.8), None,
    ),
    PrecisionEvidence(
        "bert, copied layers", "cola", "3 of 6 layers, 2,000 examples, 2 epochs, rate 1e-4",
        (0.1385, 0.1126, 0.1425, 0.1296, 0.1364), (0.1385, 0.1126, 0.1375, 0.1331, 0.1405),
        (36.2, 23.2), (2.26, 4.21),
    ),
    PrecisionEvidence(
        "bert, copied layers", "grammar", "3 of 6 layers, 4,000 examples, 3 epochs, rate 3e-4",
        (0.3905, 0.2609, 0.069, 0.2987, 0.0835), (0.3713, 0.2256, 0.075, 0.2728, 0.0429),
        (75.7, 58.7), None,
    ),
    PrecisionEvidence(
        "bert, random weights", "cola", "L2,H256,I512,A4, 2,000 examples, 3 epochs, rate 5e-4",
        (0.066, 0.0335, 0.0678, 0.0301, 0.0745), (0.0643, 0.0351, 0.0678, 0.0285, 0.0726),
        (11.0, 9.5), None,
    ),
    PrecisionEvidence(
        "bert, random weights", "grammar", "the same, 3,000 examples, 3 epochs, rate 1e-3",
        (0.0442, 0.1009, 0.0184, 0.0497, 0.0108), (0.0581, 0.114, 0.032, 0.0424, 0.0065),
        (14.0, 11.4), None,
    ),
    PrecisionEvidence(
        "gpt2, random weights", "cola", "2 layers of 256, 2,000 examples, 3 epochs, rate 5e-4",
        (0.0311, 0.0298, 0.0782, 0.0585, 0.1192), (0.0503, 0.0298, 0.0766, 0.0717, 0.1056),
        (19.8, 15.9), None,
    ),
    PrecisionEvidence(
        "gpt2, random weights", "grammar", "the same, 3,000 examples, 3 epochs, rate 1e-3",
        (0.032, 0.0131, 0.0622, 0.0541, 0.0507), (0.0463, 0.0354, 0.058, 0.0573, 0.0741),
        (26.0, 20.1), None,
    ),
)  # fmt: skip


def compare_precisions(float32: Sequence[float], bfloat16: Sequence[float]) -> Equivalence:
    """Test whether two precisions give equal students.

    Definition: two one-sided paired t tests (Schuirmann 1987): the 90 % t interval of the mean
    difference over seeds lies inside plus and minus the standard deviation that seeds alone cause
    in float32. A difference that could not be seen is not an equality: few seeds, or students that
    learnt nothing, show none.

    Args:
        float32: a score for each seed, at least two.
        bfloat16: of the same seeds.

    >>> result = compare_precisions((0.4, 0.5, 0.6), (0.41, 0.5, 0.59))
    >>> round(result.margin, 3), result.equal  # differences .01, 0, -.01: 2.92 x .01 / 3**.5 = .017
    (0.1, True)
    >>> compare_precisions((0.4, 0.5, 0.6), (0.3, 0.5, 0.7)).equal
    False
    """
    moved = [half - full for full, half in zip(float32, bfloat16, strict=True)]
    seeds = len(moved)
    mean = statistics.fmean(moved)
    half_width = float(stdtrit(seeds - 1, _LEVEL)) * statistics.stdev(moved) / math.sqrt(seeds)
    margin = statistics.stdev(float32)
    doubt = float(stdtrit(seeds - 1, 0.975)) * margin / math.sqrt(seeds)
    learnt = statistics.fmean(float32) > doubt
    return Equivalence(mean, mean - half_width, mean + half_width, margin, learnt)


def family_of(student: str, other: str | None, *, offline: bool) -> str:
    """Return the name of a student's family: its architecture, and what its weights begin with.

    Args:
        student: as `parse_student` reads it.
        other: the folder or hub id of the model it is made from; None: that is no folder yet.
        offline: ask no network.

    Raises:
        ConfigError: a student that cannot be read.
        CheckpointError: a folder that is no model.

    >>> family_of("bert:L2,H128", None, offline=True)
    'bert, random weights'
    """
    shape = parse_student(student)
    if isinstance(shape, LstmShape):
        return "bilstm"
    if isinstance(shape, NewShape):
        return "bert, random weights" if shape.embeddings is None else "bert, projection"
    origin: CopyShape | NewShape | LstmShape | ModelPlace = shape
    begins = "from a folder"
    if isinstance(shape, CopyShape):
        begins = _BEGINS[shape.start]
        origin = shape if other is None else parse_student(other)
    if not isinstance(origin, ModelPlace):  # what it is made from is made, or refused, later
        return f"unknown, {begins}"
    config = written_labels(origin.path, NO_OPTIONS, offline=offline)
    return f"{config.get('model_type', '')}, {begins}"


def is_shown_equal(family: str, evidence: Sequence[PrecisionEvidence] | None = None) -> bool:
    """Whether `auto` trains a family with bfloat16 products.

    Definition: it was measured on at least two tasks with at least five seeds, equal within seed
    noise on each of them, and faster on every kind of kernels, those without bfloat16 instructions
    too: on them no one would choose it, and the choice must not depend on them.

    Args:
        family: as `family_of` names it.
        evidence: the table; None: `EVIDENCE`.
    """
    rows = [row for row in (EVIDENCE if evidence is None else evidence) if row.family == family]
    return len({row.task for row in rows}) >= _TASKS and all(
        len(row.float32) >= _SEEDS
        and compare_precisions(row.float32, row.bfloat16).equal
        and row.seconds[1] < row.seconds[0]
        and row.emulated is not None
        and row.emulated[1] < row.emulated[0]
        for row in rows
    )


def price_of(architecture: str, evidence: Sequence[PrecisionEvidence] | None = None) -> str:
    """Describe what bfloat16 products cost and save students of an architecture.

    Args:
        architecture: the first word of its families, like `bert`.
        evidence: the table; None: `EVIDENCE`.
    """
    rows = [
        row
        for row in (EVIDENCE if evidence is None else evidence)
        if row.family.split(",")[0] == architecture
    ]
    if not rows:
        return f"what that costs students of the architecture {architecture} was not measured"
    return "; ".join(price(row) for row in rows)


def price(row: PrecisionEvidence) -> str:
    """Describe one row of the table.

    >>> row = PrecisionEvidence("bert, copied layers", "cola", "", (0.4, 0.5, 0.6), (0.3, 0.5, 0.8),
    ...                (10.0, 8.0), (10.0, 25.0))
    >>> print(price(row))
    bert, copied layers, on cola over 3 seeds: MCC +0.033 (90 % interval -0.224 to +0.291, seeds \
alone +-0.100: not shown equal: too few seeds), time x 0.8, without bfloat16 instructions x 2.5
    """
    result = compare_precisions(row.float32, row.bfloat16)
    verdict = "equal within seed noise" if result.equal else "not shown equal"
    if not result.learnt:
        verdict = "not shown equal: they learnt nothing"
    if len(row.float32) < _SEEDS:
        verdict = "not shown equal: too few seeds"
    slow = ""
    if row.emulated is not None:
        slow = f", without bfloat16 instructions x {row.emulated[1] / row.emulated[0]:.1f}"
    return (
        f"{row.family}, on {row.task} over {len(row.float32)} seeds: MCC {result.mean:+.3f} (90 % "
        f"interval {result.low:+.3f} to {result.high:+.3f}, seeds alone +-{result.margin:.3f}: "
        f"{verdict}), time x {row.seconds[1] / row.seconds[0]:.1f}{slow}"
    )
