"""Documents of sweeps as real ones give them: the test data of their page.

Does: build three students of two seeds, a failed run and a teacher, and a hostile twin. Does not:
compute statistics.
"""

from __future__ import annotations

from kdprobe.results.schema import (
    Estimate,
    Metric,
    ModelInfo,
    Notice,
    ProducedBy,
    Request,
    TaskInfo,
)
from kdprobe.results.sweep import Front, SweepAxis, SweepDocument, SweepRun
from tests.report.documents import ATTACKS, HOSTILE

LABELS = {
    "mcc": ("MCC", ""), "agreement": ("Agreement", "share"), "cohens_kappa": ("Cohen's kappa", ""),
    "kl": ("KL divergence, mean", "nats"), "parameters": ("Parameters", "parameters"),
    "bytes": ("Bytes", "bytes"), "throughput": ("Sentences a second", "sentences/s"),
    "latency_p50": ("Latency, median", "ms"), "score_difference": ("MCC: difference", ""),
}  # fmt: skip
NUMBERS: dict[str, dict[str, float]] = {
    "teacher": {"mcc": 0.52, "parameters": 22.7e6, "throughput": 60.0},
    "layers=1": {"mcc": 0.21, "agreement": 0.71, "parameters": 13.8e6, "throughput": 310.0},
    "layers=2": {"mcc": 0.20, "agreement": 0.74, "parameters": 15.6e6, "throughput": 170.0},
    "layers=3": {"mcc": 0.38, "agreement": 0.82, "parameters": 17.4e6, "throughput": 115.0},
}


def estimates() -> tuple[Estimate, ...]:
    found = []
    for model, values in NUMBERS.items():
        for metric, value in {**values, "bytes": 4 * values["parameters"]}.items():
            beside = metric == "agreement"
            spread = {"mcc": 0.06, "agreement": 0.03, "throughput": 9.0}.get(metric)
            found.append(
                Estimate(
                    metric=metric,
                    model_a="teacher" if beside else model,
                    model_b=model if beside else "",
                    value=value,
                    low=None if spread is None else value - spread,
                    high=None if spread is None else value + spread,
                    interval="percentile bootstrap over examples and over the 2 seeds",
                    n=1043,
                )
            )
        found.append(Estimate(metric="latency_p50", model_a=model, undefined="not timed"))
    return tuple(found)


def difference(
    a: str, b: str, value: float, q: float, metric: str = "score_difference"
) -> Estimate:
    return Estimate(
        metric=metric, model_a=a, model_b=b, value=value, low=value - 0.05,
        high=value + 0.05, p_value=q / 3, q_value=q, n=1043,
    )  # fmt: skip


def document(teacher_folder: str = "teacher", student: str = "layers=3") -> SweepDocument:
    """A sweep over three depths and two seeds; four layers could not be made."""
    rename = {"layers=3": student}
    models = tuple(
        ModelInfo(
            name=rename.get(name, name),
            role="teacher" if name == "teacher" else "student",
            source="transformers",
            folder=teacher_folder if name == "teacher" else name,
            runs=1 if name == "teacher" else 2,
        )
        for name in NUMBERS
    )
    runs = [
        SweepRun(
            name=f"layers-{layers}_seed-{seed}", student=rename.get(name, name), seed=seed,
            values={"layers": layers, "seed": str(seed)}, steps=47, seconds=12.5,
            scores={"mcc": NUMBERS[name]["mcc"] + (0.02 if seed == 1 else -0.02)},
            fidelity={"agreement": NUMBERS[name]["agreement"]}, fingerprint="ab12",
        )
        for name in list(NUMBERS)[1:]
        for layers in [name[-1]]
        for seed in (1, 2)
    ]  # fmt: skip
    runs.append(
        SweepRun(name="layers-9_seed-1", student="layers=9", seed=1,
                 values={"layers": "9", "seed": "1"}, failed="9 layers, expected at most 6")
    )  # fmt: skip

    def front(name: str, gain: str, cost: str, *students: str) -> Front:
        named = tuple(rename.get(student, student) for student in students)
        return Front(name=name, gain=gain, cost=cost, cost_falls=cost == "parameters",
                     students=named, finding=f"Nobody beats {', '.join(named)}.")  # fmt: skip

    return SweepDocument(
        produced_by=ProducedBy(kdprobe="0", python="3", platform="Linux x86_64"),
        request=Request(command="kdprobe distill teacher --sweep 'layers=1,2,3'", seed=0),
        task=TaskInfo(
            name="cola", version=1, kind="classification", labels=("unacceptable", "acceptable"),
            primary_score="mcc", split="dev", n=1043, fingerprint="f" * 64,
        ),
        score="mcc",
        closeness="agreement",
        axes=(SweepAxis(key="layers", values=("1", "2", "3", "9")),
              SweepAxis(key="seed", values=("1", "2"))),
        teacher=models[0],
        students=models[1:],
        runs=tuple(runs),
        metrics=tuple(
            Metric(name=name, label=label, unit=unit, definition=f"What {label} means.")
            for name, (label, unit) in LABELS.items()
        ),
        estimates=tuple(
            e.model_copy(update={"model_a": rename.get(e.model_a, e.model_a),
                                 "model_b": rename.get(e.model_b, e.model_b)})
            for e in estimates()
        ),
        differences=(
            difference(student, "layers=1", 0.17, 0.001), difference(student, "layers=2", 0.18, 0.2)
        ),
        closeness_differences=(
            difference(student, "layers=2", 0.021, 0.04, "agreement_difference"),
        ),
        fronts=(
            front("score-parameters", "mcc", "parameters", "layers=1", "layers=3"),
            front("score-throughput", "mcc", "throughput", "layers=1", "layers=3"),
            front("closeness-parameters", "agreement", "parameters", "layers=1", "layers=2",
                  "layers=3"),
        ),
        sentences=("One sentence.", "Another."),
        notices=(Notice(code="truncated", severity="warning", message="Some were cut."),),
        pace="Speed: on 1 CPU thread.",
    )  # fmt: skip


def hostile() -> SweepDocument:
    """The same with names that attack wherever a name is shown."""
    made = document(teacher_folder=HOSTILE, student="'\"><svg onload=window.ran=1>")
    task = made.task.model_copy(update={"name": ATTACKS[2], "description": HOSTILE})
    runs = [run.model_copy(update={"failed": HOSTILE}) for run in made.runs[-1:]]
    return made.model_copy(
        update={"task": task, "runs": (*made.runs[:-1], *runs), "sentences": ATTACKS}
    )
