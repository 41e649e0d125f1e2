"""Minimal pairs: BLiMP's format, and the embedded grammar's."""

import json
from pathlib import Path
from typing import Any

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.pairs import grammar_pairs, read_minimal_pairs


def put(folder: Path, name: str, *records: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def pair(n: int, **more: Any) -> dict[str, Any]:
    return {"sentence_good": f"good {n}", "sentence_bad": f"bad {n}", **more}


def fault(folder: Path, **options: Any) -> str:
    with pytest.raises(TaskError) as caught:
        read_minimal_pairs(folder, **options)
    return str(caught.value)


def test_blimp(tmp_path: Path):
    """Good and bad must not change places, nor a pair its phenomenon."""
    folder = tmp_path / "blimp"
    put(folder, "b.jsonl", pair(1, UID="wh", field="syntax", linguistics_term="islands"))
    put(folder, "a.jsonl", pair(2, UID="npi", field="syntax_semantics"), pair(3, UID="npi"))
    pairs = read_minimal_pairs(folder)
    assert pairs.good == ("good 2", "good 3", "good 1")
    assert pairs.bad == ("bad 2", "bad 3", "bad 1")
    assert pairs.phenomena == ("npi", "npi", "wh")
    assert pairs.fields == ("syntax-semantics", "", "syntax")
    assert pairs.ids == ("a-00001", "a-00002", "b-00001")
    assert (pairs.origin, len(pairs)) == ("blimp", 3)


def test_both_spellings_of_blimps_field_are_one(tmp_path: Path):
    """BLiMP writes syntax_semantics in some files and syntax/semantics in others."""
    put(tmp_path, "a.jsonl", pair(1, field="syntax_semantics"), pair(2, field="syntax/semantics"))
    assert set(read_minimal_pairs(tmp_path).fields) == {"syntax-semantics"}


def test_repository_folder_and_single_file(tmp_path: Path):
    """BLiMP's repository keeps its files in data/; one file alone is a set too."""
    path = put(tmp_path / "blimp" / "data", "mine.jsonl", pair(1))
    for place in (tmp_path / "blimp", path):
        pairs = read_minimal_pairs(place)
        assert (pairs.good, pairs.phenomena) == (("good 1",), ("mine",))


def test_limit_is_a_seeded_sample_of_each_phenomenon(tmp_path: Path):
    """BLiMP's rows are generated in order; the first ten are not a sample."""
    put(tmp_path, "a.jsonl", *(pair(n) for n in range(100)))
    put(tmp_path, "b.jsonl", *(pair(n) for n in range(3)))
    pairs = read_minimal_pairs(tmp_path, limit_per_phenomenon=5, seed=1)
    assert pairs.phenomena == ("a",) * 5 + ("b",) * 3
    assert list(pairs.ids) == sorted(pairs.ids)
    assert pairs == read_minimal_pairs(tmp_path, limit_per_phenomenon=5, seed=1)
    assert pairs != read_minimal_pairs(tmp_path, limit_per_phenomenon=5, seed=2)
    assert [g.removeprefix("good") for g in pairs.good] == [
        b.removeprefix("bad") for b in pairs.bad
    ]
    assert fault(tmp_path, limit_per_phenomenon=0) == (
        "`pairs_per_phenomenon`: 0, expected 1 or more"
    )


def test_faults_are_named(tmp_path: Path):
    """Each with file and line, or with the folder."""
    path = put(tmp_path, "a.jsonl", pair(1), {"sentence_good": "x"})
    assert fault(tmp_path) == (
        f"{path}:2: no 'sentence_bad', expected a sentence; correct the line"
    )
    put(tmp_path, "a.jsonl", pair(1), {"sentence_good": " ", "sentence_bad": "x"})
    assert fault(tmp_path) == (
        f"{path}:2: sentence_good is ' ', expected a sentence; correct the line"
    )
    path.write_text("{\n")
    assert fault(tmp_path).startswith(f"{path}:1: is not JSON (")
    path.write_text("\n")
    assert fault(tmp_path) == (
        f"`minimal_pairs={tmp_path}`: holds no pair, expected one on each line"
    )
    path.unlink()
    told = (
        "expected a folder of .jsonl files in BLiMP's format; get BLiMP from "
        "https://github.com/alexwarstadt/blimp and name its data folder"
    )
    assert fault(tmp_path) == f"`minimal_pairs={tmp_path}`: no .jsonl file in it, {told}"
    assert fault(tmp_path / "no") == f"`minimal_pairs={tmp_path / 'no'}`: no such folder, {told}"


def test_grammar_pairs():
    """The embedded pairs come in the same type, as many of each phenomenon, by seed."""
    pairs = grammar_pairs(size_per_phenomenon=4, seed=3)
    names = set(pairs.phenomena)
    assert len(pairs) == 4 * len(names)
    assert all(pairs.phenomena.count(name) == 4 for name in names)
    assert len(set(pairs.ids)) == len(pairs)
    assert all(good != bad for good, bad in zip(pairs.good, pairs.bad, strict=True))
    assert all(pairs.fields)
    assert pairs == grammar_pairs(size_per_phenomenon=4, seed=3)
    assert pairs.good != grammar_pairs(size_per_phenomenon=4, seed=4).good
    assert pairs.origin == "embedded grammar, seed 3"
    with pytest.raises(TaskError, match=r"^`pairs_per_phenomenon`: 0, expected 1 or more$"):
        grammar_pairs(size_per_phenomenon=0)
