"""Tests of students beside controls: equal budgets, and what the teacher added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.analysis.student_differences.pairs import Difference
from kdprobe.comparison.controls import (
    Budget,
    Records,
    control_notices,
    controls_of,
    gain_sentence,
    pairs_of,
    teacher_added,
    unequal_budgets,
)
from kdprobe.comparison.nearness import nearness
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.controls import Controls
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate, Notice
from kdprobe.stats.differences import Adjusted
from tests.analysis.studies import binary, regression, several_seeds
from tests.cli.scene import checkpoint, write_task


def record(kind: str, steps: Any, batch: Any = 32, **more: Any) -> dict[str, Any]:
    training = {"batch_size": batch, "gradient_accumulation": 1}
    plan: dict[str, Any] = {"training": training}
    if kind == "distill":
        plan = {"recipe": {"training": training, "stages": []}}
    return {"kind": kind, "steps": steps, "task": "cola", "plan": plan, **more}


def budgets(records: Records) -> tuple[Notice, ...]:
    return unequal_budgets(pairs_of(records), records)


def test_the_readmes_unequal_budgets_are_told() -> None:
    """Guards the published mistake: 2,680 steps of distilling beside 804 of the control."""
    (notice,) = budgets({"student": record("distill", 2680), "control": record("finetune", 804)})
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
    assert bool(budgets({"a": ours, "b": theirs})) is told


def test_a_stages_own_batch_size_counts() -> None:
    """Guards recipes in stages: the last stage's settings are the student's."""
    staged = record("distill", 10)
    staged["plan"]["recipe"]["stages"] = [{"training": {}}, {"training": {"batch_size": 8}}]
    assert Budget.of(staged) == Budget(10, 8)


def gain(value: float | None, low: float, high: float, **more: Any) -> Difference:
    number = Estimate(
        metric="agreement", model_a="s", model_b="c", value=value,
        low=None if value is None else low, high=None if value is None else high, n=1000, **more,
    )  # fmt: skip
    return Difference(number, Adjusted(number.q_value, number.low, number.high))


def test_what_is_said_of_it() -> None:
    """Guards the sentence of the first screen: a gain, a loss, noise, and no number at all."""
    said = gain_sentence(gain(0.083, 0.055, 0.112, p_value=1e-6, q_value=1e-6))
    assert said == (
        "What the teacher added: s's agreement with it is 0.083 [0.055, 0.112] above that of c, "
        "which had no teacher (n = 1,000, exact McNemar p < .001)."
    )
    noise = gain_sentence(gain(-0.01, -0.03, 0.01, p_value=0.2, q_value=0.6), family=3)
    assert noise == (
        "What the teacher added is nothing that can be told from noise: s's agreement with it is "
        "0.010 [−0.010, 0.030] below that of c, which had no teacher (n = 1,000, exact McNemar p "
        "= .200, q = .600 over 3 pairs of students)."
    )
    less = gain_sentence(gain(-0.05, -0.08, -0.02, p_value=1e-6, q_value=1e-6))
    assert less.startswith("The teacher added nothing: s's agreement with it is 0.050 [0.020, 0.08")
    unknown = gain(None, 0, 0, undefined="the scores of c are all equal")
    assert gain_sentence(unknown) == (
        "What the teacher added to s is not known: the scores of c are all equal."
    )
    alone = gain(0.083, 0.055, 0.112, p_value=0.04, q_value=0.12)  # one of several pairs
    assert "told from noise" in gain_sentence(alone, family=3)


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


def noticed(specs: Sequence[ModelSpec], study: Study, control: str | None = None) -> list[Notice]:
    """What a comparison of these models would tell of controls."""
    return list(control_notices(specs, study.with_observations(controls_of(control, specs))))


def test_folders_are_read(tmp_path: Path) -> None:
    """Guards the way from a model's folder to the report."""
    specs = [trained(tmp_path / "s", "distill", 40), trained(tmp_path / "c", "finetune", 10)]
    study = named(binary(), "s", "c")
    assert controls_of(None, specs) == Controls((("s", "c"),))
    notices = noticed(specs, study)
    assert [notice.code for notice in notices] == ["unequal-budgets", "teacher-added"]
    assert "s's agreement with it is " in notices[1].message
    foreign = [ModelSpec("s", (str(tmp_path),)), ModelSpec("c", (str(tmp_path / "no.tsv"),))]
    assert noticed(foreign, study) == []
    (tmp_path / "s" / "kdprobe.json").write_text("[1")
    assert noticed(specs, study) == []


def test_a_named_control_is_that_of_all(tmp_path: Path) -> None:
    """Guards `control`: no record is needed, budgets are compared all the same."""
    specs = [trained(tmp_path / "s", "distill", 40), trained(tmp_path / "c", "finetune", 10)]
    study = named(binary(), "s", "c")
    assert [each.code for each in noticed(specs, study, "c")] == [
        "unequal-budgets", "teacher-added",
    ]  # fmt: skip
    turned = noticed(specs, study, "s")  # the wrong way round
    assert [each.code for each in turned] == ["taught-control", "unequal-budgets", "teacher-added"]
    assert turned[0].message.startswith("s, named as the control, was distilled from a teacher")
    arrays = [ModelSpec(name, ()) for name in ("s", "c", "x")]
    assert controls_of("C", arrays) == Controls((("s", "c"), ("x", "c")), named=True)
    assert [each.code for each in noticed(arrays[:2], study, "c")] == ["teacher-added"]


def test_a_control_that_is_none() -> None:
    """Guards a misspelt control that is silently none, and one that is compared with itself."""
    arrays = [ModelSpec(name, ()) for name in ("small", "baseline")]
    with pytest.raises(UnknownNameError) as unknown:
        controls_of("baslin", arrays)
    assert str(unknown.value) == (
        "`control`: no student is called 'baslin', expected one of small, baseline; did you mean "
        "'baseline'?"
    )
    with pytest.raises(ConfigError) as alone:
        controls_of("small", arrays[:1])
    assert str(alone.value) == (
        "`control=small`: it is the only student, expected a student beside its control; name "
        "both as students"
    )


def test_a_regression_is_told_by_its_scores() -> None:
    """Guards agreement of numbers: no two are equal, and a difference of 0 would be printed."""
    study = named(regression(), "s", "c")
    (notice,) = teacher_added(study, [("s", "c")])
    assert "s's correlation of scores with it (Pearson) is " in notice.message


def test_the_documents_roles_and_numbers() -> None:
    """Guards the role of the control, the protocol card, and a number by both names."""
    gold = np.arange(60) % 2
    flipped = {k: np.where(np.arange(60) % k == 0, 1 - gold, gold) for k in (5, 7, 20)}
    compared = kdprobe.compare_predictions(
        gold, teacher=flipped[20], students={"s": flipped[7], "c": flipped[5]}, control="c",
        resamples=100,
    )  # fmt: skip
    document = compared.document
    assert [model.role for model in document.models] == ["teacher", "student", "control"]
    assert [model.name for model in document.students] == ["s", "c"]
    assert document.request.options["control"] == "c"
    gap = compared.get("student_differences.agreement", "s", "c")
    back = compared.get("agreement", "c", "s")
    assert (
        gap.value
        == -(back.value or 0.0)
        == pytest.approx(np.mean(flipped[7] == flipped[20]) - np.mean(flipped[5] == flipped[20]))
    )
    assert compared.get("student_differences.kappa", "s", "c").metric == "cohens_kappa"
    assert compared.get("agreement", "s").model_a == "teacher"
    assert compared.get("mistakes_copied", "c").model_b == "c"
    assert compared.get("agreement", "s", "c", analysis="agreement").value == np.mean(
        flipped[7] == flipped[5]
    )
    with pytest.raises(ConfigError, match="'s' twice: no model differs from itself, expected two"):
        compared.get("student_differences.agreement", "s", "s")
    with pytest.raises(UnknownNameError, match="no model is called 'x'"):
        compared.get("student_differences.agreement", "s", "x")
    one = kdprobe.compare_predictions(gold, teacher=gold, students={"s": gold}, resamples=100)
    with pytest.raises(ConfigError, match=r"student_differences: did not run; there is one stud"):
        one.get("student_differences.agreement", "s", "c")


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
    assert gain.metric == "agreement"


def test_the_sentence_names_the_test_it_had() -> None:
    """Guards "exact McNemar" on the p-value of a bootstrap: of several seeds, or of clusters."""
    controls = (("student-1", "student-2"),)
    (single,) = teacher_added(binary(), controls)
    (seeds,) = teacher_added(several_seeds(60), controls)
    assert "exact McNemar p" in single.message
    assert "bootstrap p" in seeds.message
    assert "McNemar" not in seeds.message


def test_the_teachers_copies_are_no_students_and_no_controls(tmp_path: Path) -> None:
    """Guards an int8 copy of a fine-tuned teacher: by its record it is every student's control."""
    task = write_task(tmp_path)
    teacher = checkpoint(tmp_path / "teacher", seed=0)
    student = checkpoint(tmp_path / "student", seed=1)
    for folder, kind in ((teacher, "finetune"), (student, "distill")):
        (Path(folder) / "kdprobe.json").write_text(json.dumps(record(kind, 10)))
    kwargs: dict[str, Any] = {"task": str(task), "resamples": 100, "only": ["agreement"]}
    document = kdprobe.compare(
        str(teacher), [str(student), f"int8={teacher}?quantize=int8"], **kwargs
    ).document
    assert [model.role for model in document.models] == ["teacher", "student", "student"]
    assert not {"teacher-added", "unequal-budgets"} & {n.code for n in document.warnings}
    wrong = kdprobe.compare(
        str(teacher), [str(student), f"int8={teacher}?quantize=int8"], control="int8", **kwargs
    ).document
    (notice,) = (n for n in wrong.warnings if n.code == "taught-control")
    assert notice.message.startswith("int8, named as the control, is the teacher itself")
    assert [model.role for model in wrong.models] == ["teacher", "student", "student"]
