"""Options that cannot be used are refused before anything is trained; versions reach addresses."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.augmenters.augmenter import AUGMENTERS
from kdprobe.collectors.protocol import COLLECTORS, code_versions
from kdprobe.config.suite import open_suite
from kdprobe.errors import UnknownNameError, UsageError
from kdprobe.extract.method import METHODS
from kdprobe.suites_run.plan import SuitePlan
from tests.suites_run.builders import plan_of, write_suite

PACKAGE = Path(__file__).parents[2] / "kdprobe"
EVIDENCE = (
    'students = ["one", "two"]\n',
    'students = ["one", "two"]\noptions.attributions = { methods = ["lime"], sentences = 8 }\n'
    'options.only = ["task_scores", "attribution_agreement"]\n',
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("resamples = 100", "resample = 100", r"'both': .* 'resample'; did you mean 'resamples'"),
        ("resamples = 100", "resamples = 5", "'both': `resamples`: is 5, expected at least 100"),
        ('only = ["task_scores"', 'only = ["scores"', "'both': `only`: no analysis"),
        ("resamples = 100", "resamples = 100, settings.calibration.bin = 4", ".* key 'bin'"),
        ("resamples = 100", "resamples = 100, lime = { samples = 4 }", ".* no collector is"),
        ("resamples = 100", "resamples = 100, force = true", "'both': force is named"),
        ("epochs = 6", "epoch = 6", r"'teacher': .* 'epoch'; did you mean 'epochs'"),
        ("epochs = 6", 'epochs = "x"', "'teacher': `epochs`: is 'x'"),
        ("epochs = 1", "epochs = -1", "'one': `epochs`: is -1"),
        ("epochs = 1", 'epochs = 1, device = "cuda"', "'one': device is named"),
        ('"layers=1"', '"layer=1"', "'one': `student`: .* did you mean 'layers'"),
        ('"limes-logits"', '"limes-logit"', "'two': `recipe`: .* did you mean 'limes-logits'"),
        ('"limes-logits"', '"vanilla"\nsettings = { heat = 3 }', "'two': `settings` heat"),
        ("epochs = 1", 'epochs = 1, data = { limit = 3 }', "'one': .* no keyword 'data'"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_used(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A slip in the last comparison would be told after hours of training."""
    with pytest.raises(UsageError, match=rf"suite.toml: {message}"):
        plan_of(write_suite(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('metric = "cohens_kappa"', 'metric = "cohen_kapa"',
         r"table 'scores': `metric`: .*; did you mean 'cohens_kappa'"),
        ('metric = "accuracy"', 'metric = "task_score.accuracy"',
         r"table 'scores': `analysis`: .*; did you mean 'task_scores'"),
        ('metric = "accuracy"', 'metric = "agreement.accuracy"',
         r"table 'scores': `metric`: no metric is called 'accuracy'"),
        ("student_differences.agreement", "student_differences.agrement",
         "the claim 'One is nearer than two': `metric`: .* did you mean 'agreement'"),
        ('gain = "accuracy"', 'gain = "acuracy"', "a front: `metric`: .*'accuracy'"),
        ('gain = "accuracy"', 'cost = "efficiency.parameter"', "a front: .*'parameters'"),
    ],
)  # fmt: skip
def test_a_metric_that_there_is_none_of(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A misspelt metric would be a cell without a number, shown after hours of training."""
    with pytest.raises(UnknownNameError, match=rf"suite.toml: {message}"):
        plan_of(write_suite(tmp_path, (old, new)))


def test_metrics_by_other_names(tmp_path: Path) -> None:
    """A name that the field uses, or that an earlier version had, would be refused."""
    path = write_suite(tmp_path, ('metric = "cohens_kappa"', 'metric = "kappa"'),
                       ('gain = "accuracy"', 'gain = "primary"'),
                       ('metric = "accuracy"', 'metric = "buckets.share"'))  # fmt: skip
    assert "words/both" in plan_of(path).steps
    assert {column.metric for column in open_suite(path).tables[0].columns} == {
        "kappa", "buckets.share"
    }  # fmt: skip


def test_options_of_texts(tmp_path: Path) -> None:
    """A transfer set would fail when its turn comes, after the teacher was trained."""
    path = write_suite(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[[texts]]\nname = "more"\noptions = {{ settings = {{ x = 1 }} }}\n')
    with pytest.raises(UsageError, match=r"'more': `method=rules`: unknown key 'x'"):
        plan_of(path)


def test_options_where_data_are_missing(tmp_path: Path) -> None:
    """Data that cannot be read would hide a slip until somebody fetched them."""
    path = write_suite(tmp_path, ('tasks = ["words"]', 'tasks = ["words", "qnli"]'),
                       ("[scales.tiny]", "[scales.tiny]\ntasks.qnli = { limits = 4 }"))  # fmt: skip
    with pytest.raises(UsageError, match="limits"):
        plan_of(path)


def moved(before: SuitePlan, after: SuitePlan) -> set[str]:
    """The steps whose addresses differ."""
    return {
        name for name, step in after.steps.items() if step.address != before.steps[name].address
    }


@pytest.mark.parametrize(
    ("module", "attribute", "steps"),
    [
        ("extract.kept_explanations", "EXTRACTOR_VERSION", {"words/both"}),
        ("models.stored_outputs", "OUTPUTS_VERSION", {"words/both"}),
        ("extract.features", "FEATURES_VERSION", set()),  # no layer is read
    ],
)
def test_versions_of_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, attribute: str, steps: set[str]
) -> None:
    """A page would keep the numbers of code that was wrong; trainings are not made again."""
    path = write_suite(tmp_path, EVIDENCE)
    before = plan_of(path)
    monkeypatch.setattr(importlib.import_module(f"kdprobe.{module}"), attribute, 99)
    assert moved(before, plan_of(path)) == steps


@pytest.mark.parametrize(
    ("plug_in", "steps"),
    [
        (METHODS.load("lime"), {"words/both"}),
        (METHODS.load("shap"), set()),
        (ANALYSES.load("attribution_agreement"), {"words/both"}),
        (ANALYSES.load("calibration"), set()),
    ],
)
def test_versions_of_plug_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_in: object, steps: set[str]
) -> None:
    """A definition that was changed would stand beside numbers of the old one."""
    path = write_suite(tmp_path, EVIDENCE)
    before = plan_of(path)
    monkeypatch.setitem(vars(plug_in), "version", 99)
    assert moved(before, plan_of(path)) == steps


def test_versions_of_augmenters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Students would learn for ever from texts that an older version made."""
    path = write_suite(tmp_path, ('recipe = "limes-logits"', 'transfer = "more"'))
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[[texts]]\nname = "more"\n', encoding="utf-8")
    before = plan_of(path)
    monkeypatch.setitem(vars(AUGMENTERS.load("rules")), "version", 99)
    assert moved(before, plan_of(path)) == {"words/more", "words/two", "words/both"}


def test_every_version_belongs_to_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of a new cache entry would be raised, and suites keep what the old code gave."""
    pattern = re.compile(r"^([A-Z_]*VERSION) = \d+", re.MULTILINE)
    constants = [
        (".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts), name)
        for room in ("extract", "models", "collectors")
        for file in sorted((PACKAGE / room).rglob("*.py"))
        for name in pattern.findall(file.read_text(encoding="utf-8"))
    ]
    assert len(constants) >= 8

    def every_version() -> list[dict[str, int]]:
        loaded = [(name, COLLECTORS.load(name).options()) for name in COLLECTORS.names()]
        return [dict(code_versions(name, options)) for name, options in loaded]

    before = every_version()
    for module, name in constants:
        with monkeypatch.context() as patch:
            patch.setattr(importlib.import_module(module), name, 10_000)
            assert every_version() != before, f"{module}.{name} is no collector's"
