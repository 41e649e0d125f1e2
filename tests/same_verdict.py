"""Whether a demo made on this machine says what the committed example says.

Does: compare two results documents of `kdprobe demo`: the same verdict, the same numbers within a
tolerance. Does not: compare bytes. A training is chaotic: other matrix kernels round the last bit
otherwise, and after some hundred steps the weights are those of another seed.

Equal on every processor: sentences, tokens, order, steps, the list of all numbers and n. The first
weights are equal where kernels have vectors (AVX2 and AVX-512 alike); without, 2e-6 apart. Every
score differs as between two seeds. The tolerance of teacher and student is twice what seeds 0 and
1 lay apart (MCC .789 and .813; .696 and .614, the last of one epoch less). The control has no
bound but the student: for hundreds of steps it knows nothing, and when that ends differs from run
to run.

    python -m tests.same_verdict reports/demo reports/example
"""

from __future__ import annotations

import sys
from pathlib import Path

from kdprobe.results.io import read_document
from kdprobe.results.schema import ResultsDocument

TEACHER, STUDENT, CONTROL = "teacher", "kd-student", "control"
TOLERANCE = 0.16
LEAST_MCC = 0.6


def differences(one: ResultsDocument, other: ResultsDocument) -> list[str]:
    """Say in what two demos differ that must not; an empty list is the same verdict."""
    said = [reason for document in (one, other) for reason in _no_verdict(document)]
    if said:
        return said
    if _coordinates(one) != _coordinates(other):
        said.append(f"other numbers: {sorted(_coordinates(one) ^ _coordinates(other))[:5]}")
    ours, theirs = _numbers(one), _numbers(other)
    said += [
        f"{name}: {value:.3f} and {theirs[name]:.3f}"
        for name, value in ours.items()
        if not name.endswith(CONTROL) and abs(value - theirs[name]) > TOLERANCE
    ]
    return said


def _no_verdict(document: ResultsDocument) -> list[str]:
    """Say why a demo does not show that the teacher had learnt and added something."""
    said = []
    numbers = _numbers(document)
    if numbers["mcc of teacher"] <= LEAST_MCC:
        said.append(f"the teacher's MCC is {numbers['mcc of teacher']:.3f}")
    if numbers["agreement of kd-student"] <= numbers["agreement of control"]:
        said.append("the control agrees with the teacher as often as the student")
    notes = [note for note in document.warnings if note.code == "teacher-added"]
    if len(notes) != 1 or not notes[0].message.startswith("What the teacher added: "):
        said.append("nothing says that the teacher added something beyond noise")
    if any(note.code == "unequal-budgets" for note in document.warnings):
        said.append("student and control had unequal budgets")
    return said


def _numbers(document: ResultsDocument) -> dict[str, float]:
    """Give the key numbers: the MCC of all, and agreement and kappa with the teacher."""
    named = {f"mcc of {name}": ("task_scores", "mcc", name) for name in (TEACHER, STUDENT, CONTROL)}
    read = {name: document.find(*place) for name, place in named.items()}
    for name in (STUDENT, CONTROL):
        for metric in ("agreement", "cohens_kappa"):
            read[f"{metric} of {name}"] = document.find("agreement", metric, TEACHER, name)
    missing = [name for name, estimate in read.items() if estimate is None]
    if missing:
        raise ValueError(f"no demo: {', '.join(missing)} is missing")
    return {name: (each.value or 0.0) if each else 0.0 for name, each in read.items()}


def _coordinates(document: ResultsDocument) -> set[tuple[str, ...]]:
    """Name every number of the analyses of a fixed shape."""
    fixed = ("agreement", "task_scores", "probing", "calibration", "overlap", "paired_tests")
    return {
        (result.name, each.metric, each.model_a, each.model_b, each.subset, each.layer)
        for result in document.analyses
        if result.name in fixed
        for each in result.estimates
    }


if __name__ == "__main__":
    reasons = differences(*(read_document(Path(place)) for place in sys.argv[1:3]))
    print("\n".join(reasons) or "the same verdict")
    sys.exit(bool(reasons))
