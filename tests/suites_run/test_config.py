"""What a suite file may say, and the one message for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.config.suite import open_suite, suite_names
from kdprobe.config.suite_scale import scaled
from kdprobe.errors import ConfigError, KdprobeError
from tests.suites_run.builders import plan_of, write_suite


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "Table 1"', 'sorce = "Table 1"', "did you mean 'source'"),
        ('make = "finetune"', 'make = "train"', "make is 'train'"),
        ('teacher = "teacher"\nstudents', 'teacher = "theacher"\nstudents', "'theacher', which is"),
        ('students = ["one", "two"]', 'students = ["one", "three"]', "names 'three'"),
        ("published = [80.0, 0.5]", "published = [80.0]", "1 published figures for 2 columns"),
        ("[scales.paper]", "[scales.small]", "scales has no paper"),
        ('name = "one"', 'name = "two"', "model 'two' stands twice"),
        ('name = "one"', 'name = "a=b,c"', "models.1.name is 'a=b,c'"),
        ('name = "one"', 'name = "../one"', "models.1.name is '../one'"),
        ('table = "scores"', 'table = "score"', "names the table 'score'"),
        ('other = "two"\n', "", "a claim about a difference needs other"),
        ("epochs = 1,", "epochs = 1e300,", "expected a number up to"),
        ('title = "seconds"', 'title = "seconds"\nseeds = [1, 2, 1]', "seed 1 stands twice"),
    ],
)
def test_a_wrong_line_is_one_message(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A line that is not understood would silently make another table."""
    with pytest.raises(ConfigError) as caught:
        open_suite(write_suite(tmp_path, (old, new)))
    assert message in str(caught.value)
    assert "suite.toml" in str(caught.value)


def test_no_toml(tmp_path: Path) -> None:
    """A traceback of the parser would not name the line."""
    path = tmp_path / "suite.toml"
    path.write_text("name = \n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not TOML"):
        open_suite(path)


def test_values_and_scales(tmp_path: Path) -> None:
    """A value of the paper left in place would train the paper's model at every scale."""
    path = write_suite(tmp_path)
    suite = open_suite(path)
    assert scaled(suite, "paper", values={}, where="x").file.models[0].model == "bert-base-uncased"
    tiny = scaled(suite, "tiny", values={}, where="x")
    assert tiny.file.models[0].model == "bert:L2,H32,I64,A2,V120"
    assert scaled(suite, "tiny", values={"encoder": "e"}, where="x").file.models[0].model == "e"
    assert tiny.differs[0] == "the data are made up"
    assert "encoder: bert-base-uncased in the paper, bert:L2,H32,I64,A2,V120 here" in tiny.differs
    for wrong in ({"encodr": "e"}, {"x": "y"}):
        with pytest.raises(KdprobeError, match="no value is called"):
            scaled(suite, "tiny", values=wrong, where="x")
    with pytest.raises(KdprobeError, match="no scale is called 'small'"):
        scaled(suite, "small", values={}, where="x")


def test_a_value_that_nobody_gave(tmp_path: Path) -> None:
    """`${NAME}` would be handed on as a hub id."""
    path = write_suite(tmp_path, ("${encoder}", "${missing}"))
    with pytest.raises(ConfigError, match=r"no value for \$\{missing\}"):
        plan_of(path)


@pytest.mark.parametrize("name", suite_names())
def test_shipped_suites_fit_every_scale(name: str) -> None:
    """A scale that renames a model or a value would be found out after hours."""
    suite = open_suite(name)
    assert suite.citation
    assert suite.not_made
    for scale in suite.scales:
        held = scaled(suite, scale, values={}, where=name)
        assert held.differs, f"{name} at {scale} says nothing of what differs"
        assert "${" not in held.file.model_dump_json(exclude={"scales"})


@pytest.mark.parametrize("name", suite_names())
def test_shipped_suites_plan_at_tiny(name: str) -> None:
    """A step that cannot be made for want of data or a shape would fail only when it is run."""
    plan = plan_of(_path(name))
    assert not [(step.name, step.failed) for step in plan.steps.values() if step.failed]
    assert all(len(step.address) == 64 for step in plan.steps.values())


def _path(name: str) -> Path:
    from kdprobe.config.suite import suite_path

    return suite_path(name)
