"""Models handed over in memory: the numbers of their folders, and nothing of them changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from torch.nn.utils import prune

from kdprobe.cache import Cache
from kdprobe.errors import CheckpointError, UsageError
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.loaded import open_loaded
from kdprobe.models.model_like import kind_of
from kdprobe.models.stored_outputs import stored_outputs
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task
from tests.contracts.families import FAMILIES, HEAVY, SINGLE, build
from tests.models.tiny import SENTENCES, tiny_checkpoint

TOY = Task("toy", 1, "classification", ("bad", "good"), "accuracy")


def split_of(task: Task) -> Split:
    return Split(task, "dev", tuple(map(str, range(len(SENTENCES)))), SENTENCES)


def outputs(handle: HfModel) -> np.ndarray:
    split = split_of(SINGLE if len(handle.columns) == 3 else TOY)
    return handle.outputs(split, batch_size=4, advance=lambda done: None).values


def pair(folder: Path) -> tuple[Any, Any]:
    """A model as a notebook loads it, left in train mode."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder)
    return model.train(), hf.AutoTokenizer.from_pretrained(folder)


def opened(given: Any, **options: Any) -> HfModel:
    return open_loaded(given, name="m", task=TOY, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "m", labels=["good", "bad"])


@pytest.mark.parametrize(
    "family",
    [pytest.param(one, marks=pytest.mark.slow) if one in HEAVY else one for one in FAMILIES],
)
def test_a_loaded_model_gives_the_numbers_of_its_folder(family: str, tmp_path: Path) -> None:
    """Guards a second way to open a model that pads, cuts or orders labels otherwise."""
    model, tokenizer = build(FAMILIES[family])
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    theirs = open_hf(str(tmp_path), name="m", task=SINGLE, device="cpu")
    ours = open_loaded(pair(tmp_path), name="m", task=SINGLE)
    assert outputs(ours).tobytes() == outputs(theirs).tobytes()
    assert (ours.columns, ours.labels, ours.notes) == (theirs.columns, theirs.labels, theirs.notes)
    assert ours.capabilities == theirs.capabilities
    assert ours.reading == theirs.reading


def state(model: Any, tokenizer: Any) -> list[object]:
    """All that a caller may have set."""
    weights = [(id(w), w.requires_grad, w.device, w.dtype, w._version, w.data_ptr())
               for w in model.parameters()]  # fmt: skip
    modules = [(module.training, len(module._forward_hooks), len(module._backward_hooks),
                len(module._forward_pre_hooks)) for module in model.modules()]  # fmt: skip
    return [
        weights, modules, [weight.grad for weight in model.parameters()],
        model.config.to_dict(), tokenizer.backend_tokenizer.to_str(), tokenizer.padding_side,
        torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(),  # type: ignore[index]
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_of_it_is_changed(folder: Path, dtype: torch.dtype) -> None:
    """Guards a training loop that goes on in eval mode, in float32 or with frozen weights."""
    from kdprobe.models.reader import Reader

    model, tokenizer = pair(folder)
    model = model.to(dtype)
    model.config.pad_token_id = None
    model.config.return_dict = False
    model.classifier.eval()
    model.bert.embeddings.requires_grad_(False)
    model.classifier.register_forward_hook(lambda module, given, out: None)
    tokenizer.padding_side = "left"
    tokenizer("a b", truncation=True, max_length=7, padding="max_length")
    before = state(model, tokenizer)
    for run in ("float32", "bf16"):
        handle = opened((model, tokenizer), dtype=run)
        outputs(handle)
        reader = Reader(handle)
        with reader.evaluating():
            reader.run(reader.tensors([reader.encode(("a dog",))[:2]]))
    assert state(model, tokenizer) == before


def test_a_copy_is_told(folder: Path, tmp_path: Path) -> None:
    """Guards a model in half precision that is compared as if it were another, silently."""
    model, tokenizer = pair(folder)
    half = model.to(torch.bfloat16)
    half.save_pretrained(tmp_path / "half")
    tokenizer.save_pretrained(tmp_path / "half")
    handle = opened((half, tokenizer))
    assert handle.notes[0] == "its weights are bfloat16 in memory; a float32 copy of them was run"
    theirs = open_hf(str(tmp_path / "half"), name="m", task=TOY, device="cpu")
    assert outputs(handle).tobytes() == outputs(theirs).tobytes()
    assert half.dtype is torch.bfloat16
    assert not opened(pair(folder)).notes[1:]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model, tokenizer: (model, tokenizer),
        lambda model, tokenizer: hf.pipeline(
            "text-classification", model=model, tokenizer=tokenizer
        ),
        lambda model, tokenizer: model,
    ],
    ids=["pair", "pipeline", "alone"],
)
def test_every_way_to_hand_it_over(folder: Path, wrap: Callable[..., Any]) -> None:
    """Guards a pipeline that is called as a function of texts, for it can be called."""
    given = wrap(*pair(folder))
    assert kind_of(given) == "loaded model"
    handle = opened(given)
    assert (handle.source, handle.folder) == (
        "loaded model", "a loaded BertForSequenceClassification",
    )  # fmt: skip
    theirs = open_hf(str(folder), name="m", task=TOY, device="cpu")
    assert outputs(handle).tobytes() == outputs(theirs).tobytes()


def computed(given: Any, cache: Cache) -> int:
    stored = stored_outputs(opened(given), split_of(TOY), cache=cache, progress=Silent())
    return stored.computed


def changed_weight(model: Any, tokenizer: Any) -> None:
    with torch.no_grad():
        model.classifier.bias[0] += 1e-3


def changed_buffer(model: Any, tokenizer: Any) -> None:
    model.bert.embeddings.token_type_ids += 1


def changed_config(model: Any, tokenizer: Any) -> None:
    model.config.layer_norm_eps = 1.0


def changed_limit(model: Any, tokenizer: Any) -> None:
    tokenizer.model_max_length = 7


def changed_tokens(model: Any, tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.normalizer = None


@pytest.mark.parametrize(
    "change",
    [changed_weight, changed_buffer, changed_config, changed_limit, changed_tokens],
)
def test_a_changed_model_is_asked_anew(
    folder: Path, tmp_path: Path, change: Callable[[Any, Any], None]
) -> None:
    """Guards the outputs of yesterday's weights served for those of today."""
    cache = Cache(tmp_path / "cache")
    model, tokenizer = pair(folder)
    assert computed((model, tokenizer), cache) == len(SENTENCES)
    assert computed((model.eval(), tokenizer), cache) == 0
    assert computed(pair(folder), cache) == 0
    tokenizer("a", truncation=True, max_length=3)  # a call leaves its settings in the tokenizer
    assert computed((model, tokenizer), cache) == 0
    change(model, tokenizer)
    assert computed((model, tokenizer), cache) == len(SENTENCES)


def test_what_the_weights_do_not_say_is_not_kept(folder: Path, tmp_path: Path) -> None:
    """Guards outputs kept under weights that a hook, or a class of the caller, makes others."""
    cache = Cache(tmp_path / "cache")
    model, tokenizer = pair(folder)
    plain = outputs(opened((model, tokenizer)))
    hook = model.classifier.register_forward_hook(lambda module, given, out: out + 1)
    for _ in range(2):
        assert computed((model, tokenizer), cache) == len(SENTENCES)
    np.testing.assert_allclose(outputs(opened((model, tokenizer))), plain + 1, atol=1e-6)
    hook.remove()

    class Mine(hf.BertForSequenceClassification):  # type: ignore[misc]
        """What it computes is not known from its name."""

    mine = Mine.from_pretrained(folder)
    for _ in range(2):
        assert computed((mine, tokenizer), cache) == len(SENTENCES)
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_a_pruned_model_is_run_pruned(folder: Path) -> None:
    """Guards masks of `torch.nn.utils.prune` that are lost, or a copy that fails."""
    model, tokenizer = pair(folder)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            prune.l1_unstructured(module, "weight", amount=0.5)
    with torch.no_grad():
        own = model.eval()(**tokenizer([SENTENCES[0]], return_tensors="pt")).logits[0, [1, 0]]
    model.train()
    np.testing.assert_allclose(outputs(opened((model, tokenizer)))[0], own.numpy(), atol=1e-6)


def no_tokenizer(model: Any, tokenizer: Any) -> Any:
    model.name_or_path = ""
    return model


def moved_away(model: Any, tokenizer: Any) -> Any:
    model.name_or_path = "/no/such/folder"
    return model


def replaced(model: Any, tokenizer: Any) -> Any:
    model.bert.forward = lambda **inputs: None
    return model, tokenizer


def on_meta(model: Any, tokenizer: Any) -> Any:
    model.classifier.to("meta")
    return model, tokenizer


def quantized(model: Any, tokenizer: Any) -> Any:
    model.is_quantized = True
    return model, tokenizer


def not_finite(model: Any, tokenizer: Any) -> Any:
    with torch.no_grad():
        model.classifier.bias[0] = float("nan")
    return model, tokenizer


def larger_tokenizer(model: Any, tokenizer: Any) -> Any:
    tokenizer.add_tokens(["unheard"])
    return model, tokenizer


def no_head(model: Any, tokenizer: Any) -> Any:
    model.bert.config.id2label = {0: "bad", 1: "good"}
    return model.bert, tokenizer


def other_labels(model: Any, tokenizer: Any) -> Any:
    model.config.id2label = {0: "yes", 1: "no"}
    return model, tokenizer


M = "m (a loaded BertForSequenceClassification): "


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_tokenizer, M + "its tokenizer is not at hand: the model names no place it comes from, "
         "expected a model with its tokenizer; hand over both: (model, tokenizer)"),
        (moved_away, M + "its tokenizer cannot be opened from folder, expected a model with its "
         "tokenizer; hand over both: (model, tokenizer)"),
        (replaced, M + "the forward of bert was replaced, expected a model that computes what its "
         "class does; compare a function that gives its probabilities for a list of texts"),
        (on_meta, M + "its weights are not all in the memory of one device, expected a model on "
         "one device; load it on one, or compare a function that gives its probabilities for a "
         "list of texts"),
        (quantized, M + "its weights are quantized, expected weights that are plain numbers; "
         "dequantize() a copy of it, or compare a function that gives its probabilities for a "
         "list of texts"),
        (not_finite, M + "the weight classifier.bias holds NaN or infinity, expected finite "
         "numbers; its training went wrong; train it again, with a lower learning rate or "
         "without fp16"),
        (larger_tokenizer, M + "its tokenizer has 196 tokens and its model embeds only 195, "
         "expected a tokenizer of the same model; copy the tokenizer of the model it was trained "
         "from into the folder"),
        (no_head, "m (a loaded BertModel): gives no logits for one text, expected a classifier "
         "that gives [1, 2]; load it with AutoModelForSequenceClassification"),
        (other_labels, M + "its labels are yes, no, expected the names bad, good in any order; "
         "was it trained for another task? Only if its labels mean the same, say which is "
         "which: `label_map=MODEL=TASK,…`"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_one_message(
    folder: Path, spoil: Callable[[Any, Any], Any], message: str
) -> None:
    """Guards numbers of another model than the one in hand, and errors of a library's insides."""
    with pytest.raises(UsageError) as caught:
        opened(spoil(*pair(folder)))
    assert isinstance(caught.value, CheckpointError)
    assert str(caught.value).endswith(message)
