"""Tests of comparing models that cut texts differently, word by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.distillation import distill
from kdprobe.distillers.alignment import summed, word_means, words_read
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.objective import OBJECTIVES, View
from kdprobe.distillers.word_alignment import match_words
from kdprobe.errors import CapabilityError
from kdprobe.models.gradients import word_sums
from kdprobe.models.shapes import NewShape, build_new
from kdprobe.models.text_model import TextModel
from kdprobe.progress import Silent
from tests.distillers.builders import TASK, toy_split
from tests.distillers.conftest import Toy
from tests.distillers.words_apart import Apart, apart, matched, vectors_file
from tests.models.tiny import tiny_tokenizer

BY_WORD = ("hidden_states", "cosine", "attribution")
each_name = pytest.mark.parametrize("name", BY_WORD)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Apart:
    return apart(tmp_path_factory.mktemp("apart"))


def one_text(text: str, arch: Any = "bert", *, longest: int = 40, other: str | None = None) -> Any:
    """The word shares of one text or pair, `[W, L]`."""
    split = replace(toy_split(1), texts=(text,), pairs=None if other is None else (other,))
    tokenizer = tiny_tokenizer(arch)
    model = build_new(NewShape(1, 4, 4, 1), TASK, tokenizer=tiny_tokenizer("bert"))
    plain = encode_for(model, tokenizer, split, max_length=longest)
    text_model = TextModel(model, tokenizer, name="m")
    with_words = match_words(
        plain, text_model, split, max_length=longest, progress=Silent(), title="words"
    )
    return with_words.batch([0])["words"][0]


def test_shares_by_hand() -> None:
    """Guards the matching: `filmq` is film + ##q, and special tokens belong to no word."""
    rows = one_text("a filmq .").tolist()  # [CLS] a film ##q . [SEP]
    assert rows == [
        [0, 1, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
    ]
    cut = one_text("a filmq .", longest=4)  # [CLS] a film [SEP]: the last word has no token
    assert cut.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    two = one_text("a dog", other="a cat")  # [CLS] a dog [SEP] a cat [SEP]
    assert two.argmax(1).tolist() == [1, 2, 4, 5]
    assert one_text("the film", "roberta").shape[0] == 2  # another tokenizer, the same words


def test_pooling_by_hand() -> None:
    """Guards means and sums: a word of two pieces has their mean vector and their summed score."""
    hidden = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]])
    shares = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
    assert word_means(hidden, shares).tolist() == [[[2.0, 2.0], [9.0, 9.0], [0.0, 0.0]]]
    assert word_sums(hidden[..., 1], shares).tolist() == [[4.0, 9.0, 0.0]]
    half = torch.tensor([[[1.0, 0.5, 0.0]]])  # a token over two words counts half
    assert torch.allclose(word_means(hidden, half), (hidden[:, :1] + hidden[:, 1:2] / 2) / 1.5)
    real = torch.tensor([[True, True, False]])
    values = torch.tensor([[2.0, 4.0, torch.inf]])
    assert summed(values, real, "word").tolist() == [3.0]
    assert summed(values, real, "token").tolist() == [6.0]
    assert summed(values, torch.zeros_like(real), "word").tolist() == [0.0]


def test_words_that_one_model_lost() -> None:
    """Guards cut texts: a word only one model read must not be compared with zeros."""
    ours = View({}, {"words": torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])})
    theirs = View({}, {"words": torch.tensor([[[1.0], [0.0]]])})
    assert words_read(ours, theirs).tolist() == [[True, False]]
    with pytest.raises(ValueError, match="a batch without its words"):
        _ = View({}).words


def test_other_tokens_than_were_encoded() -> None:
    """Guards the match against another length: shares would name tokens that are not there."""
    split = toy_split(2)
    tokenizer = tiny_tokenizer("bert")
    model = build_new(NewShape(1, 4, 4, 1), TASK, tokenizer=tokenizer)
    plain = encode_for(model, tokenizer, split, max_length=40)
    text = TextModel(model, tokenizer, name="m")
    with pytest.raises(ValueError, match="words matched with other tokens than were encoded"):
        match_words(plain, text, split, max_length=4, progress=Silent(), title="")


def test_one_word_for_every_word_piece_model(pair: Apart) -> None:
    """Guards the two sides: the same words in the same rows, whatever the tokens."""
    ours, theirs = (part.batch(range(12))["words"] for part in pair.train)
    assert ours.shape[:2] == theirs.shape[:2]
    assert torch.equal(ours.sum(-1) > 0, theirs.sum(-1) > 0)
    assert float(theirs.sum(1).max()) == pytest.approx(1.0)
    assert ours.shape[2] != theirs.shape[2]


@each_name
def test_padding_and_order_change_nothing(pair: Apart, name: str) -> None:
    """Guards batches: an example's value is its own, beside longer ones and padded on the left."""
    alone = torch.cat([pair.values(name, [row], level="word") for row in range(6)])
    together = pair.values(name, [*range(5, -1, -1)], level="word").flip(0)
    assert torch.allclose(alone, together, rtol=1e-4, atol=1e-6)
    turned = pair._replace(train=(replace(pair.train[0], left=True), pair.train[1]))
    assert torch.allclose(turned.values(name, range(6), level="word"), alone, rtol=1e-4, atol=1e-6)


@each_name
def test_zero_at_the_teacher(pair: Apart, name: str) -> None:
    """Guards a perfect student: no value and no pull where both say the same of every word."""
    twin = build_new(NewShape(2, 16, 32, 2), TASK, tokenizer=tiny_tokenizer("bert")).eval()
    twin.set_attn_implementation("eager")
    twin.load_state_dict(pair.teacher.state_dict())
    shape = pair.models.teacher
    assert shape is not None
    models = replace(pair.models, student=shape, layer_map=((1, 1), (2, 2)))
    both = (pair.train[1], pair.train[1])
    same = Apart(twin, pair.teacher, models, both, both)
    losses = same.values(name, range(6), level="word")
    assert losses.abs().max().item() < 1e-5
    losses.sum().backward()
    slopes = [w.grad.abs().max().item() for w in twin.parameters() if w.grad is not None]
    assert max(slopes) < 1e-4
    assert pair.values(name, range(6), level="word").min().item() > 1e-3


@each_name
def test_derivative(pair: Apart, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the gradient through words and an LSTM, twice for attribution, by differences."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)  # float64 from end to end
    double = pair._replace(student=pair.student.double(), teacher=pair.teacher.double())
    weights = list(double.student.parameters())
    try:
        slopes = torch.autograd.grad(
            double.values(name, range(4), level="word").sum(), weights, allow_unused=True
        )
        torch.manual_seed(5)
        moves = [torch.randn_like(weight) for weight in weights]
        along = sum((s * m).sum() for s, m in zip(slopes, moves, strict=True) if s is not None)
        ends, step = [], 1e-6
        for sign in (1.0, -2.0, 1.0):
            with torch.no_grad():
                for weight, move in zip(weights, moves, strict=True):
                    weight.add_(move, alpha=sign * step)
            ends.append(double.values(name, range(4), level="word").sum().item())
    finally:
        monkeypatch.undo()
        pair.student.float()
        pair.teacher.float()
    assert float(along) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)


@each_name
def test_a_word_lstm_learns_from_word_pieces(tmp_path: Path, name: str) -> None:
    """Guards distilling across tokenizers: each term alone falls fivefold, and helps new texts."""
    pair = apart(tmp_path, hidden=8 if name == "cosine" else 24, train=16)
    objective = OBJECTIVES.load(name)
    options = objective.options(level="word")
    assert objective.skip_reason(pair.models, options) is None
    torch.manual_seed(3)
    projection = objective.projection(pair.models, options)
    weights = [*pair.student.parameters(), *(projection.parameters() if projection else ())]
    optimiser = torch.optim.Adam(weights, lr=2e-2)

    def mean(held: bool) -> Any:
        rows = range(12 if held else 16)
        return pair.values(name, rows, held=held, trained=projection, level="word").mean()

    begun, unseen = mean(False).item(), mean(True).item()
    lowest, best = begun, unseen
    for step in range(200):
        loss = mean(False)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        lowest = min(lowest, loss.item())
        if step % 20 == 19:
            best = min(best, mean(True).item())
            if lowest < begun / 5 and best < 0.9 * unseen:
                break
    assert lowest < begun / 5
    assert best < 0.9 * unseen


def test_distilled_from_end_to_end(toy: Toy, tmp_path: Path) -> None:
    """Guards the command: a BERT teaches a word-level BiLSTM its states, maps and logits."""
    file = vectors_file(tmp_path, "the a film story music actor plan city dog man great terrible")
    recipe = tmp_path / "words.toml"
    terms = {"soft_targets": (1, ""), "hidden_states": (0.1, 'level = "word"'),
             "attribution": (0.1, 'level = "word"')}  # fmt: skip
    recipe.write_text('name = "words"\n' + "".join(
        f'[[objectives]]\nname = "{name}"\nweight = {weight}\noptions = {{ {options} }}\n'
        for name, (weight, options) in terms.items()
    ))  # fmt: skip
    settings: dict[str, Any] = {
        "task": toy.task, "recipe": recipe, "epochs": 4, "learning_rate": 1e-2, "offline": True,
        "device": "cpu", "bf16": False, "threads": 1, "batch_size": 16,
        "student": f"bilstm:hidden=16,fc=16,mode=multichannel,embeddings={file}",
    }  # fmt: skip
    result = distill(toy.teacher, output=tmp_path / "s", **settings)
    assert dict(result.preflight.facts)["same token ids"] == (
        "no: each reads with its own tokenizer"
    )
    assert "vectors.txt (GloVe text, 12 wide): 12 of 13 words" in result.preflight.notes[0]
    first, last = (
        [entry[f"{name}_value"] for entry in result.history if f"{name}_value" in entry]
        for name in ("hidden_states", "attribution")
    )
    assert first[-1] <= first[0]
    assert last[-1] <= last[0]
    assert result.scores["agreement"] is not None
    assert result.scores["agreement"] > 0.9
    plain = tmp_path / "tokens.toml"
    plain.write_text('name = "tokens"\n[[objectives]]\nname = "cosine"\n')
    with pytest.raises(CapabilityError) as caught:
        distill(toy.teacher, output=tmp_path / "t", **(settings | {"recipe": plain}))
    assert str(caught.value) == (
        "objective cosine: student and teacher cut texts into different tokens, so that their "
        "positions cannot be matched; hidden_states, cosine and attribution compare words with "
        'level = "word", and soft_targets, logit_mse and patience do not look at positions; leave '
        "it out of the recipe, or choose another student"
    )


def test_layers_that_cannot_be_taken_in_hand(pair: Apart) -> None:
    """Guards attribution to a layer of an LSTM: a reason before training, no crash in step 1."""
    objective = OBJECTIVES.load("attribution")
    reason = objective.skip_reason(pair.models, objective.options(level="word", layer="first"))
    assert reason == (
        "the student has no attention layers whose output can be attributed to; its embeddings "
        'can: layer = "input"'
    )


def test_words_in_numpy(pair: Apart) -> None:
    """Guards the pooled values against numpy, word by word, from the tokens' own vectors."""
    rows = range(3)
    losses = pair.values("hidden_states", rows, level="word", projection="never").detach().numpy()
    ours, theirs = (part.batch(rows) for part in pair.train)
    views = []
    for model, batch, layer in ((pair.student, ours, 1), (pair.teacher, theirs, 2)):
        given = {key: value for key, value in batch.items() if key != "words"}
        with torch.no_grad():
            views.append(model(**given, output_hidden_states=True).hidden_states[layer].numpy())
    expected = []
    for row in rows:
        gaps = []
        for word in range(ours["words"].shape[1]):
            means = []
            for states, batch in zip(views, (ours, theirs), strict=True):
                tokens = np.flatnonzero(batch["words"][row, word].numpy())
                if len(tokens):
                    means.append(states[row, tokens].mean(0))
            if len(means) == 2:
                gaps.append(((means[0] - means[1]) ** 2).mean())
        expected.append(np.mean(gaps))
    assert np.allclose(losses, expected, rtol=1e-4)


def test_a_split_matched_twice_is_equal(pair: Apart) -> None:
    """Guards determinism: resumed runs match words again."""
    split = toy_split(24, seed=3)
    again = matched(pair.teacher, tiny_tokenizer("bert"), split)
    assert again.words == pair.train[1].words
