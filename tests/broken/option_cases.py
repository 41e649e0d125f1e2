"""Broken options: typed or in the environment."""

from __future__ import annotations

from collections.abc import Callable

from tests.broken.corpus import Case, Words, World

_LONG = "x" * 300


def typed(*words: object) -> Callable[[World], Words]:
    """Compare predictions files with more options."""
    return lambda world: [*world.files, *words]


def explained(*words: object) -> Callable[[World], Words]:
    """Compare checkpoints with more options."""
    return lambda world: [*world.models, *words]


def trained(*words: object) -> Callable[[World], Words]:
    """Check a distillation with more options."""
    return lambda world: [*world.distil, *words]


def built(shape: str) -> Callable[[World], Words]:
    """Check the training of a model of random weights."""
    return lambda world: ["finetune", shape, *world.distil[2:]]


def cut(student: str) -> Callable[[World], Words]:
    """Check the training of a model cut from another."""
    return lambda world: ["finetune", world / "T", "--student", student, *world.distil[2:]]


def augmented(*words: object) -> Callable[[World], Words]:
    """Make texts by rules with more options."""
    return lambda world: ["augment", world / "toy.toml", "-o", world / "out.tsv", "-q", *words]


def placed(output: Callable[[World], object]) -> Callable[[World], Words]:
    """Compare predictions files into some place."""

    def words(world: World) -> Words:
        return [*world.files, "-o", output(world)]

    return words


def attributed(text: str) -> Callable[[World], Words]:
    """Explain a text."""
    return lambda world: ["attribute", world / "T", "--text", text]


def swept(values: str) -> Callable[[World], Words]:
    return lambda world: [*world.distil, "--sweep", values]


def C(
    name: str,
    words: Callable[[World], Words],
    *expected: str,
    code: int = 2,
    **environment: str,
) -> Case:
    return Case("options", name, words, expected, code, environment)


_MILLION = "seed=" + ",".join(map(str, range(1_000_000)))
_GRID = ";".join(
    f"{name}=" + ",".join(map(str, range(1, 101))) for name in ("seed", "epochs", "layers")
)
CASES = (
    C("compare --methods ''", typed("--methods", ""), "--methods", "is empty"),
    C("compare --methods ,", typed("--methods", ","), "--methods: names nothing"),
    C("compare --only ''", typed("--only", ""), "--only", "is empty"),
    C("compare --skip ,", typed("--skip", " , "), "--skip: names nothing"),
    C("compare --slice ''", typed("--slice", ""), "--slice", "is empty"),
    C("compare --probe-tasks ,", typed("--probe-tasks", ","), "--probe-tasks: names nothing"),
    C("compare --label-map ''", typed("--label-map", ""), "--label-map", "is empty"),
    C(
        "compare --label-map of nobody",
        typed("--label-map", "LABEL_0=neg,LABEL_1=pos"),
        "--label-map: no model has a label 'LABEL_0'",
    ),
    C("compare --set ''", typed("--set", ""), "--set", "is empty"),
    C("compare --split ''", typed("--split", ""), "--split", "is empty"),
    C("compare --device ''", typed("--device", ""), "--device", "is empty"),
    C("compare --fail-if ''", typed("--fail-if", ""), "--fail-if", "is empty"),
    C(
        "compare TEACHER ''",
        lambda world: ["compare", "", world / "S", *world.rest],
        "a word after compare",
        "is empty",
    ),
    C(
        "lime.samples 10^9",
        explained("--methods", "lime", "--method-set", "lime.samples=1000000000"),
        "samples is 1000000000",
        "less than or equal to 100000",
    ),
    C(
        "shap.permutations 10^9",
        explained("--methods", "shap", "--method-set", "shap.permutations=1000000000"),
        "permutations",
    ),
    C(
        "integration steps 10^9",
        explained(
            "--methods",
            "integrated_gradients",
            "--method-set",
            "integrated_gradients.steps=1000000000",
        ),
        "steps is 1000000000",
    ),
    C(
        "method-set of 50k brackets",
        explained("--methods", "lime", "--method-set", "lime.samples=" + "[" * 50_000),
        "--method-set",
        "deeper than 100",
    ),
    C("compare --resamples 0", typed("--resamples", 0), "--resamples", "100"),
    C("compare --resamples 10^9", typed("--resamples", 10**9), "--resamples", "100000"),
    C("compare --batch-size 0", typed("--batch-size", 0), "--batch-size", "1"),
    C("compare --limit 0", typed("--limit", 0), "--limit", "1"),
    C("compare --limit x", typed("--limit", "x"), "--limit"),
    C("compare --threads 10^6", typed("--threads", 10**6), "--threads"),
    C("compare --seed -1", typed("--seed", -1), "--seed", "0"),
    C("compare --seed 10^30", typed("--seed", 10**30), "--seed"),
    C("an option of an analysis nobody knows", typed("--set", "agreement.wibble=1"), "wibble"),
    C(
        "an option of an analysis out of bounds",
        typed("--set", "calibration.bins=1000000000"),
        "bins",
    ),
    C(
        "a guarantee of everything",
        typed("--set", "selective_agreement.target=1"),
        "selective_agreement",
        "target is 1",
        "less than 1",
    ),
    C("an option beyond all bounds", typed("--set", "calibration.bins=1e300"), "bins is 1e+300"),
    C("an analysis nobody knows", typed("--set", "wibble.bins=1"), "wibble"),
    C("-o of 300 letters", placed(lambda world: world / _LONG), "--output", "300 bytes", "255"),
    C("-o of a home that is not there", placed(lambda world: "~nobody-here/x"), code=0),
    C("-o of bytes that are no text", placed(lambda world: "a\udcff"), "--output", "is not UTF-8"),
    C("--text of bytes that are no text", attributed("a \udcff dog"), "--text", "is not UTF-8"),
    C(
        "predictions of a home that is not there",
        lambda world: ["compare", world / "t.jsonl", "~nobody-here/s.jsonl", *world.rest],
        "~nobody-here/s.jsonl",
    ),
    C("a gate of 5000 digits", typed("--fail-if", "kappa<" + "1" * 5000), "--fail-if", "METRIC<"),
    C("H beyond a billion", built("bert:L1,H1000000000000,A2"), "from 1 below a billion"),
    C("-o is a file", placed(lambda world: world.text("file", "x")), "is a file"),
    C("-o is below a file", placed(lambda world: world.text("file", "x") / "out"), "file"),
    C(
        "attributions asked of predictions files",
        lambda world: [
            *(w for w in world.files if w not in ("--only", "agreement")),
            "--methods",
            "lime",
        ],
        "attribution agreement",
        "predictions file",
        code=3,
    ),
    C("KDPROBE_SEED=abc", typed(), "KDPROBE_SEED", "whole number", KDPROBE_SEED="abc"),
    C("KDPROBE_SEED=-1", typed(), "KDPROBE_SEED", KDPROBE_SEED="-1"),
    C("KDPROBE_THREADS=0", typed(), "KDPROBE_THREADS", KDPROBE_THREADS="0"),
    C("KDPROBE_OFFLINE=perhaps", typed(), "KDPROBE_OFFLINE", KDPROBE_OFFLINE="perhaps"),
    C("KDPROBE_DEVICE=toaster", explained(), "toaster", KDPROBE_DEVICE="toaster"),
    C(
        "KDPROBE_CONFIG names nothing",
        typed(),
        "nowhere.toml",
        "cannot be read",
        KDPROBE_CONFIG="nowhere.toml",
    ),
    C("a hundred thousand layers", built("bert:L100000,H64,A4"), "100,000 layers", "1,000"),
    C("a student wider than memory", built("bert:L900,H65536,A4"), "GB of memory"),
    C("an LSTM wider than memory", built("bilstm:hidden=100000000"), "GB of memory"),
    C("a cut wider than memory", cut("hidden=640000,init=random"), "GB of memory"),
    C(
        "a student of 5000 digits",
        trained("--student", "bert:H64,A4,L" + "9" * 5000),
        "a whole number",
    ),
    C("layers=1,layers=2", trained("--student", "layers=1,layers=2"), "layers twice"),
    C("init=copy,init=random", trained("--student", "init=copy,init=random"), "init twice"),
    C("layers=0", trained("--student", "layers=0"), "layers is '0'"),
    C("--eval-split tset", trained("--eval-split", "tset"), "Error: --eval-split: no split"),
    C("--train-split tset", trained("--train-split", "tset"), "Error: --train-split: no split"),
    C("--epochs nan", trained("--epochs", "nan"), "--epochs"),
    C("--epochs 1e300", trained("--epochs", "1e300"), "--epochs"),
    C("--lr inf", trained("--lr", "inf"), "--l"),
    C("--set temperature=1e300", trained("--set", "temperature=1e300"), "temperature"),
    C(
        "--set of brackets",
        trained("--set", "temperature=" + "[" * 50_000),
        "--set",
        "deeper than 100",
    ),
    C("sweep of 10^6 seeds", swept(_MILLION), "1,000,000 runs", "at most 1,000"),
    C("sweep of 100^3 runs", swept(_GRID), "1,000,000 runs", "at most 1,000"),
    C("sweep of nothing", swept(";"), "--sweep", "names no setting"),
    C("sweep ''", swept(""), "--sweep", "is empty"),
    C("compare -o ''", typed("-o", ""), "-o: is empty"),
    C("compare --output=", typed("--output="), "--output: is empty"),
    C("compare --data-dir ''", typed("--data-dir", ""), "--data-dir", "is empty"),
    C(
        "a sweep of a teacher that knows nothing",
        lambda world: [
            *(word for word in world.distil if word != "--dry-run"),
            "--sweep",
            "layers=1,2",
        ],
        "has learnt the task",
    ),
    C(
        "a training of a split that is not there",
        lambda world: [
            "finetune",
            "bert:L1,H32,A2",
            *(word for word in world.distil[2:] if word != "--dry-run"),
            "--eval-split",
            "nope",
        ],
        "nope",
    ),
    C("augment --n 0", augmented("--n", 0), "--n"),
    C("augment rounds 10^9", augmented("--set", "rounds=1000000000"), "rounds"),
    C("augment from no treebank", augmented("--pos-from", "nowhere.mrg"), "nowhere.mrg"),
    C(
        "augment with no new text",
        augmented("--set", "mask=0", "--set", "replace=0", "--set", "ngram=0"),
        "is new",
    ),
    C(
        "attribute --text ''",
        lambda world: ["attribute", world / "T", "--text", ""],
        "--text",
        "is empty",
    ),
    C(
        "attribute --methods ,",
        lambda world: ["attribute", world / "T", "--text", "a dog", "--methods", ","],
        "--methods: names nothing",
    ),
)
