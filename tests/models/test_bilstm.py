"""The BiLSTM classifier and how a person names one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from kdprobe.config.task import Task
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.models.bilstm_shape import BiLSTMShape, build_bilstm, parse_bilstm
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.shapes import label_settings, parse_student
from tests.models.tiny import SENTENCES, tiny_tokenizer

TASK = Task(
    name="toy", version=1, kind="classification", labels=("bad", "good"), primary_score="mcc"
)


def model_of(*, layers: int = 2, sentence: str = "last", seed: int = 0) -> nn.Module:
    """Build a small one with a known seed."""
    shape = BiLSTMShape(hidden=8, fc=6, layers=layers, embed=5, sentence=sentence)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: nn.Module = build_bilstm(shape, label_settings(TASK), tokenizer=tiny_tokenizer())
    return model.eval()


@pytest.mark.parametrize("sentence", ["last", "max"])
def test_padding_changes_nothing(sentence: str) -> None:
    """A maximum or last state taken over padding makes a sentence depend on its neighbours."""
    model = model_of(sentence=sentence)
    tokenizer = tiny_tokenizer()
    together = model(**_inputs(tokenizer, list(SENTENCES))).logits
    for row, text in enumerate(SENTENCES):
        alone = model(**_inputs(tokenizer, [text])).logits
        assert torch.allclose(alone[0], together[row], atol=1e-6)


def _inputs(tokenizer: object, texts: list[str]) -> dict[str, torch.Tensor]:
    batch = tokenizer(texts, padding=True, return_tensors="pt")  # type: ignore[operator]
    return {key: batch[key] for key in ("input_ids", "attention_mask")}


def test_two_layers_read_the_last_layer() -> None:
    """The released code of the 2020 thesis read the first layer's states of a 2-layer LSTM."""
    model = model_of(layers=2)
    inputs = _inputs(tiny_tokenizer(), [SENTENCES[0]])
    output = model(**inputs, output_hidden_states=True)
    assert [tuple(state.shape[1:]) for state in output.hidden_states] == [
        (inputs["input_ids"].shape[1], width) for width in (5, 16, 16)
    ]
    top = output.hidden_states[-1][0]
    final = torch.cat((top[-1, :8], top[0, 8:]))
    logits = model.classifier(torch.relu(model.dense(final)))  # type: ignore[operator]
    assert torch.allclose(output.logits[0], logits, atol=1e-6)


def test_embeddings_can_stand_for_ids() -> None:
    """Attribution methods differentiate through embeddings; they must mean the same sentence."""
    model = model_of()
    inputs = _inputs(tiny_tokenizer(), list(SENTENCES))
    vectors = model.get_input_embeddings()(inputs["input_ids"]).detach().requires_grad_()  # type: ignore[operator]
    again = model(inputs_embeds=vectors, attention_mask=inputs["attention_mask"]).logits
    assert torch.equal(again, model(**inputs).logits)
    again.sum().backward()
    assert torch.isfinite(vectors.grad).all()


def test_folder_opens_as_any_checkpoint(tmp_path: Path) -> None:
    """A student that only kdprobe's own code can open is no plain checkpoint."""
    model = model_of()
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    tiny_tokenizer().save_pretrained(tmp_path)
    loaded = load_classifier(str(tmp_path), task=TASK)
    inputs = _inputs(loaded.tokenizer, list(SENTENCES))
    assert torch.equal(loaded.model(**inputs).logits, model(**inputs).logits)
    code = (
        "import kdprobe.models.bilstm; from transformers import AutoModelForSequenceClassification"
        f" as Auto; Auto.from_pretrained({str(tmp_path)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_and_bad_names() -> None:
    """A misspelt size must not quietly become the default."""
    assert parse_student("bilstm:hidden=16,fc=8,layers=2,embed=4,vocab=300,sentence=max") == (
        BiLSTMShape(hidden=16, fc=8, layers=2, embed=4, vocabulary=300, sentence="max")
    )
    assert parse_bilstm("", "--student") == BiLSTMShape()
    with pytest.raises(UnknownNameError, match="did you mean 'hidden'"):
        parse_bilstm("hiden=3", "--student")
    with pytest.raises(ConfigError, match="fc is '0', expected a whole number from 1"):
        parse_bilstm("fc=0", "--student")
    with pytest.raises(ConfigError, match="fc twice in bilstm:fc=1,fc=2"):
        parse_bilstm("fc=1,fc=2", "--student")
    with pytest.raises(UnknownNameError, match="no student is called 'mean'"):
        parse_bilstm("sentence=mean", "--student")
