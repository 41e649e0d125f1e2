"""Splits of shipped tasks, from small files in the formats as they were published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdprobe.errors import TaskError, UnknownNameError
from kdprobe.tasks import sources
from kdprobe.tasks.hub import HubError
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split, split_names
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDPROBE_DATA", raising=False)


def put(root: Path, place: str, *rows: str, end: str = "\n") -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(row + end for row in rows).encode())
    return path


def load(name: str, split: str, root: Path, **options: Any) -> Split:
    return load_split(open_task(name), split, data_dir=root, offline=True, **options)


def gold(split: Split) -> list[float] | None:
    return None if split.labels is None else split.labels.tolist()


def test_cola(tmp_path: Path):
    """Without header; stars, quotes and `NA` are as they are; the test file is another layout."""
    put(tmp_path, "CoLA/dev.tsv", 'gj04\t1\t\t"Hi.', "clc95\t0\t*\tNA", "zz\t1\t\tSo.", end="\r\n")
    put(tmp_path, "CoLA/test.tsv", "index\tsentence", "0\tBill whistled.")
    dev = load("cola", "dev", tmp_path)
    assert dev.texts == ('"Hi.', "NA", "So.")
    assert gold(dev) == [1, 0, 1]
    assert dev.columns == {
        "source": ("gj04", "clc95", "zz"),
        "domain": ("in_domain", "out_of_domain", "other"),
    }
    assert (dev.ids[0], dev.origin, dev.pairs) == ("dev-00001", "CoLA/dev.tsv", None)
    test = load("cola", "test", tmp_path)
    assert (test.texts, test.labels, test.columns) == (("Bill whistled.",), None, {})


def test_sst2(tmp_path: Path):
    """The header is no example; the test file has an index and no label."""
    put(tmp_path, "glue/SST-2/dev.tsv", "sentence\tlabel", "fine , really \t1", "bad \t0")
    put(tmp_path, "glue/SST-2/test.tsv", "index\tsentence", "0\tuneasy mishmash")
    dev = load("sst2", "dev", tmp_path)
    assert (dev.texts, gold(dev)) == (("fine , really ", "bad "), [1, 0])
    assert gold(load("sst2", "test", tmp_path)) is None


def test_mrpc(tmp_path: Path):
    """The published file begins with a byte order mark and is full of lone quotes."""
    header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    put(tmp_path, "MRPC/dev.tsv", header, '1\t10\t11\t"A said.\tHe said.', "0\t12\t13\tB\tC")
    put(tmp_path, "MRPC/test.tsv", "index\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t1\t2\tA\tB")
    dev = load("mrpc", "dev", tmp_path)
    assert (dev.texts, dev.pairs) == (('"A said.', "B"), ("He said.", "C"))
    assert (gold(dev), dev.task.positive) == ([1, 0], "equivalent")
    assert gold(load("mrpc", "test", tmp_path)) is None


def test_qqp_leaves_out_its_broken_rows_and_says_so(tmp_path: Path):
    """The published file has such rows; dropping them unsaid would change n."""
    put(
        tmp_path,
        "QQP/train.tsv",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        "1\t2\t3\tWhy?\tHow?\t0",
        "4\t5\t6\tThis question breaks",
        "7\t8\t9\t\tWho?\t0",
        "10\t11\t12\tWhat?\tWhat now?\t1",
    )
    put(tmp_path, "QQP/test.tsv", "id\tquestion1\tquestion2", "0\tA?\tB?")
    train = load("qqp", "train", tmp_path)
    assert (train.texts, train.pairs) == (("Why?", "What?"), ("How?", "What now?"))
    assert gold(train) == [0, 1]
    assert train.origin == ("QQP/train.tsv (2 broken rows were left out, the first at line 3)")
    assert gold(load("qqp", "test", tmp_path)) is None


def test_stsb(tmp_path: Path):
    """Scores are floats in 0 to 5; the genre is kept."""
    head = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
    row = "0\tmain-captions\tMSRvid\t2012test\t0000\tnone\tnone\tA man.\tA woman."
    put(tmp_path, "STS-B/dev.tsv", head + "\tscore", row + "\t3.800")
    put(tmp_path, "STS-B/test.tsv", head, row)
    dev = load("stsb", "dev", tmp_path)
    assert (gold(dev), dev.columns) == ([3.8], {"genre": ("main-captions",)})
    assert (dev.task.kind, dev.task.score_range) == ("regression", (0.0, 5.0))
    assert gold(load("stsb", "test", tmp_path)) is None
    path = put(tmp_path, "STS-B/dev.tsv", head + "\tscore", row + "\t7")
    with pytest.raises(TaskError, match=r"dev\.tsv:2: score '7', expected a number from 0 to 5"):
        load("stsb", "dev", tmp_path)
    assert path.exists()


def test_mnli_both_dev_sets(tmp_path: Path):
    """Train and dev have different numbers of columns; both dev sets must be reachable."""
    head = (
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
        "sentence1_parse\tsentence2_parse\tsentence1\tsentence2"
    )
    row = "0\t1\t1n\tfiction\t( a )\t( b )\t(R)\t(R)\tPremise.\tHypothesis."
    more = "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label"
    votes = "\tneutral\tneutral\tentailment\tneutral\tneutral\tneutral"
    put(tmp_path, "MNLI/train.tsv", head + "\tlabel1\tgold_label", row + "\tneutral\tneutral")
    put(tmp_path, "MNLI/dev_matched.tsv", head + more, row + votes)
    put(tmp_path, "MNLI/dev_mismatched.tsv", head + more, row.replace("fiction", "oup") + votes)
    put(tmp_path, "MNLI/test_matched.tsv", head, row)
    assert split_names(open_task("mnli")) == (
        "train",
        "dev",
        "dev_mismatched",
        "test",
        "test_mismatched",
    )
    for name in ("train", "dev", "dev_mismatched"):
        split = load("mnli", name, tmp_path)
        assert (split.texts, split.pairs, gold(split)) == (("Premise.",), ("Hypothesis.",), [1])
    assert load("mnli", "dev_mismatched", tmp_path).columns == {"genre": ("oup",)}
    assert gold(load("mnli", "test", tmp_path)) is None


def test_qnli_rte_wnli(tmp_path: Path):
    """The three label orders of the hub: QNLI and RTE entailment first, WNLI second."""
    put(
        tmp_path, "QNLI/dev.tsv", "index\tquestion\tsentence\tlabel",
        "0\tWho?\tAnn.\tentailment", "1\tWhy?\tIt.\tnot_entailment",
    )  # fmt: skip
    put(
        tmp_path, "RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel",
        "0\tA.\tB.\tnot_entailment", "1\tC.\tD.\tentailment",
    )  # fmt: skip
    put(
        tmp_path, "WNLI/dev.tsv", "index\tsentence1\tsentence2\tlabel",
        "0\tA.\tB.\t0", "1\tC.\tD.\t1",
    )  # fmt: skip
    for name, head in (
        ("QNLI", "index\tquestion\tsentence"),
        ("RTE", "index\tsentence1\tsentence2"),
        ("WNLI", "index\tsentence1\tsentence2"),
    ):
        put(tmp_path, f"{name}/test.tsv", head, "0\tA.\tB.")
        assert gold(load(name.casefold(), "test", tmp_path)) is None
    assert gold(load("qnli", "dev", tmp_path)) == [0, 1]
    assert gold(load("rte", "dev", tmp_path)) == [1, 0]
    assert gold(load("wnli", "dev", tmp_path)) == [0, 1]
    assert open_task("wnli").labels == ("not_entailment", "entailment")


def test_multirc(tmp_path: Path):
    """Question and answer are the second text; answers of a question stay together."""
    answers = [{"text": "Ann", "label": 1, "idx": 0}, {"text": "Bo", "label": 0, "idx": 1}]
    passage = {"text": "P.", "questions": [{"question": "Who?", "idx": 3, "answers": answers}]}
    put(tmp_path, "MultiRC/val.jsonl", json.dumps({"idx": 1, "version": 1.1, "passage": passage}))
    dev = load("multirc", "dev", tmp_path)
    assert (dev.texts, dev.pairs) == (("P.", "P."), ("Who? Ann", "Who? Bo"))
    assert (gold(dev), dev.columns) == ([1, 0], {"question_id": ("1-3", "1-3")})
    for answer in answers:
        del answer["label"]
    put(tmp_path, "MultiRC/test.jsonl", json.dumps({"idx": 1, "passage": passage}))
    assert gold(load("multirc", "test", tmp_path)) is None


def test_sara_split_files(tmp_path: Path):
    """The index column comes first, and the names must be those of the task."""
    put(tmp_path, "sara/dev.tsv", "0\tyes", "56\tthank you", "NaN\tx")
    with pytest.raises(TaskError, match=r"dev\.tsv:3: label 'NaN', expected one of the 57 labels"):
        load("sara", "dev", tmp_path)
    put(tmp_path, "sara/dev.tsv", "0\tyes", "56\tthank you")
    dev = load("sara", "dev", tmp_path)
    assert (dev.texts, gold(dev)) == (("yes", "thank you"), [0, 56])
    assert (dev.task.labels[0], dev.task.labels[56]) == ("affirm", "thank")
    put(tmp_path, "sara/int_to_intent.tsv", "0\tdeny")
    with pytest.raises(TaskError, match=r"int_to_intent\.tsv:1: index 0 is 'deny', expected 'aff"):
        load("sara", "dev", tmp_path)


def test_sara_from_rasa(tmp_path: Path):
    """Rasa's own file is split by a hash: every example in one split and one only."""
    lines = [f"    - message {i}" for i in range(100)]
    put(tmp_path, "sara/data/nlu.yml", "nlu:", "- intent: greet", "  examples: |", *lines)
    parts = [load("sara", name, tmp_path) for name in ("train", "dev", "test")]
    together = [text for part in parts for text in part.texts]
    assert sorted(together) == sorted(line.removeprefix("    - ") for line in lines)
    assert 45 <= len(parts[0]) <= 75
    assert set(gold(parts[0]) or []) == {37}
    put(tmp_path, "sara/data/nlu.yml", "nlu:", "- intent: new", "  examples: |", *lines)
    with pytest.raises(TaskError, match=r"nlu\.yml:4: label 'new', expected one of the 57 labels"):
        load("sara", "train", tmp_path)


def test_a_malformed_line_keeps_the_path_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An absolute path nobody typed makes a message hard to read."""
    put(tmp_path, "data/cola/CoLA/dev.tsv", "gj04\t1\tHi.")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskError) as caught:
        load("cola", "dev", Path("data"))
    assert str(caught.value) == (
        "data/cola/CoLA/dev.tsv:1: 3 tab-separated columns, expected 4 (source, label, mark, "
        "sentence); was the file re-saved by another program?"
    )


def test_nothing_found_names_every_place(tmp_path: Path):
    """The reader must see where to put the data."""
    with pytest.raises(TaskError) as caught:
        load("cola", "dev", tmp_path)
    assert str(caught.value) == (
        f"`task=cola`: the data of split 'dev' were not found; looked at {tmp_path}/CoLA/dev.tsv, "
        f"{tmp_path}/*/CoLA/dev.tsv, $KDPROBE_DATA (not set), the hub (nyu-mll/glue cola, split "
        "validation; offline); download it from https://gluebenchmark.com/tasks, unpack it, and "
        "name the folder that holds CoLA/ with `data_dir`"
    )


def test_hub_failures_are_among_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The network's reason must not replace the list of places."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def failing(*_: Any) -> ColumnTable:
        raise HubError("x", found="ConnectionError: no route")

    monkeypatch.setattr(sources, "read_hub", failing)
    with pytest.raises(TaskError, match=r"CoLA/dev\.tsv, .*the hub \(x: ConnectionError: no rou"):
        load_split(open_task("cola"), "dev", data_dir=tmp_path)
    with pytest.raises(TaskError, match=r"looked at .*nlu\.yml, .*\$KDPROBE_DATA \(not set\); put"):
        load_split(open_task("sara"), "dev", data_dir=tmp_path)


def hub_table(**columns: tuple[str | None, ...]) -> Callable[..., ColumnTable]:
    size = len(next(iter(columns.values())))
    return lambda *_: ColumnTable("hub", columns, tuple(range(1, size + 1)), marker=", row ")


def test_hub_columns_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The hub calls columns otherwise than the files do, and has no slices."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    rows = hub_table(premise=("P",), hypothesis=("H",), label=("contradiction",), idx=("0",))
    monkeypatch.setattr(sources, "read_hub", rows)
    dev = load_split(open_task("mnli"), "dev", data_dir=tmp_path)
    assert (dev.texts, dev.pairs, gold(dev), dev.columns) == (("P",), ("H",), [2], {})
    assert dev.ids == ("dev-00001",)
    assert dev.origin == "hub: nyu-mll/glue mnli, split validation_matched"
    monkeypatch.setattr(sources, "read_hub", hub_table(sentence=("S",), label=("-1",)))
    assert gold(load_split(open_task("cola"), "test", data_dir=tmp_path)) is None
    monkeypatch.setattr(sources, "read_hub", hub_table(sentence=("S", "T"), label=("-1", "1")))
    assert gold(load_split(open_task("cola"), "dev", data_dir=tmp_path)) == [-1, 1]


def test_a_split_the_hub_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A split that is only on disk must not be asked of the hub."""
    path = tmp_path / "t.toml"
    path.write_text(
        'name = "t"\nlabels = ["a", "b"]\nprimary_score = "mcc"\ntext = "text"\n'
        '[[local]]\nsplits = { dev = { file = "dev.tsv" } }\n'
        '[hub]\ndataset = "a/b"\nsplits = { train = "train" }\n'
    )
    with pytest.raises(TaskError) as caught:
        load_split(open_task(str(path)), "dev")
    assert str(caught.value) == (
        f"`task=t`: the data of split 'dev' were not found; looked at {tmp_path}/dev.tsv, the hub "
        "(a/b has no such split); name the folder that holds them with `data_dir`"
    )


def test_limit_is_a_seeded_sample_in_order(tmp_path: Path):
    """The first N rows of a sorted file are one class; a sample must not be."""
    rows = [f"s\t{int(i >= 50)}\t\ttext {i}" for i in range(100)]
    put(tmp_path, "CoLA/dev.tsv", *rows)
    ten = load("cola", "dev", tmp_path, limit=10, seed=1)
    assert len(ten) == 10
    assert list(ten.ids) == sorted(ten.ids)
    assert set(gold(ten) or []) == {0, 1}
    assert ten.fingerprint == load("cola", "dev", tmp_path, limit=10, seed=1).fingerprint
    assert ten.fingerprint != load("cola", "dev", tmp_path, limit=10, seed=2).fingerprint
    whole = load("cola", "dev", tmp_path)
    assert load("cola", "dev", tmp_path, limit=100).fingerprint == whole.fingerprint
    assert all(whole.texts[whole.ids.index(key)] == text for key, text in zip(
        ten.ids, ten.texts, strict=True
    ))  # fmt: skip
    with pytest.raises(TaskError, match=r"^`limit`: 0, expected 1 or more$"):
        load("cola", "dev", tmp_path, limit=0)


def test_unknown_split(tmp_path: Path):
    """A split that is misspelt must be offered its neighbour."""
    with pytest.raises(UnknownNameError) as caught:
        load("cola", "dve", tmp_path)
    assert str(caught.value) == (
        "`split`: no split is called 'dve', expected one of train, dev, test; did you mean 'dev'?"
    )


def test_grammar_is_generated(tmp_path: Path):
    """The embedded task needs no data, and its data do not follow the run's seed."""
    dev = load("grammar", "dev", tmp_path, generate=40, seed=1)
    assert len(dev) == 40
    assert dev.fingerprint == load("grammar", "dev", tmp_path, generate=40, seed=2).fingerprint
    assert set(gold(dev) or []) == {0, 1}
    assert len(load("grammar", "dev", tmp_path, limit=5)) == 5
    assert len(load("grammar", "dev", tmp_path)) == 1000
    with pytest.raises(TaskError, match=r"^`generate`: 0, expected 1 or more$"):
        load("grammar", "dev", tmp_path, generate=0)


def test_generate_is_for_the_grammar_only(tmp_path: Path):
    """Asking to generate CoLA must not be passed over."""
    put(tmp_path, "CoLA/dev.tsv", "gj04\t1\t\tHi.")
    with pytest.raises(TaskError) as caught:
        load("cola", "dev", tmp_path, generate=5)
    assert str(caught.value) == (
        "`generate`: cola is not generated, expected a task of the embedded grammar; use `limit` "
        "to take fewer examples"
    )
