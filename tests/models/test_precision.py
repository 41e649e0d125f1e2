"""One checkpoint in other numbers: 8-bit linear maps, bfloat16, float16.

Right values are those of the library itself (`torch.ao.quantization.quantize_dynamic` on a model of
`transformers`) run on each text alone, and of one linear map by hand.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from kdprobe.cache import Cache
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.explained_piece import ask
from kdprobe.extract.method import METHODS
from kdprobe.extract.own_outputs import method_obstacles
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel
from kdprobe.models.hidden import LayerReader
from kdprobe.models.open import open_model
from kdprobe.models.path_options import parse_path
from kdprobe.models.precision import quantized
from kdprobe.models.stored_outputs import stored_outputs
from kdprobe.models.texts_reader import reader_of
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, SINGLE, build

TEXTS = ("the dog sleeps in the garden", "an", "she likes a funny film .", "they saw him today")
SPLIT = Split(SINGLE, "dev", tuple("0123"), TEXTS)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root, places = tmp_path_factory.mktemp("precision"), {}
    for name in ("BERT", "GPT-2", "BiLSTM", "FNet"):
        places[name] = root / name
        model, tokenizer = build(FAMILIES[name])
        model.save_pretrained(places[name])
        tokenizer.save_pretrained(places[name])
    return places


def opened(place: Path, query: str, **settings: Any) -> HfModel:
    given = parse_path(f"{place}?{query}")
    handle = open_model(given, name="m", task=SINGLE, device="cpu", **settings)
    assert isinstance(handle, HfModel)
    return handle


def values(handle: HfModel, split: Split = SPLIT, size: int = 64) -> np.ndarray:
    return handle.outputs(split, batch_size=size, advance=lambda done: None).values


def the_librarys_own(place: Path, texts: tuple[str, ...]) -> np.ndarray:
    """Logits of the library's int8 model for each text alone, in the model's own order."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(place).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(place)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        int8 = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
        rows = [int8(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in texts]
    return np.stack(rows).astype(np.float64)


def test_int8_is_the_librarys_whatever_the_batch(folders: dict[str, Path]) -> None:
    """Guards outputs that move with the texts beside them: one scale holds for a whole batch."""
    handle = opened(folders["BERT"], "quantize=int8")
    right = the_librarys_own(folders["BERT"], TEXTS)[:, list(handle.columns)]
    for size in (1, 3, 64):
        np.testing.assert_allclose(values(handle, size=size), right, atol=1e-6)
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(values(handle, SPLIT.take(order)), right[order], atol=1e-6)
    plain = values(opened(folders["BERT"], "dtype=float32"))
    assert 1e-4 < np.abs(right - plain).max() < 1.0
    assert not handle.alarms


def test_one_linear_map_in_int8_by_hand() -> None:
    """Guards the direction of the rounding: weights by one scale, with outputs near the float's."""
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -1.0]]))
        right = layer(torch.tensor([[1.0, 0.25]]))  # .5 - .25
    model = torch.nn.Sequential(layer)
    rounded, engine, note = quantized(model, name="m")
    with torch.no_grad():
        assert float((rounded(torch.tensor([[1.0, 0.25]])) - right).abs().max()) <= 2 / 127
    assert engine in torch.backends.quantized.supported_engines
    assert "1 linear map (100% of its parameters)" in note


def test_what_int8_can_and_cannot_be_asked(folders: dict[str, Path]) -> None:
    """Guards gradients taken through whole numbers, and layers that are left out without need."""
    handle = opened(folders["BERT"], "quantize=int8")
    assert handle.capabilities >= {"logits", "hidden_states", "tokens"}
    assert "8-bit whole numbers" in handle.lacks["gradients"]
    assert handle.folder == "BERT?quantize=int8"
    assert handle.architecture.endswith(", int8")
    assert any("linear maps" in note and "int8" in note for note in handle.notes)
    reader = LayerReader(handle, ["mean", "cls"])
    assert [cell.layer for cell in reader.cells] == ["0", "0", "1", "1", "2", "2", "head"]
    (tokens,) = reader.encode(["they saw him"])
    head = reader.read(tokens[None])[0, -32:]
    classifier: Any = handle.model.get_submodule("classifier")
    with torch.no_grad():
        again = classifier(torch.from_numpy(head[None]).float())[0, list(handle.columns)]
    alone = values(handle, Split(SINGLE, "dev", ("0",), ("they saw him",)))[0]
    np.testing.assert_allclose(again.numpy(), alone, atol=0.05)
    text = "she likes funny films"
    sentence = Sentence("x", (text,), split_words(text), 1)
    methods = {name: METHODS.load(name).options() for name in ("lime", "shap", "occlusion")}
    setting = ExplanationSettings(methods)
    assert not method_obstacles(ask(reader_of(handle), sentence, setting), setting)
    explained = explain_model(handle, [sentence], setting, cache=None, progress=Silent())
    assert all(np.isfinite(one.scored.scores).all() for (one,) in explained.values())


def test_one_folder_in_three_precisions_is_kept_three_times(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """Guards a model in int8 that is given the stored outputs of the same folder in float32."""
    cache = Cache(tmp_path / "cache")
    kept = {}
    for query in ("dtype=float32", "quantize=int8", "dtype=bf16", "dtype=fp16"):
        handle = opened(folders["BERT"], query)
        first = stored_outputs(handle, SPLIT, cache=cache, progress=Silent())
        again = stored_outputs(handle, SPLIT, cache=cache, progress=Silent())
        assert (first.computed, again.computed) == (4, 0)
        kept[query] = first.values
    for query in ("quantize=int8", "dtype=bf16", "dtype=fp16"):
        assert 0 < np.abs(kept[query] - kept["dtype=float32"]).max() < 0.5
    assert len({each.tobytes() for each in kept.values()}) == 4


def test_a_precision_of_its_own_comes_before_that_of_the_run(folders: dict[str, Path]) -> None:
    """Guards `--dtype` of all models that undoes what was asked of one."""
    assert opened(folders["BERT"], "dtype=float32", dtype="bf16").precision == "float32"
    assert opened(folders["BERT"], "dtype=fp16").model.dtype is torch.float16
    assert opened(folders["BERT"], "quantize=int8", dtype="bf16").precision == "int8"


def test_what_cannot_be_quantised(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a traceback, or float32 numbers under the name int8."""
    with pytest.raises(CapabilityError, match="cannot be run with 8-bit linear maps"):
        opened(folders["BiLSTM"], "quantize=int8")
    few = opened(folders["GPT-2"], "quantize=int8")  # its layers are no linear maps of torch
    assert any("of its 1 linear map (0% of its parameters)" in note for note in few.notes)
    table = tmp_path / "p.tsv"
    table.write_text("id\tprob:bad\n")
    with pytest.raises(ConfigError, match="the option quantize=int8 of a predictions file"):
        open_model(parse_path(f"{table}?quantize=int8"), name="m", task=SINGLE)
    monkeypatch.setattr(
        type(torch.backends.quantized), "supported_engines", property(lambda self: ["none"])
    )
    with pytest.raises(CapabilityError, match="this build of torch has no kernels") as caught:
        opened(folders["BERT"], "quantize=int8")
    assert "?dtype=bf16" in str(caught.value)
