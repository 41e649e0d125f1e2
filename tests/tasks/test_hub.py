"""The hub: a local folder in its format, and a library that fails."""

from pathlib import Path
from typing import Any

import datasets
import pytest

from kdprobe.config.task import Columns, Hub
from kdprobe.tasks.hub import HubError, hub_is_off, hub_name, read_hub


@pytest.fixture
def glue_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the hub distributes GLUE: parquet with a ClassLabel, the test labels -1."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["unacceptable", "acceptable"]),
            "idx": datasets.Value("int32"),
        }
    )
    folder = tmp_path / "cola"
    folder.mkdir()
    rows = {
        "validation": {"sentence": ["NA", "Hi me."], "label": [1, 0], "idx": [0, 1]},
        "test": {"sentence": ["So."], "label": [-1], "idx": [0]},
    }
    for name, columns in rows.items():
        data = datasets.Dataset.from_dict(columns, features=features)
        data.to_parquet(str(folder / f"{name}-00000-of-00001.parquet"))
    return folder


def test_a_split_comes_with_label_names(glue_folder: Path):
    """An index alone would be read in our order, whatever the hub's is."""
    hub = Hub(dataset=str(glue_folder), splits={"dev": "validation", "test": "test"})
    table = read_hub(hub, "dev")
    assert dict(table.columns) == {
        "sentence": ("NA", "Hi me."),
        "label": ("acceptable", "unacceptable"),
        "idx": ("0", "1"),
    }
    assert table.where(1) == f"{glue_folder}, split validation, row 2"
    assert read_hub(hub, "test").columns["label"] == ("-1",)


def test_the_reason_is_told_not_the_general_sentence(monkeypatch: pytest.MonkeyPatch):
    """`datasets` says only that an error occurred; the cause is what helps."""

    def failing(*_: Any, **__: Any) -> None:
        try:
            raise OSError("disk quota exceeded\nmore")
        except OSError as error:
            raise datasets.exceptions.DatasetGenerationError("An error occurred") from error

    monkeypatch.setattr(datasets, "load_dataset", failing)
    hub = Hub(dataset="a/b", config="c", splits={"dev": "validation"})
    with pytest.raises(HubError) as caught:
        read_hub(hub, "dev")
    assert str(caught.value) == "a/b c, split validation: OSError: disk quota exceeded"


@pytest.mark.parametrize("error", [ConnectionError("no way"), ValueError("x"), RuntimeError()])
def test_any_failure_of_the_library_is_one_message(monkeypatch: pytest.MonkeyPatch, error):
    """A traceback of forty frames is no message."""

    def failing(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", failing)
    with pytest.raises(HubError, match=f"^a/b, split x: {type(error).__name__}: "):
        read_hub(Hub(dataset="a/b", splits={"dev": "x"}), "dev")


def test_off_by_flag_or_variable(monkeypatch: pytest.MonkeyPatch):
    """Offline must mean offline, in each spelling the library takes."""
    for value in ("1", "ON", "yes", "True"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        assert hub_is_off(False)
    for value in ("0", "", "no"):
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        assert not hub_is_off(False)
        assert hub_is_off(True)


def test_name_for_people():
    """A message must name data set, configuration and split."""
    hub = Hub(dataset="a/b", config="c", splits={"dev": "validation"})
    assert hub_name(hub, "dev") == "a/b c, split validation"
    assert isinstance(hub, Columns)


def test_a_dead_network_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network a missing task would take half a minute of retries before its message."""
    import socket

    import huggingface_hub.constants as hub_constants

    from kdprobe.tasks import hub as room

    def nowhere(*_: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    monkeypatch.setattr("urllib.request.getproxies", dict)

    def offline() -> bool:
        return bool(hub_constants.HF_HUB_OFFLINE)

    with room._asking_no_dead_network():
        assert offline()
    assert not offline()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    with room._asking_no_dead_network():
        assert not offline()
