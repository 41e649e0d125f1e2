"""Erasing properties in a whole comparison: what is skipped, repeated, kept, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdprobe.analysis.causal_use import ANALYSIS
from kdprobe.analysis.causal_use.verdicts import is_used
from kdprobe.cache import Cache
from kdprobe.collectors.causal_use.collector import COLLECTOR
from kdprobe.collectors.causal_use.options import CausalUseOptions
from kdprobe.collectors.predictions import COLLECTOR as PREDICTIONS
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session, open_session
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
from kdprobe.errors import ConfigError, TaskError
from kdprobe.models.layer_edits import NOT_GIVEN, EditableLayers
from kdprobe.models.spec import parse_specs
from kdprobe.observations.causal_use import CausalUse
from kdprobe.progress import Silent
from kdprobe.results.schema import Skipped
from kdprobe.tasks.open import open_task
from tests.cli.scene import checkpoint, gold, write_predictions, write_task
from tests.models.agreeing import write_agreeing

SMALL = {"properties": ("subj_number",), "sentences": 120, "examples": 7}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    write_task(folder)
    for name, seed in (("t", 1), ("s", 2)):
        checkpoint(folder / name, seed=seed)
    write_predictions(folder / "f.jsonl", gold(folder), seed=3)
    return folder


def session(
    folder: Path, *models: str, task: str = "toy.toml", seed: int = 0, rows: int = 64,
    cache: Path | bool = False,
) -> Session:  # fmt: skip
    return open_session(
        parse_specs([str(folder / model) for model in models]),
        open_task(str(folder / task)),
        data=EvaluationDataOptions(),
        runtime=InferenceRuntime(device="cpu", offline=True, cache=cache, batch_size=rows),
        seed=seed,
    )


def collected(opened: Session, **values: object) -> Collected[CausalUse]:
    prepared = COLLECTOR.prepare(opened, CausalUseOptions(**{**SMALL, **values}))
    assert not isinstance(prepared, Skipped)
    return COLLECTOR.collect(opened, prepared, Silent())


def outputs(made: Collected[CausalUse]) -> list[np.ndarray]:
    assert made.observation is not None
    return [np.concatenate([one.erased[None], one.controls]) for one in made.observation.layers]


def test_every_layer_of_every_model_is_there_once(scene: Path) -> None:
    """Guards a layer that is left out, and rows that are no longer those of the examples."""
    made = collected(
        session(scene, "t", "s"), properties=("subj_number", "past_present")
    ).observation
    assert made is not None
    cells = [(one.model, one.run, one.property, one.layer) for one in made.layers]
    assert len(set(cells)) == len(cells) == 2 * 2 * 3
    assert len(made.ids) == 7
    assert {one.erased.shape for one in made.layers} == {(7, 2)}
    assert {one.controls.shape for one in made.layers} == {(5, 7, 2)}
    assert [one.name for one in made.properties] == ["subj_number", "past_present"]
    part = made.only(made.ids[2:4])
    np.testing.assert_array_equal(part.layers[3].controls, made.layers[3].controls[:, 2:4])
    np.testing.assert_array_equal(part.clean["s", 0], made.clean["s", 0][2:4])


def test_what_stands_unchanged_is_what_the_model_says(scene: Path) -> None:
    """Guards labels in another order than the task's, and examples in another than their ids'."""
    opened = session(scene, "t", "s")
    made = collected(opened).observation
    assert made is not None
    for model in opened.models:
        rows = [opened.split.ids.index(key) for key in made.ids]
        said = model.runs[0].outputs(opened.split, batch_size=8, advance=lambda done: None)
        np.testing.assert_allclose(made.clean[model.name, 0], said.values[rows], atol=1e-5)


def test_a_seed_repeats_and_another_draws_anew(scene: Path) -> None:
    """Guards numbers that cannot be repeated, and a control that is one subspace for ever."""
    one, two = (outputs(collected(session(scene, "t", "s"), examples=99)) for _ in range(2))
    other = outputs(collected(session(scene, "t", "s", seed=1), examples=99))
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.allclose(one[0][1:], other[0][1:])


def test_the_cache_gives_the_same_without_the_model(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards an entry of other settings that is taken for this one, and work done twice."""
    first = collected(session(scene, "t", "s", cache=tmp_path))
    assert Cache(tmp_path).info().kinds["causal_use"] == 2

    def refused(*args: object, **named: object) -> None:
        raise AssertionError("a model is run though all is known")

    with monkeypatch.context() as patched:
        patched.setattr(EditableLayers, "__init__", refused)
        again = collected(session(scene, "t", "s", cache=tmp_path))
        for left, right in zip(outputs(first), outputs(again), strict=True):
            np.testing.assert_array_equal(left, right)
    for values in ({"draws": 6}, {"sentences": 110}, {"examples": 8}):
        before = Cache(tmp_path).info().kinds["causal_use"]
        collected(session(scene, "t", "s", cache=tmp_path), **values)
        assert Cache(tmp_path).info().kinds["causal_use"] == before + 2, values


def test_a_predictions_file_is_a_reason_and_the_others_go_on(scene: Path) -> None:
    """Guards a comparison lost to one model whose states nobody has."""
    made = collected(session(scene, "t", "s", "f.jsonl")).observation
    assert made is not None
    assert set(made.reasons) == {"f"}
    assert "predictions file" in made.reasons["f"]
    assert {one.model for one in made.layers} == {"t", "s"}
    alone = COLLECTOR.prepare(session(scene, "f.jsonl"), CausalUseOptions(**SMALL))
    assert isinstance(alone, Skipped)


def test_a_model_that_fails_costs_its_own_part(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards an hour lost to a fault in one model."""
    whole = EditableLayers.__init__

    def broken(self: EditableLayers, handle: object, trials: object) -> None:
        if getattr(handle, "name", "") == "s":
            raise ZeroDivisionError("division by zero")
        whole(self, handle, trials)  # type: ignore[arg-type]

    monkeypatch.setattr(EditableLayers, "__init__", broken)
    made = collected(session(scene, "t", "s"))
    assert made.observation is not None
    assert {one.model for one in made.observation.layers} == {"t"}
    assert [(line.models, line.requested) for line in made.skipped] == [(("s",), True)]


def test_outputs_that_are_not_finite_and_layers_nobody_gives_are_reasons(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards NaN in the table, and silence where no layer of any model can be changed."""

    def endless(self: EditableLayers, inputs: Any, clean: Any, layer: int, states: Any) -> Any:
        return clean.logits * float("nan")

    with monkeypatch.context() as patched:
        patched.setattr(EditableLayers, "resumed", endless)
        patched.setattr(EditableLayers, "_works", lambda self, inputs, layer: True)
        made = collected(session(scene, "t", "s"))
    assert made.observation is None
    assert all("not finite" in line.reason for line in made.skipped)
    assert [line.models for line in made.skipped] == [("t",), ("s",)]
    monkeypatch.setattr(EditableLayers, "_works", lambda self, inputs, layer: False)
    made = collected(session(scene, "t", "s"))
    assert made.observation is None
    assert [line.reason for line in made.skipped] == [NOT_GIVEN]


def test_properties_that_cannot_be_erased_are_refused(scene: Path, tmp_path: Path) -> None:
    """Guards an eraser of a thousand classes, and sentences of one class alone."""
    opened = session(scene, "t", "s")
    with pytest.raises(ConfigError, match="at most 10"):
        COLLECTOR.prepare(opened, CausalUseOptions(properties=("word_content",), sentences=4000))
    (tmp_path / "own.txt").write_text("".join(f"{p}\tA\tthe dog {p}\n" for p in ("tr", "va", "te")))
    (tmp_path / "own.toml").write_text(
        'name = "own"\ngroup = "other"\ndescription = "Mine?"\nfile = "own.txt"\n'
    )
    with pytest.raises(TaskError, match="one class only"):
        COLLECTOR.prepare(opened, CausalUseOptions(properties=(str(tmp_path / "own.toml"),)))
    with pytest.raises(ConfigError, match="draws"):
        CausalUseOptions(draws=2)


def test_number_is_used_where_agreement_is_solved_and_not_by_random_weights(
    tmp_path: Path,
) -> None:
    """Guards an effect that is only damage: number must cost agreement more than chance subspaces.

    Of a model that solved subject-verb agreement; tense, which it does not need, and the same model
    before training are held against it.
    """
    assert write_agreeing(tmp_path) > 0.9
    opened = session(tmp_path, "solved", "untrained", task="agree.toml")
    made = collected(
        opened, properties=("subj_number", "past_present"), sentences=600, examples=500
    ).observation
    assert made is not None
    said = PREDICTIONS.collect(opened, opened.split, Silent()).observation
    study = opened.with_observation(said).with_observation(made).study
    result = ANALYSIS.run(study, ANALYSIS.options(), {})
    tested = [one for one in result.estimates if one.q_value is not None]
    assert {(one.metric, one.model_a, one.subset) for one in tested if is_used(one)} == {
        ("use", "solved", "subj_number"), ("score_loss_beyond_control", "solved", "subj_number")
    }  # fmt: skip
    by_place = {(e.metric, e.model_a, e.subset, e.layer): e for e in result.estimates}
    place = ("solved", "subj_number", "0")
    change, control = (by_place[m, *place].value for m in ("erased_change", "control_change"))
    assert change is not None
    assert control is not None
    assert change > 2 * control
    lost = by_place["score_loss_beyond_control", *place]
    assert lost.low is not None
    assert lost.low > 0.05
    tense = by_place["score_loss_beyond_control", "solved", "past_present", "0"]
    assert tense.value is not None
    assert tense.value < 0.02
