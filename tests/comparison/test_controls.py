"""Tests of students beside controls: equal budgets, and what the teacher added."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

import kdprobe
from kdprobe.analysis.agreement.difference import agreement_difference
from kdprobe.comparison.controls import (
    Budget,
    control_notices,
    gain_sentence,
    pairs_of,
    teacher_added,
    unequal_budgets,
)
from kdprobe.comparison.nearness import nearness
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from tests.analysis.studies import binary, regression, several_seeds
from tests.cli.scene import checkpoint, write_task


def record(kind: str, steps: Any, batch: Any = 32, **more: Any) -> dict[str, Any]:
    training = {"batch_size": batch, "gradient_accumulation": 1}
    plan: dict[str, Any] = {"training": training}
    if kind == "distill":
        plan = {"recipe": {"training": training, "stages": []}}
    return {"kind": kind, "steps": steps, "task": "cola", "plan": plan, **more}


def test_the_readmes_unequal_budgets_are_told() -> None:
    """Guards the published mistake: 2,680 steps of distilling beside 804 of the control."""
    (notice,) = unequal_budgets(
        {"student": record("distill", 2680), "control": record("finetune", 804)}
    )
    assert (notice.severity, notice.models) == ("warning", ("student", "control"))
    assert notice.message == (
        "student learnt for 2,680 steps of 32 examples, control, which had no teacher, for 804 "
        "steps of 32 examples: what lies between them is not the teacher's alone "
        "(`finetune` with `like` trains a control of equal budget)."
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        (record("distill", 100), record("finetune", 110), False),  # a tenth is let pass
        (record("distill", 100), record("finetune", 111), True),
        (record("distill", 111), record("finetune", 100), True),
        (record("distill", 100), record("finetune", 100, batch=64), True),  # twice the examples
        (record("distill", 100, batch=64), record("finetune", 200), True),  # half the steps
        (record("distill", 100), record("finetune", 900) | {"task": "sst2"}, False),
        (record("distill", 100), record("distill", 900), False),  # neither is a control
        (record("finetune", 100), record("finetune", 900), False),
        (record("distill", None), record("finetune", 900), False),
        (record("distill", "many"), record("finetune", 900), False),
        (record("distill", 100) | {"plan": None}, record("finetune", 900), True),
        (record("distill", 100) | {"plan": {"recipe": []}}, record("finetune", 100), False),
        ({}, {}, False),
    ],
)
def test_which_budgets_differ(ours: dict[str, Any], theirs: dict[str, Any], told: bool) -> None:
    """Guards both sides of a tenth, and records that are foreign or half there."""
    assert bool(unequal_budgets({"a": ours, "b": theirs})) is told


def test_a_stages_own_batch_size_counts() -> None:
    """Guards recipes in stages: the last stage's settings are the student's."""
    staged = record("distill", 10)
    staged["plan"]["recipe"]["stages"] = [{"training": {}}, {"training": {"batch_size": 8}}]
    assert Budget.of(staged) == Budget(10, 8)


def test_the_difference_is_the_paired_one() -> None:
    """Guards the sign, the value, the test and the pairing against a plain computation."""
    study = binary(400, resamples=4000)
    teacher, near, far = (model.first.predicted for model in study.models)
    gain = agreement_difference(study, *study.students)
    ours, theirs = near == teacher, far == teacher
    assert gain.value == pytest.approx(float(ours.mean() - theirs.mean()), abs=1e-15)
    discordant = int((ours ^ theirs).sum())
    assert discordant >= 25
    exact = binomtest(int((ours & ~theirs).sum()), discordant).pvalue
    assert gain.p_value == pytest.approx(exact, rel=0.2)  # chi-square with continuity correction
    drawn = np.random.default_rng(0)
    difference = ours.astype(float) - theirs
    means = difference[drawn.integers(0, 400, size=(4000, 400))].mean(axis=1)
    assert (gain.low, gain.high) == pytest.approx(
        tuple(np.quantile(means, [0.025, 0.975])), abs=8e-3
    )
    back = agreement_difference(study, *reversed(study.students))
    ends = [-each for each in (gain.value, gain.high, gain.low) if each is not None]
    assert [back.value, back.low, back.high] == pytest.approx(ends)
    assert agreement_difference(study, study.students[0], study.students[0]).value == 0


def test_several_seeds_have_an_interval_and_no_test() -> None:
    """Guards McNemar's test on runs that are not independent examples."""
    study = several_seeds()
    gain = agreement_difference(study, *study.students)
    assert gain.p_value is None
    assert gain.low is not None


def test_what_is_said_of_it() -> None:
    """Guards the sentence of the first screen, and a difference within noise beside a real one."""
    gain = Estimate(
        metric="agreement_difference", model_a="s", model_b="c", value=0.083, low=0.055,
        high=0.112, n=1000, p_value=1e-6,
    )  # fmt: skip
    told = (
        "What the teacher added: s's agreement with it is 0.083 [0.055, 0.112] above that of c, "
        "which had no teacher (n = 1,000, McNemar's p < .001)"
    )
    assert gain_sentence(gain) == told + "."
    noise = gain.model_copy(update={"low": -0.01, "p_value": 0.2})
    assert gain_sentence(noise).endswith("McNemar's p = .200); the two cannot be told apart.")


def trained(folder: Path, kind: str, steps: int) -> ModelSpec:
    folder.mkdir()
    (folder / "kdprobe.json").write_text(json.dumps(record(kind, steps)))
    return ModelSpec(folder.name, (str(folder),))


def named(study: Study, *names: str) -> Study:
    models = [
        replace(model, name=name)
        for model, name in zip(study.models, ("teacher", *names), strict=True)
    ]
    return replace(study, models=tuple(models))


def test_folders_are_read(tmp_path: Path) -> None:
    """Guards the way from a model's folder to the report."""
    specs = [trained(tmp_path / "s", "distill", 40), trained(tmp_path / "c", "finetune", 10)]
    study = named(binary(), "s", "c")
    notices = control_notices(specs, study)
    assert [notice.code for notice in notices] == ["unequal-budgets", "teacher-added"]
    assert notices[1].message.startswith("What the teacher added: s's agreement with it is ")
    foreign = [ModelSpec("s", (str(tmp_path),)), ModelSpec("c", (str(tmp_path / "no.tsv"),))]
    assert control_notices(foreign, study) == ()
    (tmp_path / "s" / "kdprobe.json").write_text("[1")
    assert control_notices(specs, study) == ()


def test_a_regression_has_no_labels_to_share() -> None:
    """Guards agreement of numbers: no two are equal, and a difference of 0 would be printed."""
    study = named(regression(), "s", "c")
    records = {"s": record("distill", 10), "c": record("finetune", 10)}
    assert pairs_of(records) == [("s", "c")]
    assert teacher_added(study, records) == ()


def test_nearness_is_the_comparisons_number(tmp_path: Path) -> None:
    """Guards a verdict of other numbers than the report that follows it."""
    task = write_task(tmp_path)
    places = [checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate("tsc")]
    gain = nearness(*places, task=str(task), resamples=200)
    document = kdprobe.compare(
        str(places[0]), [str(place) for place in places[1:]], task=str(task), only=["agreement"],
        resamples=200, device="cpu",
    ).document  # fmt: skip
    shares = [document.find("agreement", "agreement", "t", name) for name in "sc"]
    values = [share.value for share in shares if share is not None and share.value is not None]
    assert gain.value == pytest.approx(values[0] - values[1])
    assert (gain.model_a, gain.model_b, gain.n) == ("s", "c", 60)
