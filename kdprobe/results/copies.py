"""Which students are the teacher itself: rounded, exported or named twice, and not trained.

Does: tell such copies from models that learnt, so that nothing is said of what a teacher added to
them. Does not: compare outputs; `comparison/parity.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kdprobe.results.schema import Notice, ResultsDocument

PARITY = "parity"
"""The code of what is known of a converted model's outputs beside its original's."""
WITH_WEIGHTS = frozenset({"transformers", "ONNX folder", "loaded model"})
"""The kinds of models whose fingerprint is of weights; those of answers may be equal by chance."""
OF_LEARNERS = frozenset({"teacher-added", "unequal-budgets", "asymmetric-transfer"})
"""The codes of notices on what a student, named first, learnt beside a control."""


def copies_of(
    teacher: str, fingerprints: Mapping[str, str], notices: Iterable[Notice]
) -> frozenset[str]:
    """Return the models that have the teacher's own weights.

    Definition: those of the teacher's fingerprint, which is of the stored weights (so a model that
    is rounded as it is opened has it, too), and those whose logits were found to be the teacher's
    up to rounding (an exported graph, which has a fingerprint of its own).

    Args:
        teacher: its name.
        fingerprints: of the models that have weights, by name; an empty one is unknown.
        notices: of the comparison.

    >>> found = Notice(code=PARITY, severity="note", message="", models=("onnx", "t"))
    >>> sorted(copies_of("t", {"t": "1f", "int8": "1f", "s": "2e", "onnx": "3d"}, [found]))
    ['int8', 'onnx']
    """
    own = fingerprints.get(teacher, "")
    same = {name for name, one in fingerprints.items() if own and one == own}
    parity = (n.models for n in notices if n.code == PARITY and n.severity == "note")
    return frozenset(same | {pair[0] for pair in parity if pair[1:] == (teacher,)}) - {teacher}


def copies(document: ResultsDocument) -> frozenset[str]:
    """Return the students of a document that are its teacher's copies."""
    fingerprints = {m.name: m.fingerprint for m in document.models if m.source in WITH_WEIGHTS}
    return copies_of(document.teacher.name, fingerprints, document.warnings)
