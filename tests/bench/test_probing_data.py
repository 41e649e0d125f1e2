"""Reading all layers of many sentences: sentences a second, and memory that does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig

from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.tasks.grammar.generation import derivations
from tests.bench.layer_reading import POOLINGS, TASK
from tests.bench.rows import BenchRows

COUNTS = tuple(
    int(count) for count in os.environ.get("KDPROBE_SENTENCES", "10000,50000,100000").split(",")
)
FULL = 10_000
LABELS = dict(enumerate(TASK.labels))
READER = Path(__file__).with_name("layer_reading.py")


def grammar_sentences(count: int) -> Iterator[str]:
    """Give so many different acceptable sentences."""
    return (row.text for row in derivations("train", size=2 * count) if row.acceptable)


def small_bert(folder: Path, texts: list[str]) -> None:
    """Save a small BERT with random weights that knows the grammar's words."""
    tokenizer = train_tokenizer(texts, vocabulary=400)
    config = BertConfig(
        vocab_size=len(tokenizer), num_hidden_layers=2, hidden_size=64, num_attention_heads=2,
        intermediate_size=128, id2label=LABELS,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def real_encoder(folder: Path, source: str) -> None:
    """Save a pretrained encoder with a new head."""
    model = AutoModelForSequenceClassification.from_pretrained(
        source, id2label=LABELS, label2id={name: at for at, name in LABELS.items()}
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_memory_is_flat_in_sentences(tmp_path: Path, bench_row: BenchRows):
    """Guards against features held in memory: with a hundred thousand sentences no run would end.

    `KDPROBE_ENCODER` names the folder of a pretrained encoder, `KDPROBE_SENTENCES` other counts. Of
    a few thousand sentences few share a length, so that batches are small: memory is flat from
    where they are full, some 10,000 sentences.
    """
    texts = list(dict.fromkeys(grammar_sentences(max(COUNTS))))
    (tmp_path / "sentences.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    encoder = os.environ.get("KDPROBE_ENCODER", "")
    if encoder:
        real_encoder(tmp_path / "m", encoder)
    else:
        small_bert(tmp_path / "m", texts[:2000])
    told = []
    for count in COUNTS:
        done = subprocess.run(
            [sys.executable, str(READER), str(tmp_path / "m"), str(tmp_path / "sentences.txt"),
             str(count)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        one = json.loads(done.stdout)
        assert one["sentences"] == count
        print(
            f"all layers, {one['cells']} cells of {', '.join(POOLINGS)}: {count:,} sentences at "
            f"{count / one['seconds']:.0f} a second, peak {one['peak'] / 1e6:.0f} MB "
            f"({(one['peak'] - one['before']) / 1e6:.0f} MB of it for reading), features "
            f"{one['bytes'] / 1e6:.0f} MB on disk"
        )
        bench_row(
            f"reading layers of {count:,} sentences, peak memory", one["peak"] / 1e6, unit="MB",
            agreement=f"{count / one['seconds']:.0f} sentences a second",
        )  # fmt: skip
        told.append(one)
    few, many = told[0], told[-1]
    grown = (many["peak"] - few["peak"]) / max(many["sentences"] - few["sentences"], 1)
    print(f"each further sentence takes {grown:.0f} bytes of memory: its text and its token ids")
    if min(COUNTS) < FULL:
        pytest.skip(f"of fewer than {FULL:,} sentences batches are not full: growth says nothing")
    # Less than what is stored of a sentence, which would be memory if it were not on disk.
    assert grown < 800
