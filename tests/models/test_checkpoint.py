"""Opening checkpoints: everything that would quietly mean something else is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging as transformers_logging

from kdprobe.atomic import EXCHANGE
from kdprobe.errors import CheckpointError
from kdprobe.models.checkpoint import describe, fingerprint, load_classifier, quiet
from kdprobe.models.text_model import TextModel
from kdprobe.tasks.task import Task
from tests.models.tiny import tiny_checkpoint

COLA = Task("cola", 1, "classification", ("unacceptable", "acceptable"), "mcc")
STSB = Task("stsb", 1, "regression", (), "pearson")
MNLI = Task("mnli", 1, "classification", ("entailment", "neutral", "contradiction"), "accuracy")


@pytest.fixture(scope="module")
def cola_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "bert", labels=COLA.labels)


@pytest.fixture
def copy(cola_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(cola_folder, tmp_path / "copy"))


def refusal(path: Path | str, *, task: Task = COLA, **options: object) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_classifier(str(path), task=task, **options)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("arch", ["bert", "distilbert", "roberta"])
def test_a_trained_head_is_opened_with_its_own_weights(arch, tmp_path: Path):
    """Guards against a head that is initialised anew without a word."""
    folder = tiny_checkpoint(tmp_path / arch, labels=COLA.labels, arch=arch)
    loaded = load_classifier(str(folder), task=COLA)
    held = load_file(folder / "model.safetensors")
    weights = dict(loaded.model.named_parameters())
    assert loaded.columns == (0, 1)
    assert loaded.notes == ()
    assert not loaded.model.training
    assert all(torch.equal(weights[name], held[name]) for name in held)
    assert describe(loaded.model).endswith("ForSequenceClassification, 2 layers, 32 wide, 2 heads")


def test_labels_in_another_order_are_matched_by_name(tmp_path: Path):
    """Guards against reading a student's columns swapped, which gives kappa below zero."""
    folder = tiny_checkpoint(tmp_path / "m", labels=["Acceptable", "un-acceptable"])
    loaded = load_classifier(str(folder), task=COLA)
    assert loaded.columns == (1, 0)
    assert loaded.notes == (
        "its outputs are in the order Acceptable, un-acceptable and were matched by name",
    )


def test_nameless_labels_need_a_word_from_the_user(tmp_path: Path):
    """Guards against taking LABEL_0 for the task's first label on no evidence."""
    folder = tiny_checkpoint(tmp_path / "m", labels=["LABEL_0", "LABEL_1"])
    assert refusal(folder) == (
        f"{folder}: its labels are LABEL_0, LABEL_1, expected the names unacceptable, acceptable "
        f"in any order; say which is which (`label_map='LABEL_0=unacceptable,"
        f"LABEL_1=acceptable'`), or `label_map='*=*'` when they are in the task's order"
    )
    said = {"LABEL_0": "acceptable", "LABEL_1": "unacceptable"}
    loaded = load_classifier(str(folder), task=COLA, label_map=said)
    assert loaded.columns == (1, 0)
    assert loaded.notes == (
        "its labels were read as the command says: LABEL_0 as acceptable, LABEL_1 as unacceptable",
    )
    placed = load_classifier(str(folder), task=COLA, label_map={"*": "*"})
    assert placed.columns == (0, 1)
    assert "read by position" in placed.notes[0]


def test_a_label_map_leaves_models_alone_whose_names_match(tmp_path: Path):
    """Guards against the teacher's map being laid over a student that needs none."""
    folder = tiny_checkpoint(tmp_path / "m", labels=["acceptable", "unacceptable"])
    for said in ({"LABEL_0": "acceptable"}, {"*": "*"}):
        assert load_classifier(str(folder), task=COLA, label_map=said).columns == (1, 0)


def test_a_bare_encoder_is_refused_and_may_get_a_fresh_head(tmp_path: Path):
    """Guards against comparing a model whose head is random, which transformers only logs."""
    folder = tiny_checkpoint(tmp_path / "m", labels=[], head=False)
    assert refusal(folder) == (
        f"{folder}: untrained head: the folder holds no weights for classifier.bias, "
        f"classifier.weight, expected a classifier that was trained for the task; train one with "
        f"`kdprobe finetune` first"
    )
    fresh = load_classifier(str(folder), task=MNLI, new_head=True)
    assert fresh.model.config.id2label == dict(enumerate(MNLI.labels))
    assert fresh.model.num_labels == 3
    number = load_classifier(str(folder), task=STSB, new_head=True).model
    assert (number.num_labels, number.config.problem_type) == (1, "regression")


@pytest.mark.parametrize("task", [COLA, MNLI])
def test_a_new_head_keeps_nothing_of_an_old_one(task, cola_folder: Path):
    """Guards against a "fresh" head of the same shape that is the old head in truth."""
    held = load_file(cola_folder / "model.safetensors")
    fresh = dict(
        load_classifier(str(cola_folder), task=task, new_head=True).model.named_parameters()
    )
    assert fresh["classifier.weight"].shape == (task.outputs, 32)
    if task is COLA:
        assert not torch.equal(fresh["classifier.weight"], held["classifier.weight"])
    body = [name for name in held if name.startswith("bert.")]
    assert body
    assert all(torch.equal(fresh[name], held[name]) for name in body)


def test_heads_of_other_tasks_are_refused(cola_folder: Path, tmp_path: Path):
    """Guards against a wrong task giving numbers that look like a bad model."""
    assert refusal(cola_folder, task=MNLI) == (
        f"{cola_folder}: its head has 2 outputs (unacceptable, acceptable), expected 3, as mnli "
        f"has (entailment, neutral, contradiction); was it trained for another task? Classes that "
        f"the rows of a table do not show are named with `labels=A,B,C`"
    )
    assert refusal(cola_folder, task=STSB) == (
        f"{cola_folder}: its head tells 2 classes apart, expected one output, as stsb asks for a "
        f"number; was it trained for another task?"
    )
    number = tiny_checkpoint(tmp_path / "number", labels=[])
    assert load_classifier(str(number), task=STSB).columns == (0,)
    assert refusal(number) == (
        f"{number}: its head gives one number, expected one of 2 classes, as cola asks; was it "
        f"trained for another task?"
    )
    config = json.loads((cola_folder / "config.json").read_text())
    many = Path(shutil.copytree(cola_folder, tmp_path / "many"))
    config["problem_type"] = "multi_label_classification"
    (many / "config.json").write_text(json.dumps(config))
    assert "its head was trained for multi label classification" in refusal(many)


def test_paths_that_are_no_folder(cola_folder: Path, tmp_path: Path):
    """Guards against transformers' message about repository ids for a mistyped folder."""
    wrong = cola_folder.with_name("brt")
    assert refusal(wrong) == f"{wrong}: no such folder; did you mean {cola_folder}?"
    assert refusal(cola_folder / "config.json").startswith(
        f"{cola_folder / 'config.json'}: is a file, expected a folder with config.json"
    )
    nowhere = tmp_path / "no" / "where"
    assert (
        refusal(nowhere) == f"{nowhere}: no such folder; there is no folder {nowhere.parent} either"
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "zebra").mkdir()
    far = tmp_path / "full" / "quux"
    assert refusal(far) == f"{far}: no such folder; {far.parent} holds zebra"
    (tmp_path / "void").mkdir()
    assert refusal(tmp_path / "void" / "x").endswith(f"{tmp_path / 'void'} is empty")


def test_hub_models_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Guards against a stack trace, or a minute of retries, when there is no network."""
    monkeypatch.chdir(tmp_path)
    assert refusal("some-model-of-the-hub") == (
        "some-model-of-the-hub: no such folder, and working offline, no hub model of that name is "
        "in the local cache"
    )
    # Which of the two depends on how this machine's network fails.
    said = refusal("owner/model", offline=False)
    assert said.startswith("owner/model: no such folder, and ")
    assert "the hub could not be asked for it (" in said or "the hub cannot be asked" in said


def test_folders_without_a_model(tmp_path: Path, cola_folder: Path):
    """Guards against opening the parent of a checkpoint as if it were one."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal(empty) == (
        f"{empty}: holds no config.json (it is empty), expected a transformers model folder"
    )
    message = refusal(cola_folder.parent)
    assert "holds no config.json (it holds bert)" in message
    assert message.endswith(f"did you mean {cola_folder}?")


def test_configs_that_cannot_be_used(copy: Path):
    """Guards against a damaged or foreign config ending in a traceback."""
    (copy / "config.json").write_text("{")
    assert refusal(copy).startswith(f"{copy / 'config.json'}:1: is not JSON (")
    (copy / "config.json").write_text("[]")
    assert refusal(copy) == (
        f"{copy / 'config.json'}: names no model_type, expected the config that save_pretrained "
        f"writes"
    )
    (copy / "config.json").write_text('{"model_type": "wibble"}')
    assert "is not understood" in refusal(copy)
    assert refusal(copy).endswith("a newer transformers may know it")
    (copy / "config.json").write_text('{"model_type": "clip"}')
    assert "cannot be opened (" in refusal(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_foreign_code_is_never_run(name, copy: Path):
    """Guards against a prompt on stdin, or worse, a program that comes with a model."""
    told = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps({**told, "auto_map": {"AutoModel": "code.Model"}}))
    (copy / "code.py").write_text("raise SystemExit('ran')")
    assert refusal(copy).startswith(
        f"{copy / name}: asks to run code that comes with the model (auto_map), expected an"
    )


def test_a_damaged_tokenizer_is_named(copy: Path):
    """Guards against two spellings of a damaged tokenizer: its settings and its words."""
    (copy / "tokenizer.json").write_text("{")
    assert refusal(copy).startswith(f"{copy / 'tokenizer.json'}:1: is not JSON (")
    (copy / "tokenizer_config.json").write_text("{")
    assert refusal(copy).startswith(f"{copy / 'tokenizer_config.json'}:1: is not JSON (")


def test_pickles_are_refused_with_a_command_that_converts_them(copy: Path):
    """Guards against running what a pickle holds; the command is run here and must work."""
    model = AutoModelForSequenceClassification.from_pretrained(copy)
    torch.save(model.state_dict(), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    message = refusal(copy)
    assert message.startswith(
        f"{copy}: its weights are pickled (pytorch_model.bin), and a pickle can run any program, "
        f"expected model.safetensors; if you trust where it comes from, convert it: python -c '"
    )
    exec(message.split("python -c '")[1].rstrip("'"), {})
    assert load_classifier(str(copy), task=COLA).columns == (0, 1)


def test_other_weights_are_named(copy: Path):
    """Guards against "no weights" for a folder that plainly holds a file of them."""
    (copy / "model.safetensors").rename(copy / "flax_model.msgpack")
    assert refusal(copy) == (
        f"{copy}: holds no weights (only flax_model.msgpack), expected model.safetensors"
    )
    (copy / "flax_model.msgpack").unlink()
    assert refusal(copy) == f"{copy}: holds no weights, expected model.safetensors"


def test_cut_off_weights_are_named(copy: Path):
    """Guards against a SafetensorError, which is no OSError, passing every handler."""
    place = copy / "model.safetensors"
    data = place.read_bytes()
    for damaged in (data[: len(data) // 2], b"version https://git-lfs.github.com/spec/v1\n", b""):
        place.write_bytes(damaged)
        assert refusal(copy).startswith(f"{place}: is damaged or cut off (")
    save_file({}, place)
    assert refusal(copy) == f"{place}: holds no tensor, expected a model's weights"


def test_sharded_weights_are_opened_and_a_missing_piece_is_named(copy: Path):
    """Guards against a big model refused for its many files, or opened without one of them."""
    before = load_file(copy / "model.safetensors")
    model = AutoModelForSequenceClassification.from_pretrained(copy)
    (copy / "model.safetensors").unlink()
    model.save_pretrained(copy, max_shard_size="20KB")
    pieces = sorted(copy.glob("model-*.safetensors"))
    assert len(pieces) > 1
    weights = dict(load_classifier(str(copy), task=COLA).model.named_parameters())
    assert all(torch.equal(weights[name], before[name]) for name in before)
    whole = fingerprint(copy)
    pieces[1].unlink()
    assert fingerprint(copy) != whole
    assert refusal(copy) == (
        f"{copy}: the piece {pieces[1].name!r} of its weights is missing, expected all "
        f"{len(pieces)} files that model.safetensors.index.json names; copy or download the folder "
        f"again"
    )
    (copy / "model.safetensors.index.json").write_text("{}")
    assert refusal(copy).endswith("names no weight_map, expected the index save_pretrained writes")


def test_a_weight_that_is_missing_or_of_another_shape_is_named(copy: Path):
    """Guards against a layer that is quietly drawn at random."""
    place = copy / "model.safetensors"
    weights = load_file(place)
    name = "bert.encoder.layer.1.attention.self.query.weight"
    save_file({key: weights[key] for key in weights if key != name}, place, {"format": "pt"})
    assert refusal(copy).startswith(f"{copy}: the weight {name} is missing, expected the weights")
    save_file({**weights, name: weights[name][:16].clone()}, place, {"format": "pt"})
    assert f"the weight {name} has shape (16, 32), its config says (32, 32)" in refusal(copy)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(value, copy: Path):
    """Guards against a ruined model that predicts one class for everything."""
    weights = load_file(copy / "model.safetensors")
    weights["bert.pooler.dense.bias"][3] = value
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert refusal(copy) == (
        f"{copy}: the weight bert.pooler.dense.bias holds NaN or infinity, expected finite "
        f"numbers; its training went wrong; train it again, with a lower learning rate or "
        f"without fp16"
    )


def test_a_folder_without_tokenizer_is_refused(copy: Path):
    """Guards against the five-word tokenizer that transformers invents, to which all is [UNK]."""
    (copy / "tokenizer.json").unlink()
    assert refusal(copy).startswith(
        f"{copy}: has no tokenizer files; without them every word would be read as unknown"
    )


def test_a_tokenizer_of_another_model_is_refused(copy: Path, tmp_path: Path):
    """Guards against token ids beyond the embedding, or rows that stand for other words."""
    other = tiny_checkpoint(tmp_path / "roberta", labels=COLA.labels, arch="roberta")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(other / name, copy / name)
    assert refusal(copy) == (
        f"{copy}: its tokenizer has 266 tokens and its model embeds only 195, expected a tokenizer "
        f"of the same model; copy the tokenizer of the model it was trained from into the folder"
    )


def test_a_tokenizer_that_cannot_pad_opens(copy: Path):
    """Guards against a refusal where a batch can be filled up by what the model's config names."""
    told = json.loads((copy / "tokenizer_config.json").read_text())
    del told["pad_token"]
    told["tokenizer_class"] = "PreTrainedTokenizerFast"
    (copy / "tokenizer_config.json").write_text(json.dumps(told))
    loaded = load_classifier(str(copy), task=COLA)
    assert loaded.tokenizer.pad_token_id is None
    assert TextModel(loaded.model, loaded.tokenizer, name="m").together == "right"


def test_the_fingerprint_is_of_the_bytes_and_not_of_the_place(cola_folder: Path, copy: Path):
    """Guards against a retrained checkpoint under an old name finding the old predictions."""
    before = fingerprint(cola_folder)
    (copy / "README.md").write_text("notes are no part of a model")
    assert fingerprint(copy) == before
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(data + b" ")
        assert fingerprint(copy) != before
        (copy / name).write_bytes(data)
    assert fingerprint(copy) == before
    (copy / "empty").mkdir()
    with pytest.raises(CheckpointError, match="holds no model, expected a model folder"):
        fingerprint(copy / "empty")


def test_loading_says_nothing_and_changes_no_setting(
    cola_folder: Path, capfd: pytest.CaptureFixture[str]
):
    """Guards against bars and load reports on the terminal, and against silencing a user's own."""
    transformers_logging.enable_progress_bar()
    transformers_logging.set_verbosity_warning()
    load_classifier(str(cola_folder), task=MNLI, new_head=True)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    with pytest.raises(RuntimeError, match="inside"), quiet():
        raise RuntimeError("inside")
    assert transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.get_verbosity() == transformers_logging.WARNING


def test_the_attention_implementation_is_the_one_asked_for(cola_folder: Path):
    """Guards against fused attention where gradients of gradients are needed."""
    model = load_classifier(str(cola_folder), task=COLA, attention="eager").model
    assert model.config._attn_implementation == "eager"


def test_a_folder_of_old_and_new_files_is_refused(copy: Path) -> None:
    """Guards new weights that are read with an old tokenizer, where a training was killed."""
    (copy / EXCHANGE).mkdir()
    assert refusal(copy, task=COLA) == (
        f"{copy}: holds the model of a killed training, whose files are not all in their places, "
        "expected a finished model; run that training again with `resume`; it takes no further step"
    )
