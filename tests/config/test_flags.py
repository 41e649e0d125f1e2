"""Options models, their flags, and what a call makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.options import AnalysisOptions
from kdprobe.config.flags import Flag, FlagOptions, Panel, flags_of, written
from kdprobe.config.flat import gathered
from kdprobe.config.options import (
    DataOptions,
    EvaluationDataOptions,
    InferenceRuntime,
    TrainingDataOptions,
    TrainingRuntime,
)
from kdprobe.config.recipe import open_recipe
from kdprobe.config.training import TrainingSettings
from kdprobe.errors import ConfigError, UnknownNameError


class Example(FlagOptions):
    """Options of every kind."""

    group: ClassVar[str] = "example"
    panel: ClassVar[Panel] = "explaining"

    count: Annotated[int, Field(ge=1, le=9), Flag("How many.", short="c")] = 3
    share: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, Flag("How much.")] = None
    kind: Annotated[Literal["a", "b"], Flag("Which.", name="of-kind", panel="training")] = "a"
    place: Annotated[Path | None, Flag("Where.")] = None
    names: Annotated[tuple[str, ...], Flag("Who.", reads="names")] = ()
    both: Annotated[tuple[float, float], Flag("Two.")] = (1.0, 2.0)
    half: Annotated[bool | Literal["auto"], Flag("Or not.", both=True)] = "auto"
    wanted: Annotated[str, Flag("Must be.")]
    hidden: str = "no flag"


def test_fields_are_read_from_the_annotations() -> None:
    """Guards bounds, kinds and names said a second time: all of it comes from the field."""
    fields = flags_of(Example)
    assert "hidden" not in fields
    count, share, kind = fields["count"], fields["share"], fields["kind"]
    assert (count.option, count.words, count.kind, count.least, count.most, count.default) == (
        "example.count", ("count",), int, 1, 9, 3
    )  # fmt: skip
    assert (share.kind, share.least, share.most, share.arity) == (float, 0, 1, 1)
    assert (kind.words, kind.choices, kind.panel) == (("of-kind",), ("a", "b"), "training")
    assert (fields["names"].arity, fields["both"].arity, fields["both"].kind) == (0, 2, float)
    assert (fields["half"].kind, fields["place"].kind) == (bool, Path)
    assert fields["wanted"].required
    assert fields["count"].panel == "explaining"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "`example.count`: is 0, expected at least 1"),
        ({"count": 10}, "`example.count`: is 10, expected at most 9"),
        ({"count": 1.5}, "`example.count`: is 1.5, expected a whole number"),
        ({"count": 10**16}, "`example.count`: is 10000000000000000, expected a number up to 1e+15"),
        ({"share": 0}, "`example.share`: is 0, expected more than 0"),
        ({"share": 1}, "`example.share`: is 1, expected less than 1"),
        ({"share": float("nan")}, "`example.share`: is nan, expected a number up to 1e+15"),
        ({"kind": "c"}, "`example.kind`: is 'c', expected 'a' or 'b'"),
        (
            {"names": "ab"},
            "`example.names`: is 'ab', expected a list; one name stands in brackets too: ['ab']",
        ),
        ({"names": ["a", 3]}, "`example.names`: holds 3, expected text"),
        ({"both": (1, 2, 3)}, "`example.both`: is (1, 2, 3), expected at most 2 values"),
        ({"both": (1,)}, "`example.both`: is (1,), expected one value more"),
        ({"place": 3}, "`example.place`: is 3, expected a path"),
        ({"count": True}, "`example.count`: is True, expected a whole number"),
        ({"share": False}, "`example.share`: is False, expected a number"),
        ({"both": (0.5, True)}, "`example.both`: is (0.5, True), expected a number"),
        ({"place": ""}, "`example.place`: is empty, expected a value; leave it out for none"),
        ({"place": "a\0"}, "`example.place`: holds a zero byte, expected text"),
        ({}, "`example.wanted`: is missing, expected a value"),
    ],
)
def test_wrong_values_are_one_message(values: dict[str, object], message: str) -> None:
    """Guards a message of the validator's own, which names no option and spans lines."""
    with pytest.raises(ConfigError) as caught:
        Example(**(({"wanted": "x"} if values else {}) | values))
    assert str(caught.value) == message


def test_unknown_options_have_neighbours() -> None:
    """Guards a misspelt option that is passed over in silence."""
    with pytest.raises(UnknownNameError, match="did you mean 'count'"):
        Example(wanted="x", cuont=2)  # type: ignore[call-arg]


def call(data: DataOptions | None = None, **flat: object) -> dict[str, Any]:
    models: dict[str, Any] = {
        "data": (TrainingDataOptions, data), "training": (TrainingSettings, None)
    }  # fmt: skip
    return gathered("train", flat, models)


def test_objects_and_keywords_are_joined() -> None:
    """Guards which of the two counts, and that what was not named stays unset."""
    parts = call(DataOptions(task="cola"), limit=3, epochs=None, best_by="last")
    assert parts["data"].task == "cola"
    assert parts["data"].model_fields_set == {"task", "limit"}
    assert parts["training"].model_dump(exclude_unset=True) == {"best_by": "last"}
    assert type(parts["data"]) is TrainingDataOptions


def test_a_keyword_beside_its_object_is_refused() -> None:
    """Guards two values for one option, of which one would be dropped in silence."""
    with pytest.raises(TypeError, match=r"train\(\) has 'limit' twice: as a keyword and in data"):
        call(DataOptions(limit=2), limit=3)
    with pytest.raises(TypeError, match=r"train\(\) has no keyword 'epoch'; did you mean 'epochs'"):
        call(epoch=3)
    with pytest.raises(UnknownNameError, match="split"):
        call(EvaluationDataOptions(split="test"))


def test_options_are_written_back() -> None:
    """Guards the command on a model card: it must give the same options again."""
    options = Example(wanted="x y", names=("a", "b"), both=(1, 2), half=False, kind="b", share=None)
    assert written(options) == [
        "--of-kind", "b", "--names", "a,b", "--both", "1", "2", "--no-half", "--wanted", "x y",
    ]  # fmt: skip
    assert written(options, {"half"}) == ["--no-half"]
    assert written(TrainingRuntime()) == []
    data = DataOptions(label_map={"A": "a", "B": "b"})
    assert written(data) == ["--label-map", "A=a,B=b"]


def test_options_of_a_recipe_keep_their_place(tmp_path: Path) -> None:
    """Guards messages of a file that name an option and not where it stands."""
    place = tmp_path / "r.toml"
    place.write_text(
        'name = "r"\nobjectives = [{name = "hard_labels"}]\n[training]\nepochs = "x"\n'
    )
    with pytest.raises(ConfigError) as caught:
        open_recipe(place)
    assert str(caught.value).startswith(f"{place}: training.epochs is 'x'; ")
    place.write_text(place.read_text().replace('epochs = "x"', "epoch = true"))
    with pytest.raises(ConfigError, match=r"unknown key 'training.epoch'.*did you mean 'epochs'"):
        open_recipe(place)
    place.write_text(place.read_text().replace("epoch =", "epochs ="))
    with pytest.raises(ConfigError, match=r"training.epochs is True; Input should be a valid num"):
        open_recipe(place)


def test_public_options_refuse_in_our_words() -> None:
    """Guards the validator's own message of five lines and a web address."""
    with pytest.raises(UnknownNameError) as caught:
        AnalysisOptions(sead=1)  # type: ignore[call-arg]
    assert str(caught.value).startswith("`AnalysisOptions`: no option is called 'sead', expected")
    assert str(caught.value).endswith("did you mean 'seed'?")
    for make, message in (
        (lambda: TrainingSettings(epochs="x"), "`epochs`: is 'x', expected a number"),
        (lambda: EvaluationDataOptions(limit=0), "`limit`: is 0, expected at least 1"),
        (lambda: InferenceRuntime(cache=[1]),
         "`cache`: is [1], expected true or false, or a path"),
        (lambda: AttributionRequest(sentences=0), "`attribution.sentences`: is 0, expected at"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as refused:
            make()
        assert str(refused.value).startswith(message)
    with pytest.raises(TypeError, match=r"AttributionRequest\(\) takes 10 values at most, not 11"):
        AttributionRequest(*range(11))
