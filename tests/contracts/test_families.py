"""One property over all families: what kdprobe runs is what the model itself would run.

Each part is held against plain transformers on that one text: `model(**tokenizer(text))`, no
batch, no padding, no hook. Outputs are equal to 1e-6 of one plus the largest output; word scores to
1e-5 of the largest; states, kept in 16 bits, to 2e-3. What a family cannot give is refused, and
the words of the reason are checked. Run with `-s` to see the table of the README.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.distillers.data import encode_for
from kdprobe.distillers.forward import read
from kdprobe.distillers.objective import LOGITS, Need
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.teacher_signal import LiveTeacher, StoredTeacher
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.errors import CapabilityError
from kdprobe.extract.explained_piece import ask
from kdprobe.extract.features import extract_features
from kdprobe.extract.method import METHODS, ExplanationInput
from kdprobe.extract.own_outputs import method_obstacles, require_own_outputs
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel
from kdprobe.models.hidden import LayerReader
from kdprobe.models.reader import Reader
from kdprobe.models.text_model import TextModel
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task
from tests.contracts.families import FAMILIES, HEAVY, LIMIT, PAIRS, SINGLE, Opened
from tests.contracts.rescale import multipliers

LONG = " ".join(f"{noun} {verb}" for noun in ("dog", "cat", "film", "book", "city", "child")
                for verb in ("sleeps", "sees", "likes", "reads", "gives", "finds"))  # fmt: skip
TEXTS = (
    "the dog sleeps in the garden", "an", "she likes a funny film .", "don't !", LONG,
    "a [SEP] in the text", "the </s> ends <s> twice", "<pad> first", "they saw him <pad>",
    "the students read these old books because the teacher gave them a new plan",
)  # fmt: skip
SECONDS = ("", "a great story", *TEXTS[:8])
EXPLAINED = "she likes funny films"
GRADIENTS = ("integrated_gradients", "gradient_x_input", "deep_lift")
TARGET = 1

TABLE: dict[str, dict[str, str]] = {}
COLUMNS = ("predictions", "shap, lime, occlusion", "special tokens", "gradients", "probing", "cls",
           "pairs", "padding", "truncation", "training")  # fmt: skip

every_family = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in HEAVY else ()) for n in FAMILIES]
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp("families"))


def own_inputs(handle: HfModel, texts: Sequence[str]) -> dict[str, torch.Tensor]:
    """What the model's own tokenizer gives for one text, of what its forward takes."""
    given = handle.tokenizer(
        *([text] for text in texts), truncation=True, max_length=handle.text.limit,
        return_tensors="pt",
    )  # fmt: skip
    takes = inspect.signature(handle.model.forward).parameters
    inputs = {name: given[name] for name in given if name in takes}
    rows = getattr(handle.model.config, "type_vocab_size", math.inf)
    if "token_type_ids" in inputs and int(inputs["token_type_ids"].max()) >= rows:
        del inputs["token_type_ids"]
    return inputs


def begin(handle: HfModel) -> Any:
    """The model as it is when it has just been opened: BigBird keeps the attention of a text."""
    model: Any = handle.model
    if model.config.model_type == "big_bird":
        model.bert.set_attention_type(model.config.attention_type)
    return model


def own(handle: HfModel, texts: Sequence[str]) -> np.ndarray:
    """The model's own outputs for one text, in its own order, float64 `[outputs]`."""
    model = begin(handle)
    with torch.no_grad():
        logits: np.ndarray = model(**own_inputs(handle, texts)).logits[0].double().numpy()
    return logits


def in_order(handle: HfModel, texts: Sequence[str]) -> np.ndarray:
    return own(handle, texts)[list(handle.columns)]


def odds(logits: Any, target: int = TARGET) -> Any:
    """The log-odds of a class against the rest, of `[..., c]`."""
    values = torch.as_tensor(logits)
    rest = [at for at in range(values.shape[-1]) if at != target]
    return values[..., target] - torch.logsumexp(values[..., rest], dim=-1)


def gap(found: Any, right: Any) -> float:
    """The largest difference, as a share of one plus the largest output."""
    found, right = np.asarray(found), np.asarray(right)
    return float(np.abs(found - right).max() / (1.0 + np.abs(right).max()))


def note(name: str, column: str, value: float | str) -> None:
    told = value if isinstance(value, str) else f"{value:.0e}"
    TABLE.setdefault(name, {})[column] = told


def split_of(task: Task) -> Split:
    ids = tuple(str(row) for row in range(len(TEXTS)))
    return Split(task, "dev", ids, TEXTS, SECONDS if task.has_pairs else None)


def outputs(handle: HfModel, split: Split, size: int) -> np.ndarray:
    return handle.outputs(split, batch_size=size, advance=lambda done: None).values


@every_family
def test_batch_of_one_equals_batch_of_many(name: str, opened: Opened):
    """Guards against padding, positions, segments and other texts moving a prediction."""
    handle = opened.of(name)
    right = np.stack([in_order(handle, (text,)) for text in TEXTS])
    worst = 0.0
    for size in (1, 4, 64):
        found = outputs(handle, split_of(SINGLE), size)
        worst = max(worst, gap(found, right))
        assert (found.argmax(axis=1) == right.argmax(axis=1)).all()
    assert worst <= 1e-6
    assert np.ptp(right[:, 0]) > 1e-3
    note(name, "predictions", worst)
    assert not handle.alarms
    assert not any("one by one" in told for told in handle.notes)


@every_family
def test_pairs_are_the_models_own(name: str, opened: Opened):
    """Guards against segments that a model has no rows for, and empty second texts dropped."""
    handle = opened.of(name)
    both = list(zip(TEXTS, SECONDS, strict=True))
    right = np.stack([in_order(handle, texts) for texts in both])
    worst = max(gap(outputs(handle, split_of(PAIRS), size), right) for size in (1, 64))
    reader = Reader(handle)
    for texts in both:
        encoded = reader.encode(texts)
        row = reader.logits([(encoded.ids, encoded.types)])[0]
        worst = max(worst, gap(row, in_order(handle, texts)))
    assert worst <= 1e-6
    note(name, "pairs", worst)


def put(handle: HfModel, text: str = EXPLAINED) -> ExplanationInput:
    """A text as it is put to a model."""
    sentence = Sentence("x", (text,), split_words(text), TARGET)
    methods = {name: METHODS.load(name).options() for name in ("shap", "lime", "occlusion")}
    return ask(Reader(handle), sentence, ExplanationSettings(methods))


def coalitions(words: Sequence[str]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Each choice of words with its text."""
    for kept in itertools.product((0, 1), repeat=len(words)):
        yield kept, " ".join(word for word, here in zip(words, kept, strict=True) if here)


def shapley(values: dict[tuple[int, ...], float], n: int) -> list[float]:
    """Shapley values by their definition: the mean gain over all orders of the words."""
    total = [0.0] * n
    for order in itertools.permutations(range(n)):
        kept = [0] * n
        for word in order:
            before = values[tuple(kept)]
            kept[word] = 1
            total[word] += values[tuple(kept)] - before
    return [value / math.factorial(n) for value in total]


def lime(values: dict[tuple[int, ...], float], n: int) -> np.ndarray:
    """The weighted least squares that lime tends to: every proper coalition once."""
    rows = [kept for kept in values if sum(kept) < n]
    near = [100 * (1 - math.sqrt(sum(kept) / n)) for kept in rows]
    weight = [
        math.exp(-(d**2) / 25.0**2 / 2) / (n * math.comb(n, sum(kept)))
        for d, kept in zip(near, rows, strict=True)
    ]
    design = np.array([[1, *kept] for kept in rows], dtype=np.float64)
    left = design.T @ (design * np.array(weight)[:, None])
    right = design.T @ (np.array(weight) * np.array([values[kept] for kept in rows]))
    return np.asarray(np.linalg.solve(left, right)[1:])


def blank(handle: HfModel) -> float:
    """The odds of a text of no token: one padding token, where a tokenizer adds none."""
    inputs = {
        "input_ids": torch.tensor([[handle.tokenizer.pad_token_id]]),
        "attention_mask": torch.tensor([[1]]),
    }
    with torch.no_grad():
        logits = handle.model(**inputs).logits[0].double()[list(handle.columns)]
    return float(odds(logits))


@every_family
def test_word_scores_are_those_of_the_models_own_function(name: str, opened: Opened):
    """Guards against explaining another function than the model's: other types, other padding."""
    handle = opened.of(name)
    asked = put(handle)
    require_own_outputs([asked.game, *(put(handle, text).game for text in TEXTS)])
    words = EXPLAINED.split()
    refused = FAMILIES[name].refused.get("words")
    if refused is not None:  # it cannot run the shortest coalitions
        methods = {method: METHODS.load(method).options() for method in ("shap", "lime")}
        reasons = method_obstacles(asked, ExplanationSettings(methods))
        assert set(reasons) == set(methods)
        assert all(refused in reason for reason in reasons.values())
        note(name, "shap, lime, occlusion", f"refused: {refused}")
        return
    values = {
        kept: float(odds(in_order(handle, (text,)))) if text or handle.tokenizer("")["input_ids"]
        else blank(handle)
        for kept, text in coalitions(words)
    }  # fmt: skip
    whole = values[(1,) * len(words)]
    right: dict[str, Any] = {
        "shap": shapley(values, len(words)),
        "lime": lime(values, len(words)),
        "occlusion": [
            whole - values[tuple(int(at != out) for at in range(len(words)))]
            for out in range(len(words))
        ],
    }
    worst = 0.0
    for method, scores in right.items():
        made = METHODS.load(method)
        (found,) = made.explain([asked], asked.game.reader, made.options(), "log-odds")
        worst = max(worst, gap(found.scores, scores))
        assert gap(found.scores, scores) <= 1e-5, method
    note(name, "shap, lime, occlusion", worst)


@every_family
def test_special_tokens_in_a_text_are_read_as_the_model_reads_them(name: str, opened: Opened):
    """Guards against chunks put together where the tokenizer sees a token of its own."""
    handle = opened.of(name)
    made = METHODS.load("occlusion")
    worst = 0.0
    for text in TEXTS[5:8]:
        asked = put(handle, text)
        (found,) = made.explain([asked], asked.game.reader, made.options(), "log-odds")
        whole = float(odds(in_order(handle, (text,))))
        right = []
        for word in split_words(text):
            left = f"{text[: word.start].rstrip()} {text[word.end :].lstrip()}".strip()
            right.append(whole - float(odds(in_order(handle, (left,)))))
        assert gap(found.scores, right) <= 1e-5, text
        worst = max(worst, gap(found.scores, right))
    note(name, "special tokens", worst)


def embedded(handle: HfModel, inputs: dict[str, torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The model as a function of word vectors `[k, t, d]`, by its own `inputs_embeds`."""
    model = begin(handle)
    rest = {key: value for key, value in inputs.items() if key != "input_ids"}

    def call(vectors: torch.Tensor) -> torch.Tensor:
        given = {key: value.expand(len(vectors), -1) for key, value in rest.items()}
        if model.config.model_type == "longformer":  # fails to make it of `inputs_embeds` itself
            given["global_attention_mask"] = torch.zeros_like(given["attention_mask"])
            given["global_attention_mask"][:, 0] = 1
        if not model.config.is_encoder_decoder:
            # a copy: CTRL multiplies what it is given in place
            logits: torch.Tensor = model(inputs_embeds=vectors.clone(), **given).logits
            return logits
        start = torch.tensor([[model.config.decoder_start_token_id]])
        begun = model.get_input_embeddings()(start).expand(len(vectors), -1, -1)
        body = getattr(model, "model", None) or model.transformer
        states = body(
            inputs_embeds=vectors, attention_mask=given["attention_mask"],
            decoder_inputs_embeds=torch.cat([begun, vectors[:, :-1]], dim=1),
        ).last_hidden_state  # fmt: skip
        last = int((inputs["input_ids"][0] == model.config.eos_token_id).nonzero()[-1])
        head: torch.nn.Module = model.classification_head
        return torch.as_tensor(head(states[:, last]))

    return call


def gradient_scores(handle: HfModel) -> dict[str, np.ndarray]:
    """Integrated gradients (50 points, from padding), gradient times input, DeepLIFT, by words."""
    inputs = own_inputs(handle, (EXPLAINED,))
    told = handle.tokenizer(EXPLAINED, return_offsets_mapping=True, return_special_tokens_mask=True)
    special = torch.tensor(told["special_tokens_mask"]).bool()
    table = handle.model.get_input_embeddings()
    assert table is not None
    call = embedded(handle, inputs)
    with torch.no_grad():
        here = table(inputs["input_ids"])
        pad = table(torch.full_like(inputs["input_ids"], handle.tokenizer.pad_token_id))
        start = torch.where(special[None, :, None], here, pad)
    nodes, weights = np.polynomial.legendre.leggauss(50)

    def slope(vectors: torch.Tensor) -> torch.Tensor:
        vectors = vectors.clone().requires_grad_()
        odds(call(vectors)[:, list(handle.columns)]).sum().backward()
        assert vectors.grad is not None
        return vectors.grad

    path = torch.cat([start + (node + 1) / 2 * (here - start) for node in nodes.tolist()])
    mean = (slope(path) * torch.tensor(weights / 2, dtype=torch.float32)[:, None, None]).sum(0)
    tokens = {
        "integrated_gradients": ((here - start)[0] * mean).sum(-1),
        "gradient_x_input": (here[0] * slope(here)[0]).sum(-1),
        "deep_lift": multipliers(
            handle.model, lambda both: odds(call(both)[:, list(handle.columns)]), here, start
        ),
    }
    words = split_words(EXPLAINED)
    return {
        method: np.array(
            [
                sum(
                    float(score)
                    for score, (low, high) in zip(scores, told["offset_mapping"], strict=True)
                    if low < word.end and high > word.start
                )
                for word in words
            ]
        )
        for method, scores in tokens.items()
    }


@every_family
def test_gradients_are_those_of_the_models_own_word_vectors(name: str, opened: Opened):
    """Guards against vectors laid where the model does not read the text, or only half of it."""
    handle = opened.of(name)
    asked = put(handle)
    steps = {"steps": 50, "most_steps": 50}
    methods = {
        method: METHODS.load(method).options(**(steps if method == GRADIENTS[0] else {}))
        for method in GRADIENTS
    }
    reasons = method_obstacles(asked, ExplanationSettings(methods))
    words = FAMILIES[name].refused.get("gradients")
    if words is not None:
        assert set(reasons) == set(GRADIENTS)
        assert all(words in reason for reason in reasons.values())
        note(name, "gradients", f"refused: {words}")
        return
    assert not reasons
    worst = 0.0
    for method, right in gradient_scores(handle).items():
        made = METHODS.load(method)
        for found in made.explain([asked, asked], asked.game.reader, methods[method], "log-odds"):
            worst = max(worst, gap(found.scores, right))
            assert gap(found.scores, right) <= FAMILIES[name].rounded, method
    note(name, "gradients", worst)


@every_family
def test_layers_are_the_hidden_states_of_that_one_text(name: str, opened: Opened):
    """Guards against layers read without segments or of padding, and blind first tokens."""
    handle = opened.of(name)
    refused = FAMILIES[name].refused
    if "layers" in refused:
        with pytest.raises(CapabilityError) as caught:
            LayerReader(handle, ["mean"])
        assert refused["layers"] in str(caught.value)
        note(name, "probing", f"refused: {refused['layers']}")
        note(name, "cls", "refused")
        return
    reader = LayerReader(handle, ["mean_all", "cls"])
    if "cls" in refused:
        assert refused["cls"] in reader.undefined["cls"]
        assert ("last" in reader.undefined["cls"]) == (refused["cls"] in "its attention is causal"
                                                       or name == "BiLSTM")  # fmt: skip
    assert "head" not in reader.undefined
    note(name, "cls", f"refused: {refused['cls']}" if "cls" in refused else "read")
    texts = [TEXTS[0], TEXTS[2], TEXTS[9]]
    places = {cell: at for at, cell in enumerate(reader.cells)}
    linear = [m for m in handle.model.modules() if getattr(m, "out_features", 0) == 3][-1]
    worst = 0.0
    with extract_features(reader, texts, cache=None, progress=Silent()) as features:
        for text in texts:
            with torch.no_grad():
                said = begin(handle)(**own_inputs(handle, (text,)), output_hidden_states=True)
            states = getattr(said, "hidden_states", None) or said.encoder_hidden_states
            row = features.rows([text])
            assert len(reader.layers) == len(states)
            for layer, state in enumerate(states):
                for pooling, right in (("mean_all", state[0].mean(0)), ("cls", state[0, 0])):
                    at = places.get((str(layer), pooling))  # type: ignore[call-overload]
                    if at is not None:
                        vector = features.take(row, [at])[0, 0]
                        worst = max(worst, gap(vector, right.numpy()))
            head = features.take(row, [places["head", ""]])[0, 0]  # type: ignore[index]
            with torch.no_grad():
                again = linear(torch.from_numpy(head))
            worst = max(worst, gap(again, said.logits[0]) / 4)  # a sum of 32 rounded numbers
    assert worst <= 2e-3
    note(name, "probing", worst)


@every_family
def test_padding_and_truncation_on_either_side(name: str, opened: Opened):
    """Guards against the other side of a tokenizer: positions, last tokens, words never read."""
    handle = opened.of(name)
    tokenizer = handle.tokenizer
    before = tokenizer.padding_side, tokenizer.truncation_side
    try:
        tokenizer.padding_side = "right" if before[0] == "left" else "left"
        text = TextModel(handle.model, tokenizer, name=name)
        tokens = text.encode(TEXTS)
        found = np.empty((len(TEXTS), 3))
        with torch.no_grad():
            for rows in text.batches(tokens.lengths, batch_size=64):
                found[rows] = text.forward(text.tensors(tokens.columns, rows.tolist()))
        worst = gap(found, np.stack([own(handle, (one,)) for one in TEXTS]))
        assert worst <= 1e-6
        note(name, "padding", worst)
        for side in ("right", "left"):
            tokenizer.truncation_side = side
            right = in_order(handle, (LONG,))
            split = Split(SINGLE, "dev", ("0", "1"), (LONG, "a funny film"))
            cut = gap(outputs(handle, split, 2)[0], right)
            assert cut <= 1e-6
            ((start, end),) = Reader(handle).words_read((LONG,), split_words(LONG))
            unread = LONG[:start] if side == "left" else LONG[end:]
            assert (start == 0, end == len(LONG)) == (side == "right", side == "left")
            assert len(tokenizer(LONG[start:end])["input_ids"]) <= handle.text.limit
            assert tokenizer(unread)["input_ids"]
            note(name, "truncation", cut)
    finally:
        tokenizer.padding_side, tokenizer.truncation_side = before


@every_family
def test_training_reads_what_predictions_read(name: str, opened: Opened):
    """Guards against a student that is trained on other inputs than it is compared on."""
    handle = opened.of(name)
    encoded = encode_for(handle.model, handle.tokenizer, split_of(SINGLE), max_length=LIMIT)
    rows = [0, 1, 4, 6, 9]
    layers = "layers" not in FAMILIES[name].refused
    need = Need("hidden", 1)
    with torch.no_grad():
        values = read(handle.model, encoded.batch(rows), {need, LOGITS} if layers else {LOGITS})
    if name == "CANINE":
        limit, right = handle.text.limit, []
        assert limit >= LIMIT
        tokens = handle.text.encode([TEXTS[row] for row in rows], longest=LIMIT)
        with torch.no_grad():
            for row in range(len(rows)):
                one = handle.text.tensors(tokens.columns, [row])
                right.append(handle.model(**one).logits[0].numpy())
    else:
        right = [own(handle, (TEXTS[row],)) for row in rows]
    worst = gap(values[LOGITS].numpy(), np.stack(right))
    mask = encoded.batch(rows)["attention_mask"].bool()
    for place, row in enumerate(rows):
        if layers:
            with torch.no_grad():
                said = begin(handle)(**own_inputs(handle, (TEXTS[row],)), output_hidden_states=True)
            states = getattr(said, "hidden_states", None) or said.encoder_hidden_states
            mine = values[need][place][mask[place]]
            worst = max(worst, gap(mine.numpy(), states[1][0].numpy()))
    assert worst <= 1e-6
    note(name, "training", worst)


@every_family
def test_what_a_teacher_gives_is_its_own(name: str, opened: Opened):
    """Guards teachers refused or let pass wrongly: stored or at every step; and students."""
    handle, split = opened.of(name), split_of(SINGLE)
    encoded = encode_for(handle.model, handle.tokenizer, split, max_length=LIMIT)
    reading = OwnReading(handle.text, split, encoded, LIMIT, handle.columns)
    layers = () if "layers" in FAMILIES[name].refused else (0, 1, 2)
    needs = frozenset(Need(kind, at) for at in layers for kind in ("hidden", "first"))
    live = LiveTeacher(handle.model, encoded, needs, handle.columns)
    reading.require_signal(live)
    logits = all_logits(
        handle.model, encoded, columns=handle.columns, device=torch.device("cpu"),
        batch_size=4, progress=Silent(), title="",
    )  # fmt: skip
    reading.require_signal(StoredTeacher(torch.from_numpy(logits)))
    replace(reading, columns=None).require_student()
    with pytest.raises(CapabilityError, match=r"its logits .* in the batches of the training"):
        replace(reading, columns=None).require_signal(live)


def test_table() -> None:
    """Print the README's rows of the families that ran in this process."""
    print(f"\n| family | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name, row in TABLE.items():
        print(f"| {name} | {' | '.join(row.get(column, '') for column in COLUMNS)} |")
    assert set(TABLE) <= set(FAMILIES)
    assert len(FAMILIES) >= 18
