"""The published data, where a machine has them: every row is read, every label counted."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kdprobe.tasks.open import open_task
from kdprobe.tasks.pairs import read_minimal_pairs
from kdprobe.tasks.readers import read_lines
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split


def load(real_data: Path, name: str, split: str) -> Split:
    return load_split(open_task(name), split, data_dir=real_data, offline=True)


@pytest.mark.parametrize(
    ("name", "train", "dev"),
    [
        ("cola", 8551, 1043),
        ("sst2", 67349, 872),
        ("rte", 2490, 277),
        ("mrpc", 3668, 408),
        ("stsb", 5749, 1500),
        ("sara", 2853, 970),
    ],
)
def test_sizes(real_data: Path, name: str, train: int, dev: int):
    """A header taken for a row, or rows swallowed by a quote, show in the count."""
    assert len(load(real_data, name, "train")) == train
    assert len(load(real_data, name, "dev")) == dev


@pytest.mark.parametrize(
    ("name", "split", "file", "column", "positive"),
    [
        ("cola", "train", "glue/CoLA/train.tsv", 1, "1"),
        ("cola", "dev", "glue/CoLA/dev.tsv", 1, "1"),
        ("sst2", "dev", "glue/SST-2/dev.tsv", -1, "1"),
        ("rte", "dev", "glue/RTE/dev.tsv", -1, "not_entailment"),
        ("mrpc", "dev", "glue/MRPC/dev.tsv", 0, "1"),
    ],
)
def test_label_counts(
    real_data: Path, name: str, split: str, file: str, column: int, positive: str
):
    """The second label's count must be that of the file, counted without the reader."""
    lines = read_lines(real_data / file)
    expected = sum(line.split("\t")[column] == positive for line in lines)
    labels = load(real_data, name, split).labels
    assert labels is not None
    assert int(labels.sum()) == expected


def test_cola_dev_in_numbers(real_data: Path):
    """719 acceptable of 1,043; 527 in-domain and 516 out-of-domain."""
    dev = load(real_data, "cola", "dev")
    assert dev.labels is not None
    assert np.bincount(dev.labels.astype(np.int64)).tolist() == [324, 719]
    assert Counter(dev.columns["domain"]) == {"in_domain": 527, "out_of_domain": 516}
    assert set(load(real_data, "cola", "train").columns["domain"]) == {"in_domain"}


def test_cola_domains_are_those_of_the_corpus(real_data: Path):
    """The domain derived from the source must be the one of the corpus's own two files."""
    dev = load(real_data, "cola", "dev")
    for domain in ("in_domain", "out_of_domain"):
        lines = read_lines(real_data / "cola_public" / f"{domain}_dev.tsv")
        published = Counter(line.split("\t")[3] for line in lines)
        ours = Counter(
            text
            for text, told in zip(dev.texts, dev.columns["domain"], strict=True)
            if told == domain
        )
        assert ours == published


def test_stsb_scores(real_data: Path):
    """Scores must span 0 to 5 and be no class numbers."""
    labels = load(real_data, "stsb", "train").labels
    assert labels is not None
    assert (labels.min(), labels.max()) == (0.0, 5.0)
    assert len(set(labels.tolist())) > 20


def test_sara_intents(real_data: Path):
    """57 intents, named as in the file of names; the test split has 987 messages."""
    test = load(real_data, "sara", "test")
    assert (len(test), len(test.task.labels)) == (987, 57)
    train = load(real_data, "sara", "train")
    assert train.labels is not None
    assert len(set(train.labels.tolist())) == 57


def test_blimp(real_data: Path):
    """67 phenomena, 1,000 pairs each, four fields under one spelling each."""
    pairs = read_minimal_pairs(real_data / "blimp")
    assert len(pairs) == 67000
    assert set(Counter(pairs.phenomena).values()) == {1000}
    assert len(set(pairs.phenomena)) == 67
    assert set(pairs.fields) == {"morphology", "semantics", "syntax", "syntax-semantics"}
