"""Broken model folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from tests.broken.corpus import Case, Words, World

_INDEX = "model.safetensors.index.json"


def config(**changes: Any) -> Callable[[World], Words]:
    """Change the student's config."""

    def words(world: World) -> Words:
        world.edited("S/config.json", **changes)
        return world.models

    return words


def tokenizer(**changes: Any) -> Callable[[World], Words]:
    """Change the student's tokenizer config."""

    def words(world: World) -> Words:
        world.edited("S/tokenizer_config.json", **changes)
        return world.models

    return words


def written(name: str, text: str, *, encoding: str = "utf-8") -> Callable[[World], Words]:
    """Write a file of the student's folder."""

    def words(world: World) -> Words:
        world.text(f"S/{name}", text, encoding=encoding)
        return world.models

    return words


def marked(name: str) -> Callable[[World], Words]:
    """Put a byte order mark before a file of the student's folder."""

    def words(world: World) -> Words:
        place = world / "S" / name
        place.write_bytes(b"\xef\xbb\xbf" + place.read_bytes())
        return world.models

    return words


def no_file(name: str, *, folder: bool = False) -> Callable[[World], Words]:
    """Have a link to nothing, or a folder, in the place of a file."""

    def words(world: World) -> Words:
        place = world / "S" / name
        place.unlink()
        if folder:
            place.mkdir()
        else:
            place.symlink_to("nowhere")
        return world.models

    return words


def of_kind(kind: torch.dtype) -> Callable[[World], Words]:
    """Write the student's weights as numbers of another kind."""

    def words(world: World) -> Words:
        world.weights(lambda held: {name: weight.to(kind) for name, weight in held.items()})
        return world.models

    return words


def vocabulary(text: str) -> Callable[[World], Words]:
    """Have a list of word pieces for a tokenizer."""

    def words(world: World) -> Words:
        for place in (world / "S").glob("tokenizer*"):
            place.unlink()
        world.text("S/vocab.txt", text)
        return world.models

    return words


def index(text: str) -> Callable[[World], Words]:
    """Have the student's weights in pieces."""

    def words(world: World) -> Words:
        (world / "S" / "model.safetensors").rename(world / "S" / "piece.safetensors")
        world.text(f"S/{_INDEX}", text)
        return world.models

    return words


def prefixed(prefix: str) -> Callable[[World], Words]:
    """Name the student's weights as a wrapper does."""

    def words(world: World) -> Words:
        world.weights(lambda held: {prefix + name: weight for name, weight in held.items()})
        return world.models

    return words


def weight(name: str, value: torch.Tensor) -> Callable[[World], Words]:
    """Put another tensor in the place of a weight."""

    def words(world: World) -> Words:
        world.weights(lambda held: {**held, name: value})
        return world.models

    return words


def adapter(world: World, *, alone: bool) -> Words:
    """Put an adapter beside the student's weights, or in their place."""
    world.text("S/adapter_config.json", '{"peft_type": "LORA", "base_model_name_or_path": "base"}')
    place = world / "S" / "model.safetensors"
    target = world / "S" / "adapter_model.safetensors"
    if alone:
        place.rename(target)
        (world / "S" / "config.json").unlink()
    else:
        target.write_bytes(place.read_bytes())
    return world.models


def augmenting(world: World) -> Words:
    """Ask a model with code of its own for texts."""
    world.edited("S/config.json", auto_map={"AutoModel": "code.Model"})
    return [
        "augment", world / "toy.toml", "-o", world / "new" / "out.tsv", "--model", world / "S",
        "--method", "language_model", "-q",
    ]  # fmt: skip


def _one_based() -> Callable[[World], Words]:
    return config(id2label={"1": "bad", "2": "good"}, label2id={"bad": 1, "good": 2})


def by_position(world: World) -> Words:
    """Say that outputs are in the task's order, as the message about labels offers."""
    _one_based()(world)
    world.edited("T/config.json", id2label={"1": "bad", "2": "good"})
    return [*world.models, "--label-map", "*=*"]


def C(name: str, words: Callable[[World], Words], *expected: str, code: int = 2) -> Case:
    return Case("checkpoint", name, words, expected, code)


_FIELD = "S: config.json: "
CASES = (
    C("augment with custom code", augmenting, "auto_map", "kdprobe runs no foreign code"),
    C("hidden_act = 3", config(hidden_act=3), _FIELD, "hidden_act is 3, expected str"),
    C("hidden_act unknown", config(hidden_act="gelo"), _FIELD, 'hidden_act is "gelo"'),
    C("hidden_dropout_prob = 'x'", config(hidden_dropout_prob="x"), 'hidden_dropout_prob is "x"'),
    C("dropout of 7", config(hidden_dropout_prob=7.0), "hidden_dropout_prob is 7.0", "0 and 1"),
    C("classifier_dropout of 9", config(classifier_dropout=9.0), "classifier_dropout is 9.0"),
    C("cross attention", config(add_cross_attention=True), "add_cross_attention is true"),
    C("type_vocab_size = -1", config(type_vocab_size=-1), "type_vocab_size is -1"),
    C("attention of nobody", config(attn_implementation="wibble"), "attn_implementation is"),
    C("tuples for outputs", config(return_dict=False), code=0),
    C("traced for torch.jit", config(torchscript=True), code=0),
    C("dtype a list", config(dtype=["float32"]), _FIELD, 'dtype is ["float32"]'),
    C("model_type a list", config(model_type=["bert"]), 'model_type is ["bert"]'),
    C("fewer layers than weights", config(num_hidden_layers=1), "encoder.layer.1", "not count"),
    C("hidden_size = 0", config(hidden_size=0), _FIELD, "hidden_size is 0", "from 1"),
    C("hidden_size of another model", config(hidden_size=64), "(195, 32)", "(195, 64)"),
    C("hidden_size = 10^30", config(hidden_size=10**30), "hidden_size is 1e+30"),
    C("intermediate_size = 'x'", config(intermediate_size="x"), 'intermediate_size is "x"', "int"),
    C("intermediate_size = 0", config(intermediate_size=0), "intermediate_size is 0"),
    C("layer_norm_eps = 'abc'", config(layer_norm_eps="abc"), 'layer_norm_eps is "abc"', "float"),
    C("layer_norm_eps = -1", config(layer_norm_eps=-1), "layer_norm_eps is -1", "float"),
    C("layer_norm_eps = None", config(layer_norm_eps=None), "layer_norm_eps is null", "float"),
    C("num_attention_heads = 0", config(num_attention_heads=0), "num_attention_heads is 0"),
    C("heads that do not divide", config(num_attention_heads=3), "attention heads (3)"),
    C("num_hidden_layers = '3'", config(num_hidden_layers="3"), 'num_hidden_layers is "3"', "int"),
    C("num_hidden_layers = None", config(num_hidden_layers=None), "num_hidden_layers is null"),
    C("a billion layers", config(num_hidden_layers=10**9), "1,000,000,000 layers", "at most 1,000"),
    C("more layers than weights", config(num_hidden_layers=9), "encoder.layer.2", "is missing"),
    C("pad_token_id = 'a'", config(pad_token_id="a"), 'pad_token_id is "a"', "int or null"),
    C("pad_token_id = 1000000", config(pad_token_id=10**6), "pad_token_id is 1000000", "195"),
    C("vocab_size = -3", config(vocab_size=-3), "vocab_size is -3"),
    C("type_vocab_size = 0", config(type_vocab_size=0), "token_type_embeddings", "(0, 32)"),
    C("is_decoder = 'x'", config(is_decoder="x"), 'is_decoder is "x"', "bool"),
    C("dtype = float99", config(dtype="float99"), _FIELD, "float99"),
    C("model_type t5", config(model_type="t5"), _FIELD, "classifier_dropout"),
    C("model_type nobody knows", config(model_type="wibble"), "wibble", "newer transformers"),
    C("model_type of pictures", config(model_type="vit"), "an encoder that transformers knows"),
    C("no model_type", config(model_type=...), "names no model_type"),
    C("custom code", config(auto_map={"AutoModel": "c.M"}), "auto_map"),
    C(
        "custom tokenizer",
        tokenizer(auto_map={"AutoTokenizer": "c.T"}),
        "tokenizer_config",
        "auto_map",
    ),
    C(
        "quantization_config",
        config(quantization_config={"quant_method": "bitsandbytes"}),
        "its weights are quantised",
        "bitsandbytes",
        "dequantize",
    ),
    C("config nested 100k brackets", written("config.json", "[" * 100_000), "deeper than 100"),
    C(
        "config cut off",
        written("config.json", '{"model_type": "bert",'),
        "config.json:1",
        "is not JSON",
    ),
    C("config in UTF-16", written("config.json", "{}", encoding="utf-16"), "is not UTF-8"),
    C(
        "config with a mark",
        marked("config.json"),
        "S/config.json: begins with a byte order mark",
        "without the mark",
    ),
    C("config empty", written("config.json", ""), "is not JSON"),
    C("config of 5000 digits", written("config.json", '{"a": ' + "1" * 5000 + "}"), "5,000 digits"),
    C("id2label keys 1, 2", _one_based(), "labels 1, 2; outputs are counted from 0", "*=*"),
    C("id2label keys 1, 2 by position", by_position, code=0),
    C("id2label a list", config(id2label=["bad", "good"]), "id2label is", "a name for each output"),
    C(
        "id2label of a key of 5000 digits",
        config(id2label={"1" * 5000: "bad"}),
        "id2label numbers an output '111",
        "whole numbers from 0",
    ),
    C("id2label of one key twice", config(id2label={"0": "bad", "00": "good"}), "output '00'"),
    C("id2label of words", config(id2label={"x": "bad"}), "id2label numbers an output 'x'"),
    C(
        "id2label of three",
        config(id2label={"0": "a", "1": "b", "2": "c"}, label2id=...),
        "names 3 labels (a, b, c)",
        "2 outputs",
    ),
    C("label2id contradicts", config(label2id={"bad": 1, "good": 0}), "by id2label", "by label2id"),
    C(
        "index with numbers as files",
        index('{"metadata": {}, "weight_map": {"a": 3}}'),
        _INDEX,
        "weight_map.a is 3",
    ),
    C("index without a map", index("{}"), _INDEX, "names no weight_map"),
    C("index without metadata", index('{"weight_map": {"a": "a"}}'), _INDEX, "names no metadata"),
    C("index nested 100k", index("[" * 100_000), _INDEX, "deeper than 100"),
    C(
        "index out of the folder",
        index('{"metadata": {}, "weight_map": {"a": "../T/model.safetensors"}}'),
        "the piece '../T/model.safetensors'",
        "is missing",
    ),
    C(
        "index of a long name",
        index(json.dumps({"metadata": {}, "weight_map": {"a": "x" * 300}})),
        "is missing",
    ),
    C("weights cut off", written("model.safetensors", "x" * 100), "is damaged or cut off"),
    C(
        "weights a git-lfs pointer",
        written("model.safetensors", "version https://git-lfs"),
        "git-lfs",
    ),
    C("weights of NaN", weight("classifier.bias", torch.tensor([1.0, float("nan")])), "NaN"),
    C("weights of whole numbers", of_kind(torch.int32), "numbers of the kind I32", "dequantize"),
    C("weights of complex numbers", of_kind(torch.complex64), "numbers of the kind C64"),
    C("weights of truths", of_kind(torch.bool), "numbers of the kind BOOL"),
    C("weights of half precision", of_kind(torch.float16), code=0),
    C("weights are a link to nothing", no_file("model.safetensors"), "is a link to no file"),
    C("weights are a folder", no_file("model.safetensors", folder=True), "is a folder"),
    C("config is a link to nothing", no_file("config.json"), "is a link to no file"),
    C("config is a folder", no_file("config.json", folder=True), "is a folder"),
    C("a head of three", weight("classifier.weight", torch.zeros(3, 32)), "3 outputs", "2 labels"),
    C("weights named by torch.compile", prefixed("_orig_mod."), code=0),
    C("weights named by DataParallel", prefixed("module._orig_mod."), code=0),
    C(
        "weights named by Lightning",
        prefixed("net."),
        "none of its weights has the name",
        "net.bert",
    ),
    C(
        "an adapter alone",
        lambda world: adapter(world, alone=True),
        "its base base is at none of",
        "?base=PATH",
    ),
    C(
        "an adapter beside weights",
        lambda world: adapter(world, alone=False),
        "an adapter (adapter_config.json) for base beside",
        "merge_and_unload",
        "take adapter_* out",
    ),
    C(
        "an adapter of a long name",
        written("adapter_config.json", json.dumps({"base_model_name_or_path": "x" * 100_000})),
        f"for {'x' * 60}",
        "…",
    ),
    C(
        "a path of a name too long",
        lambda world: ["compare", "x" * 300, world / "S", *world.rest],
        "File name too long",
    ),
    C("tokenizer model_max_length -1", tokenizer(model_max_length=-1), "model_max_length is -1"),
    C("tokenizer model_max_length 2", tokenizer(model_max_length=2), "more than the 2 special"),
    C("tokenizer model_max_length 'x'", tokenizer(model_max_length="x"), 'model_max_length is "x"'),
    C("tokenizer cut off", written("tokenizer.json", '{"version": '), "tokenizer.json:1: is not"),
    C("tokenizer nested", written("tokenizer.json", "[" * 100_000), "tokenizer.json: is nested"),
    C("tokenizer a list", written("tokenizer.json", "[]"), "tokenizer.json: holds a list"),
    C("tokenizer in UTF-16", written("tokenizer.json", "{}", encoding="utf-16"), "is not UTF-8"),
    C("tokenizer of nothing", written("tokenizer.json", "{}"), "tokenizer files cannot be read"),
    C("tokenizer with a mark", marked("tokenizer.json"), "tokenizer.json: begins with a byte"),
    C("tokenizer config with a mark", marked("tokenizer_config.json"), "begins with a byte order"),
    C("tokenizer config a list", written("tokenizer_config.json", "[]"), "config.json: holds a"),
    C("special tokens nested", written("special_tokens_map.json", "[" * 100_000), "map.json: is"),
    C("tokenizer_class = 3", tokenizer(tokenizer_class=3), "S: tokenizer_config.json: tokenizer_c"),
    C("do_lower_case = 'x'", tokenizer(do_lower_case="x"), 'do_lower_case is "x"'),
    C("padding_side = 'up'", tokenizer(padding_side="up"), 'padding_side is "up"', "left"),
    C("pad_token = 3", tokenizer(pad_token=3), "pad_token is 3"),
    C("added tokens a list", tokenizer(added_tokens_decoder=[1]), "added_tokens_decoder is [1]"),
    C("vocabulary of nothing", vocabulary(""), "tokenizer"),
    C("vocabulary of one word", vocabulary("dog\n"), "tokenizer"),
    C(
        "tokenizer config nested",
        written("tokenizer_config.json", "[" * 100_000),
        "deeper than 100",
    ),
)
