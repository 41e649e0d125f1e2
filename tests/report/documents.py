"""Results documents as real runs give them: the report's test data.

Does: build a whole document (three models, confusions, reliability, forests, exemplary cases) of
any size and number of labels, its hostile twin, a regression, and sparse ones. Does not: compute
statistics.
"""

from __future__ import annotations

from kdprobe.results.schema import (
    AnalysisResult,
    Estimate,
    Example,
    ExamplePrediction,
    ModelInfo,
    Notice,
    ProducedBy,
    Request,
    ResultsDocument,
    Skipped,
    TaskInfo,
)
from tests.report.maker import Maker, metric
from tests.report.parts import exemplary_cases, overlap, slices, student_gaps

HOSTILE = '</script><script>window.ran=1</script><img src=x onerror="window.ran=1">'
ATTACKS = (
    HOSTILE,
    "'\"><svg onload=window.ran=1>",
    "{{ 7 * 7 }} {% raw %}",
    "[/red]\x1b[31mred\x1b[0m [link=http://evil.example]x[/link]",
    "javascript:window.ran=1",
    "\u202eright to left\u202c \u2028 \u2029 \x00 ]]> <!-- -->",
    '=HYPERLINK("http://evil.example","x")',
    "http://evil.example/track.png?<b>&amp;&lt;",
)
NAMES = ("bert-base", "student-6l", "student-4l", "bilstm")


def examples(run: Maker, *, probabilities: bool = True) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=run.ids[i],
            text=run.texts[i],
            label=int(run.gold[i]),
            columns={"source": ("ab", "gj", "ks")[i % 3], "words": str(run.lengths[i])},
            predictions=tuple(
                ExamplePrediction(
                    model=name,
                    label=int(run.predicted[j][i]),
                    confidence=float(run.probabilities[j][i].max()) if probabilities else None,
                    probabilities=tuple(run.probabilities[j][i].tolist()) if probabilities else (),
                )
                for j, name in enumerate(run.names)
            ),
        )
        for i in range(run.n)
    )


def models(names: tuple[str, ...]) -> tuple[ModelInfo, ...]:
    return tuple(
        ModelInfo(
            name=name,
            role="teacher" if i == 0 else "student",
            source="transformers",
            folder=name,
            architecture="bert L12 H768",
            fingerprint=f"{i:04x}" * 16,
            parameters=109_482_240 // (i + 1),
        )
        for i, name in enumerate(names)
    )


def build(
    *,
    n: int = 200,
    labels: tuple[str, ...] = ("unacceptable", "acceptable"),
    names: tuple[str, ...] = NAMES[:3],
    seed: int = 7,
    probabilities: bool = True,
) -> ResultsDocument:
    """Build a document with every analysis of predictions."""
    run = Maker(n, labels, names, seed)
    analyses = [
        run.scores(),
        run.agreement(),
        run.tests(),
        overlap(run),
        slices(run),
        exemplary_cases(run),
        student_gaps(run),
    ]
    skipped = [
        Skipped(
            what="attribution_agreement",
            reason="left out of this run; add it with --only attribution_agreement",
        )
    ]
    if probabilities:
        analyses += [run.confidence(), run.calibration()]
    else:
        reason = "only predicted labels are known of this model, no probabilities"
        skipped += [
            Skipped(what=what, reason=reason, models=names[1:], requested=True)
            for what in ("confidence", "calibration")
        ]
    return ResultsDocument(
        produced_by=ProducedBy(
            kdprobe="0.1.0",
            python="3.12.1",
            platform="Linux x86_64",
            packages={"numpy": "2.3", "torch": "2.13"},
            threads=2,
            device="cpu",
            dtype="float32",
            created="2026-01-05T10:00:00Z",
        ),
        request=Request(
            command=f"kdprobe compare {' '.join(names)} --task cola",
            seed=1,
            options={"limit": None, "resamples": 2000},
        ),
        task=TaskInfo(
            name="cola",
            version=1,
            kind="classification",
            labels=labels,
            primary_score="accuracy",
            split="dev",
            n=n,
            fingerprint="0f" * 32,
            label_counts={label: int((run.gold == i).sum()) for i, label in enumerate(labels)},
            description="Is this sentence acceptable English?",
        ),
        models=models(names),
        analyses=tuple(analyses),
        examples=examples(run, probabilities=probabilities),
        examples_total=n,
        skipped=tuple(skipped),
        timings={"predictions": 12.25, "analyses": 1.5},
        warnings=(
            Notice(
                code="labels",
                severity="warning",
                models=names[1:2],
                message="LABEL_0 was taken for unacceptable, as asked by --map-labels.",
            ),
        ),
    )


def alarmed(document: ResultsDocument) -> ResultsDocument:
    """Add an alarm, as misaligned rows raise it."""
    alarm = Notice(
        code="misaligned",
        severity="alarm",
        models=NAMES[1:2],
        message="kappa is 0.01 though both models beat the majority class: the rows are "
        "probably not aligned.",
    )
    return document.model_copy(update={"warnings": (*document.warnings, alarm)})


def many_labels(n: int = 300) -> ResultsDocument:
    """Build a task of 57 labels."""
    return build(n=n, labels=tuple(f"intent/{i:02d} ask" for i in range(57)))


def hostile(n: int = 60) -> ResultsDocument:
    """Build the twin whose every foreign string attacks the page."""
    names = tuple(f"{attack} {i}" for i, attack in enumerate(ATTACKS[:3]))
    document = build(n=n, labels=ATTACKS[:4], names=names)
    spoilt = tuple(
        example.model_copy(
            update={
                "text": ATTACKS[i % len(ATTACKS)],
                "text_pair": ATTACKS[(i + 1) % len(ATTACKS)],
                "columns": {HOSTILE: ATTACKS[i % 3], '"><b>': "x"},
                "id": f"{ATTACKS[i % len(ATTACKS)]}{i}" if i % 2 else example.id,
            }
        )
        for i, example in enumerate(document.examples)
    )
    probing = AnalysisResult(
        name="probing",
        version=1,
        title=HOSTILE,
        caption=HOSTILE,
        notes=ATTACKS,
        metrics=(metric("accuracy", HOSTILE, ATTACKS[1]),),
        estimates=(
            Estimate(metric="accuracy", model_a=names[0], undefined=HOSTILE, subset=HOSTILE),
            Estimate(
                metric="accuracy",
                model_a=names[1],
                value=0.5,
                note=HOSTILE,
                interval=HOSTILE,
                low=0.4,
                high=0.6,
                layer=HOSTILE,
            ),
        ),
        warnings=(Notice(code="x", severity="alarm", message=HOSTILE, models=ATTACKS),),
    )
    changed = {
        "examples": spoilt,
        "analyses": (*document.analyses, probing),
        "task": document.task.model_copy(
            update={
                "name": HOSTILE,
                "description": HOSTILE,
                "citation": HOSTILE,
                "split": HOSTILE,
                "label_counts": {HOSTILE: 3},
            }
        ),
        "request": Request(
            command=f"kdprobe compare {HOSTILE}", seed=0, options={HOSTILE: list(ATTACKS)}
        ),
        "warnings": (
            Notice(code="y", severity="warning", message=HOSTILE, models=ATTACKS),
            # Of one kind, which the page joins.
            *(
                Notice(code=HOSTILE, severity="warning", message=f"{a} took {i}", models=(a,))
                for i, a in enumerate(ATTACKS)
            ),
        ),
        "skipped": (Skipped(what=HOSTILE, reason=HOSTILE, models=ATTACKS, requested=True),),
        "timings": {HOSTILE: 1.0},
    }
    return document.model_copy(update=changed)


def regression(n: int = 120) -> ResultsDocument:
    """Build a task of scores: no labels, no confusion, no calibration."""
    document = build(n=n)
    scored = tuple(
        example.model_copy(
            update={
                "label": None,
                "score": round(i % 50 / 10, 1),
                "predictions": tuple(
                    ExamplePrediction(model=p.model, score=round(i % 50 / 10 + 0.3 * j, 2))
                    for j, p in enumerate(example.predictions)
                ),
            }
        )
        for i, example in enumerate(document.examples)
    )
    run = Maker(n, ("a", "b"), NAMES[:3], 1)
    scores = AnalysisResult(
        name="task_scores",
        version=1,
        title="Task scores",
        metrics=(metric("pearson", "Pearson correlation"),),
        estimates=tuple(
            run.estimate("pearson", name, 0.8 - 0.05 * i) for i, name in enumerate(NAMES[:3])
        ),
    )
    task = document.task.model_copy(
        update={
            "kind": "regression",
            "labels": (),
            "label_counts": {},
            "primary_score": "pearson",
            "name": "stsb",
        }
    )
    skipped = Skipped(what="agreement", reason="a regression predicts numbers, not labels")
    return document.model_copy(
        update={"task": task, "analyses": (scores,), "examples": scored, "skipped": (skipped,)}
    )


def without_intervals(document: ResultsDocument) -> ResultsDocument:
    """Return the document with bare numbers: no interval, no test."""
    bare: dict[str, None] = dict.fromkeys(("low", "high", "p_value", "q_value"))
    analyses = tuple(
        result.model_copy(
            update={
                "estimates": tuple(n.model_copy(update=bare) for n in result.estimates),
                "gaps": tuple(
                    gap.model_copy(update={"low": None, "high": None, "q_value": None})
                    for gap in result.gaps
                ),
            }
        )
        for result in document.analyses
    )
    return document.model_copy(update={"analyses": analyses})
