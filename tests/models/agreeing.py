"""A small classifier that solves subject-verb agreement of the embedded grammar, in seconds.

Does: train a BiLSTM on agreement alone, save it, its untrained twin and the dev sentences as a task
of their own. Does not: judge it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import BertTokenizer

from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.tasks.grammar.generation import generate_split
from kdprobe.tasks.open import open_task
from kdprobe.tasks.task import Split

_PHENOMENON = "subject_verb_agreement"
_SHAPE = LstmShape(32, 32, 2, embed=32, sentence="max")
_EPOCHS, _BATCH, _RATE = 6, 32, 5e-3


def agreement(name: str, size: int) -> Split:
    """The sentences of a split of the embedded task whose subject and verb agree or do not."""
    whole = generate_split(open_task("grammar").task(), name, size=size, seed=1)
    kinds = whole.columns["phenomenon"]
    return whole.take([row for row, kind in enumerate(kinds) if kind == _PHENOMENON])


def write_agreeing(folder: Path) -> float:
    """Save `solved`, `untrained`, `dev.tsv` and `agree.toml` in a folder; dev accuracy, 0..1."""
    train, dev = agreement("train", 16000), agreement("dev", 2000)
    texts = [generate_split(dev.task, name, size=3000, seed=1).texts for name in ("train", "dev")]
    words = {word.lower() for part in texts for text in part for word in text.split()}
    symbols = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words)]
    tokenizer = BertTokenizer(
        vocab={symbol: at for at, symbol in enumerate(symbols)}, model_max_length=48
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = build_lstm(_SHAPE, dev.task, tokenizer=tokenizer)
        torch.manual_seed(0)
        model = build_lstm(_SHAPE, dev.task, tokenizer=tokenizer)
    given = tokenizer(list(train.texts), padding=True, return_tensors="pt")
    assert train.labels is not None
    gold = torch.tensor(train.labels)
    generator = torch.Generator().manual_seed(0)
    steps = _EPOCHS * -(-len(gold) // _BATCH)
    optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(gold), generator=generator).split(_BATCH):
            logits = model(given["input_ids"][rows], given["attention_mask"][rows]).logits
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, gold[rows]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    for name, one in (("solved", model.eval()), ("untrained", untrained)):
        one.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    assert dev.labels is not None
    lines = [
        f"{text}\t{dev.task.labels[z]}\n" for text, z in zip(dev.texts, dev.labels, strict=True)
    ]
    (folder / "dev.tsv").write_text("text\tlabel\n" + "".join(lines))
    (folder / "agree.toml").write_text(
        'name = "agree"\nversion = 1\ndescription = "Do subject and verb agree?"\n'
        'citation = "our own"\nprimary_score = "accuracy"\ntext = "text"\nlabel = "label"\n'
        f"labels = {list(dev.task.labels)}\n[[local]]\n[local.splits]\n"
        'dev = { file = "dev.tsv" }\n'
    )
    asked = tokenizer(list(dev.texts), padding=True, return_tensors="pt")
    with torch.no_grad():
        said = model(asked["input_ids"], asked["attention_mask"]).logits.argmax(-1).numpy()
    return float(np.mean(said == dev.labels))
