"""ONNX folders for tests: a bag of words put together node by node, and torch's own export.

Does: write folders as Optimum lays them out. Does not: open them as kdprobe does.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf

from tests.contracts.families import OUTPUTS, tokenizer_of

COLUMNS = ("input_ids", "attention_mask", "token_type_ids")


def word_table(rows: int) -> np.ndarray:
    """What each token adds to each of three logits: float32 `[rows, 3]`, exact in binary."""
    ids = np.arange(rows, dtype=np.float32)
    return np.stack([ids % 8, -(ids % 4), (ids % 16) / 2], axis=1)


SEGMENTS = np.array([[0, 0, 0], [4, -8, 2]], dtype=np.float32)
"""What each token of the second text adds to the logits."""


def bag_of_words(
    folder: Path,
    *,
    columns: Sequence[str] = COLUMNS,
    order: Sequence[int] = (0, 1, 2),
    length: int | str = "tokens",
) -> Path:
    """Write a graph whose logits are the mean of its tokens' rows of `word_table` and `SEGMENTS`.

    Args:
        folder: where.
        columns: what it asks for.
        order: which of the three logits comes at each place; its config keeps `OUTPUTS`.
        length: the number of its tokens; a name: any.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tokenizer = tokenizer_of("cls-sep")
    rows, picked = len(tokenizer), list(order)
    fixed = {
        "words": word_table(rows)[:, picked], "segments": SEGMENTS[:, picked],
        "last": np.array([2], dtype=np.int64), "across": np.array([1], dtype=np.int64),
    }  # fmt: skip
    node, inputs = (
        helper.make_node,
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", length])
            for name in columns
        ],
    )
    nodes = [node("Gather", ["words", "input_ids"], ["looked_up"])]
    vectors = "looked_up"
    if "token_type_ids" in columns:
        nodes += [node("Gather", ["segments", "token_type_ids"], ["of_segment"]),
                  node("Add", [vectors, "of_segment"], ["both"])]  # fmt: skip
        vectors = "both"
    nodes += [
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["wide"]),
        node("Mul", [vectors, "wide"], ["kept"]),
        node("ReduceSum", ["kept", "across"], ["total"], keepdims=0),
        node("ReduceSum", ["mask", "across"], ["count"], keepdims=1),
        node("Div", ["total", "count"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "bag", inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", 3])],
        [numpy_helper.from_array(value, name) for name, value in fixed.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(made, str(folder / "model.onnx"))
    config = hf.BertConfig(
        vocab_size=rows, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=40, id2label=dict(enumerate(OUTPUTS)),
        label2id={name: at for at, name in enumerate(OUTPUTS)},
        architectures=["BertForSequenceClassification"],
    )  # fmt: skip
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def by_hand(tokenizer: Any, *texts: str) -> np.ndarray:
    """The logits of one text or pair in the order of `OUTPUTS`, added up token by token."""
    given = tokenizer(*texts)
    table = word_table(len(tokenizer))
    pairs = zip(given["input_ids"], given["token_type_ids"], strict=True)
    rows = [table[token] + SEGMENTS[kind] for token, kind in pairs]
    mean: np.ndarray = np.mean(rows, axis=0)
    return mean


def export(source: Path, folder: Path, *, columns: Sequence[str] = COLUMNS,
           order: Sequence[int] | None = None) -> Path:  # fmt: skip
    """Export a folder by torch's own exporter (it needs onnxscript), with dynamic axes.

    Args:
        source: a folder of `transformers`.
        folder: where.
        columns: what the graph asks for; a column left out is what the model takes for granted.
        order: the places of its logits after a mistake; None: none was made.
    """
    model = hf.AutoModelForSequenceClassification.from_pretrained(source).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(source)
    given = tokenizer(["a dog sleeps", "an"], ["a cat", "the dog sleeps"], padding=True,
                      return_tensors="pt")  # fmt: skip

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *values: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.inner(**dict(zip(columns, values, strict=True))).logits
            return logits if order is None else logits[:, list(order)]

    folder.mkdir(parents=True, exist_ok=True)
    longest = model.config.max_position_embeddings
    axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=longest)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits().eval(), tuple(given[name] for name in columns), str(folder / "model.onnx"),
            input_names=list(columns), output_names=["logits"], dynamo=True, verbose=False,
            dynamic_shapes=(tuple(axes for _ in columns),), external_data=False,
        )  # fmt: skip
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def renamed_labels(folder: Path, names: Sequence[str]) -> None:
    """Write other names of the labels into a folder's config."""
    place = folder / "config.json"
    config = json.loads(place.read_text(encoding="utf-8"))
    config["id2label"] = {str(at): name for at, name in enumerate(names)}
    config["label2id"] = {name: at for at, name in enumerate(names)}
    place.write_text(json.dumps(config), encoding="utf-8")


def quantised(folder: Path, target: Path) -> Path:
    """Quantise an exported folder by onnxruntime's own tool: weights to 8 bits, as Optimum does."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    shutil.copytree(folder, target)
    graph = target / "model_quantized.onnx"
    quantize_dynamic(target / "model.onnx", graph, weight_type=QuantType.QInt8)
    return target
