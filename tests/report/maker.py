"""One synthetic run made from a seed, in the shapes that the analyses give.

Does: draw labels and logits and fill estimates, matrices and curves from them. Does not: stand for
any real model, nor repeat the analyses' arithmetic where a plausible number will do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Matrix, Metric, Series

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WORDS = (
    *("the", "cat", "cats", "dog", "dogs", "that", "which", "who", "saw", "see", "sees", "sleeps"),
    *("sleep", "often", "never", "a", "an", "quickly", "book", "books", "read", "reads", "about"),
    *("in", "on", "was", "were", "is", "are", "students", "teacher", "writes", "wrote", "long"),
)


def interval(value: float, n: int) -> tuple[float, float]:
    half = 1.96 * (max(value * (1 - value), 1e-4) / n) ** 0.5
    return value - half, value + half


def metric(name: str, label: str, unit: str = "", **facts: float | bool) -> Metric:
    return Metric.model_validate(
        {
            "name": name,
            "label": label,
            "definition": f"What {label} is, in one sentence.",
            "unit": unit,
            **facts,
        }
    )


class Maker:
    """One synthetic run: gold labels, logits, and the analyses' shapes filled from them."""

    def __init__(self, n: int, labels: tuple[str, ...], names: tuple[str, ...], seed: int) -> None:
        self.n, self.labels, self.names = n, labels, names
        random = np.random.Generator(np.random.PCG64(seed))
        self.random = random
        classes = len(labels)
        weights = np.array([2.2, *([1.0] * (classes - 1))])
        self.gold = random.choice(classes, size=n, p=weights / weights.sum())
        shared = random.normal(size=(n, classes))
        self.logits: list[Floats] = []
        for rank in range(len(names)):
            own = random.normal(size=(n, classes))
            logits = 0.9 * shared + (0.55 + 0.2 * rank) * own
            logits[np.arange(n), self.gold] += 2.2 - 0.35 * rank
            self.logits.append(logits * 1.3)
        self.probabilities = [self.softmax(logits) for logits in self.logits]
        self.predicted: list[Ints] = [p.argmax(axis=1) for p in self.probabilities]
        self.hits = [predicted == self.gold for predicted in self.predicted]
        self.lengths = random.integers(3, 18, size=n)
        self.texts = [
            " ".join(random.choice(WORDS, size=length)).capitalize() + "."
            for length in self.lengths
        ]
        self.ids = [str(i) for i in range(n)]

    @staticmethod
    def softmax(logits: Floats) -> Floats:
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = shifted / shifted.sum(axis=1, keepdims=True)
        return probabilities

    def estimate(self, name: str, a: str, value: float, b: str = "", **more: object) -> Estimate:
        low, high = interval(value, self.n)
        fields = {
            "metric": name,
            "model_a": a,
            "model_b": b,
            "value": value,
            "low": low,
            "high": high,
            "n": self.n,
            "interval": "paired bootstrap, percentile, B = 2,000",
        }
        return Estimate.model_validate(fields | more)

    def scores(self) -> AnalysisResult:
        estimates = []
        for name, hits in zip(self.names, self.hits, strict=True):
            accuracy = float(hits.mean())
            estimates.append(self.estimate("accuracy", name, accuracy))
            estimates.append(self.estimate("mcc", name, max(0.0, 2 * accuracy - 1.1)))
            estimates.append(
                Estimate(metric="f1", model_a=name, undefined="no label of this task is positive")
            )
            estimates += [
                self.estimate("recall", name, accuracy, subset=f"label {label}")
                for label in self.labels
            ]
        metrics = (
            metric(
                "accuracy", "accuracy", "share", minimum=0.0, maximum=1.0, higher_is_better=True
            ),
            metric("mcc", "Matthews correlation"),
            metric("f1", "F1"),
            metric("recall", "recall", "share"),
        )
        return AnalysisResult(
            name="task_scores",
            version=1,
            title="Task scores",
            metrics=metrics,
            estimates=tuple(estimates),
        )

    def agreement(self) -> AnalysisResult:
        estimates, matrices = [], []
        for i, a in enumerate(self.names):
            for j in range(i + 1, len(self.names)):
                b = self.names[j]
                same = float((self.predicted[i] == self.predicted[j]).mean())
                kappa = 2 * same - 1.05
                estimates += [
                    self.estimate("agreement", a, same, b),
                    self.estimate("cohens_kappa", a, kappa, b),
                    self.estimate("kappa_attainable_low", a, -0.2135, b, low=None, high=None),
                    self.estimate("kappa_attainable_high", a, 0.9866, b, low=None, high=None),
                    self.estimate("kl", a, 0.2 + 0.05 * j, b, note="teacher first"),
                ]
                if i == 0:
                    matrices.append(self.confusion(i, j))
        estimates.append(
            self.estimate(
                "cohens_kappa", self.names[0], 0.71, self.names[0], subset="between seeds"
            )
        )
        metrics = (
            metric("agreement", "agreement", "share"),
            metric("cohens_kappa", "Cohen's kappa"),
            metric("kappa_attainable_low", "lowest attainable kappa"),
            metric("kappa_attainable_high", "highest attainable kappa"),
            metric("kl", "KL divergence", "nats"),
        )
        return AnalysisResult(
            name="agreement",
            version=1,
            title="Agreement of predictions",
            caption="How often two models say the same.",
            metrics=metrics,
            estimates=tuple(estimates),
            matrices=tuple(matrices),
        )

    def confusion(self, i: int, j: int) -> Matrix:
        table = np.zeros((len(self.labels), len(self.labels)), dtype=int)
        np.add.at(table, (self.predicted[i], self.predicted[j]), 1)
        return Matrix(
            name=f"confusion:{self.names[j]}",
            title=f"Predictions of {self.names[0]} and {self.names[j]}",
            row_title=self.names[0],
            column_title=self.names[j],
            rows=self.labels,
            columns=self.labels,
            unit="examples",
            values=tuple(tuple(float(v) for v in row) for row in table),
        )

    def tests(self) -> AnalysisResult:
        estimates = [
            self.estimate(
                "mcnemar",
                self.names[0],
                0.02,
                name,
                p_value=0.004,
                q_value=0.012,
                note="exact below 25 discordant pairs",
            )
            for name in self.names[1:]
        ]
        return AnalysisResult(
            name="paired_tests",
            version=1,
            title="Paired tests",
            metrics=(metric("mcnemar", "McNemar"),),
            estimates=tuple(estimates),
        )

    def confidence(self) -> AnalysisResult:
        best = [p.max(axis=1) for p in self.probabilities]
        estimates, curves = [], []
        for j, name in enumerate(self.names[1:], start=1):
            estimates.append(self.estimate("spearman", self.names[0], 0.6 - 0.1 * j, name))
            curves.append(
                Curve(
                    name=f"scatter_{name}",
                    title=f"Confidence of {self.names[0]} and {name}",
                    caption="One mark per example; it leads to the example.",
                    kind="scatter",
                    x_title=f"confidence of {self.names[0]}",
                    y_title=f"confidence of {name}",
                    series=(
                        Series(
                            name=name,
                            x=tuple(best[0].tolist()),
                            y=tuple(best[j].tolist()),
                            labels=tuple(self.ids),
                        ),
                    ),
                )
            )
        return AnalysisResult(
            name="confidence",
            version=1,
            title="Confidence",
            metrics=(metric("spearman", "Spearman of confidences"),),
            estimates=tuple(estimates),
            curves=tuple(curves),
        )

    def calibration(self) -> AnalysisResult:
        series, estimates = [], []
        for name, p, hits in zip(self.names, self.probabilities, self.hits, strict=True):
            best = p.max(axis=1)
            bins = np.minimum((best * 15).astype(int), 14)
            filled = [b for b in range(15) if (bins == b).any()]
            series.append(
                Series(
                    name=name,
                    x=tuple(float(best[bins == b].mean()) for b in filled),
                    y=tuple(float(hits[bins == b].mean()) for b in filled),
                    counts=tuple(int((bins == b).sum()) for b in filled),
                )
            )
            estimates.append(self.estimate("calibration_error", name, 0.0734, n=self.n))
        curve = Curve(
            name="reliability",
            title="Reliability",
            kind="reliability",
            x_title="confidence",
            y_title="accuracy",
            series=tuple(series),
        )
        return AnalysisResult(
            name="calibration",
            version=1,
            title="Calibration",
            metrics=(metric("calibration_error", "Calibration error", higher_is_better=False),),
            estimates=tuple(estimates),
            curves=(curve,),
        )
