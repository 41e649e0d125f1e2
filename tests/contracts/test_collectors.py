"""What every collector must hold, whoever wrote it, over opened models of every kind.

A file added to the folder is tested on arrival: the names are listed, not written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from kdprobe.collectors.protocol import COLLECTORS, CollectorOptions, options_of
from kdprobe.collectors.session import Session, open_session
from kdprobe.comparison.collect import collect, collectors_of
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
from kdprobe.errors import UnknownNameError
from kdprobe.models.handle import Capability
from kdprobe.models.model_like import specs_of
from kdprobe.observations.predictions import Populations
from kdprobe.progress import Silent
from kdprobe.results.schema import Skipped
from kdprobe.tasks.open import open_task
from tests.cli.scene import checkpoint, gold, write_predictions, write_task
from tests.comparison.test_objects import probabilities
from tests.models.test_loaded import pair
from tests.results.test_learning_curves import HISTORY

NAMES = COLLECTORS.names()
SESSIONS = ("checkpoints", "predictions files", "both", "objects")
TIMED = ("efficiency",)  # a clock gives other numbers each time
each_collector = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, checkpoints (one with the record of its training), files, and minimal pairs."""
    folder = tmp_path_factory.mktemp("scene")
    write_task(folder)
    for name, seed in (("t", 1), ("s1", 2), ("s2", 3)):
        checkpoint(folder / name, seed=seed)
    (folder / "s1" / "history.json").write_text(json.dumps(HISTORY))
    (folder / "s1" / "kdprobe.json").write_text(json.dumps({"best_step": 10}))
    for name, seed in (("tf", 4), ("sf", 5)):
        write_predictions(folder / f"{name}.jsonl", gold(folder), seed=seed)
    pairs = folder / "pairs"
    pairs.mkdir()
    lines = [
        {"sentence_good": f"the dog sleeps {row}", "sentence_bad": f"the dog sleep {row}",
         "UID": "agreement", "linguistics_term": "agreement", "field": "morphology",
         "pairID": str(row)}
        for row in range(4)
    ]  # fmt: skip
    (pairs / "agreement.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return folder


def models_of(scene: Path, kind: str) -> list[Any]:
    """The compared models of a session, the teacher first."""
    if kind == "objects":
        return [pair(scene / "t"), pair(scene / "s1"), probabilities(scene / "s2")]
    if kind == "checkpoints":
        return [str(scene / name) for name in ("t", "s1", "s2")]
    if kind == "predictions files":
        return [str(scene / f"{name}.jsonl") for name in ("tf", "sf")]
    return [str(scene / "t"), str(scene / "s1"), str(scene / "sf.jsonl")]


def opened(scene: Path, kind: str, *, students: int = 2) -> Session:
    """A session without a cache, so that nothing is remembered."""
    models = models_of(scene, kind)[: 1 + students]
    return open_session(
        specs_of(models[0], models[1:]), open_task(str(scene / "toy.toml")),
        data=EvaluationDataOptions(limit=12),
        runtime=InferenceRuntime(device="cpu", offline=True, cache=False),
        resamples=100,
    )  # fmt: skip


def small(scene: Path) -> dict[str, CollectorOptions]:
    """Options that make each expensive collector cheap; others have their defaults."""
    values: dict[str, dict[str, Any]] = {
        "minimal_pairs": {"folder": scene / "pairs"},
        "probes": {"tasks": ("bigram_shift",), "sentences": 40, "mdl": False},
        "attributions": {"methods": ("occlusion",), "sentences": 3},
        "attribution_maps": {"examples": 3},
        "attention_similarity": {"examples": 6, "maps": 1},
        "similarity": {"permutations": 9, "poolings": ("mean", "cls")},
        "efficiency": {"seconds": 0.1},
        "causal_use": {"properties": ("subj_number",), "sentences": 100, "examples": 6},
    }
    return {name: COLLECTORS.load(name).options(**values.get(name, {})) for name in NAMES}


def same(left: object, right: object) -> bool:
    """Whether two observations are equal bit for bit."""
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.tobytes() == right.tobytes()
    if is_dataclass(left) and not isinstance(left, type):
        return type(left) is type(right) and all(
            same(getattr(left, field.name), getattr(right, field.name)) for field in fields(left)
        )
    if isinstance(left, Mapping):
        return isinstance(right, Mapping) and left.keys() == right.keys() and all(
            same(value, right[key]) for key, value in left.items()
        )  # fmt: skip
    if isinstance(left, tuple | list):
        if not isinstance(right, tuple | list) or len(left) != len(right):
            return False
        return all(same(one, other) for one, other in zip(left, right, strict=True))
    return left == right or (left != left and right != right)


def observations(
    scene: Path, kind: str, names: tuple[str, ...] = NAMES
) -> tuple[Mapping[type, object], tuple[Skipped, ...]]:
    """Everything that these collectors observe, and what was skipped."""
    session = opened(scene, kind)
    ordered = collectors_of(tuple(readers_of_all()), small(scene))
    chosen = {name: options for name, options in ordered.items() if name in names}
    evidence = collect(session, chosen, Silent())
    return evidence.session.observations, evidence.skipped


def readers_of_all() -> list[str]:
    from kdprobe.analysis.protocol import ANALYSES

    return list(ANALYSES.names())


@pytest.fixture(scope="module")
def collected(scene: Path) -> dict[str, tuple[Mapping[type, object], tuple[Skipped, ...]]]:
    """All collectors over every kind of session."""
    return {kind: observations(scene, kind) for kind in SESSIONS}


@each_collector
def test_it_answers_the_protocol(name: str) -> None:
    """Guards against a file whose key, name and options do not fit together."""
    collector = COLLECTORS.load(name)
    assert collector.name == name
    assert is_dataclass(collector.kind)
    assert collector.kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert set(collector.after) <= set(NAMES)
    assert collector.needs <= set(get_args(Capability))
    assert options_of(name) is collector.options
    options = collector.options()
    assert options.model_config["frozen"]
    assert options.model_config["extra"] == "forbid"
    with pytest.raises(UnknownNameError, match="no_such_option"):
        collector.options(no_such_option=1)
    described = collector.options.described(options)
    assert described.keys() == collector.options.described(None).keys()
    json.dumps(described, allow_nan=False)


def test_no_two_collectors_make_one_observation() -> None:
    """Guards against an observation that silently replaces another of its type in the study."""
    kinds = [COLLECTORS.load(name).kind for name in NAMES]
    assert len(set(kinds)) == len(kinds)


@each_collector
def test_it_is_met(
    name: str, collected: dict[str, tuple[Mapping[type, object], tuple[Skipped, ...]]]
) -> None:
    """Guards against a collector that no test ever sees collect."""
    kind = COLLECTORS.load(name).kind
    assert any(kind in seen for seen, _ in collected.values())


@each_collector
def test_what_a_model_lacks_is_a_reason(
    name: str, collected: dict[str, tuple[Mapping[type, object], tuple[Skipped, ...]]]
) -> None:
    """Guards against a crash, or silence, where no model can give what is needed."""
    from kdprobe.comparison.collect import readers

    collector = COLLECTORS.load(name)
    seen, skipped = collected["predictions files"]
    if not collector.needs:
        assert not [line for line in skipped if line.what == name]
        return
    told = [line.reason for line in skipped if line.what in (name, *readers(collector.kind))]
    if collector.kind in seen:
        told += list(vars(seen[collector.kind])["reasons"].values())
    assert told
    assert all(len(reason.split()) >= 4 and not reason.endswith(".") for reason in told)


@each_collector
def test_objects_give_what_their_folders_give(
    name: str, collected: dict[str, tuple[Mapping[type, object], tuple[Skipped, ...]]]
) -> None:
    """Guards against evidence that loaded models lose, and functions of texts that end a run."""
    collector = COLLECTORS.load(name)
    seen, skipped = collected["objects"]
    reads_weights = "hidden_states" in collector.needs or "gradients" in collector.needs
    if reads_weights or name == "training_history":  # a function has no layers, objects no record
        reasons = [line.reason for line in skipped]
        reasons += list(getattr(seen.get(collector.kind), "reasons", {}).values())
        reasons += [each.reason for each in getattr(seen.get(collector.kind), "unread", ())]
        assert not reads_weights or any("a function of texts has no" in each for each in reasons)
        return
    assert collector.kind in seen


@each_collector
def test_nothing_is_asked_before_everything_is_checked(
    name: str, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against an hour of computing lost to the misspelt file of a later collector."""
    session = opened(scene, "checkpoints")
    options = small(scene)[name]

    def forbidden(self: object, *args: object, **kwargs: object) -> None:
        raise AssertionError(f"{name} asks a model while it prepares")

    monkeypatch.setattr(torch.nn.Module, "__call__", forbidden)
    COLLECTORS.load(name).prepare(session, options)


@each_collector
def test_alone_it_observes_the_same_bits(
    name: str,
    scene: Path,
    collected: dict[str, tuple[Mapping[type, object], tuple[Skipped, ...]]],
) -> None:
    """Guards against a number that depends on which other collectors ran, and on the run before.

    The session is opened anew; beside this collector only the outputs are asked for, which others
    read from.
    """
    kind = COLLECTORS.load(name).kind
    together, _ = collected["checkpoints"]
    alone, _ = observations(scene, "checkpoints", ("predictions", name))
    if name not in TIMED:
        assert same(alone[kind], together[kind])
    assert same(alone[Populations], together[Populations])


def test_a_collector_that_fails_costs_its_own_part(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a comparison lost to a fault in evidence that others do not read."""
    collector = COLLECTORS.load("minimal_pairs")

    def broken(*args: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(type(collector), "collect", broken)
    seen, skipped = observations(scene, "checkpoints", ("predictions", "minimal_pairs"))
    assert set(seen) == {Populations}
    assert [line.what for line in skipped] == ["minimal_pairs"]
    assert "ZeroDivisionError: division by zero" in skipped[0].reason
    assert skipped[0].requested
