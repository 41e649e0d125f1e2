"""The gallery: five pages of real models, made anew by the commands a user would give.

Does: train what is missing in a folder, compare, and put the pages into `reports/gallery/` with an
index of what each one shows and the commands that made it. Does not: hold data or weights, which
`KDPROBE_DATA` and `KDPROBE_MODELS` name; models that stand in the folder are not trained again.

    KDPROBE_DATA=… KDPROBE_MODELS=… python -m tests.gallery WORK [PAGE ...]
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

GALLERY = Path(__file__).parents[1] / "reports" / "gallery"
WRITTEN = ("report.html", "sweep.html")
ENCODER = "$KDPROBE_MODELS/minilm"


class Page(NamedTuple):
    """One page: what it shows, how its models are trained, and the command that writes it."""

    name: str
    shows: str
    training: tuple[str, ...]
    last: str


LEARNT = "--recipe {} --student layers=3:skip --epochs 3 --lr 1e-4"
SARA = "distill sara/teacher --task sara --student bilstm:hidden=128,fc=128 --epochs 20 --lr 1e-3"
WIDTHS = (
    "student="
    + "|".join(
        f"bilstm:hidden={width},fc={width},embed={width},layers=2,sentence=max"
        for width in (8, 16, 32)
    )
    + ";seed=0,1"
)
PAGES = (
    Page(
        "cola",
        "A 6-layer encoder on CoLA, the 3-layer student it taught, and the control of equal budget "
        "that it did not teach; word scores by three methods, probing, similarity and attention of "
        "layers, what is used of them, cost.",
        (
            f"finetune {ENCODER} --task cola -o cola/teacher",
            "distill cola/teacher --task cola --student layers=3 --with-control --seed 1 "
            "-o cola/student",
        ),
        "compare cola/teacher cola/student control=cola/student-control --task cola "
        "--methods integrated_gradients,lime,shap --attribution-sentences 24 "
        "--probe-tasks past_present,subj_number,obj_number --probe-sentences 1000 "
        "--similarity 1000 --attention 200 "
        "--causal-use past_present,subj_number,obj_number --causal-examples 300 "
        "--efficiency -o pages/cola",
    ),
    Page(
        "sara",
        "57 intents: a student of two seeds, and its controls.",
        (
            f"finetune {ENCODER} --task sara --epochs 8 -o sara/teacher",
            *(f"{SARA} --with-control --seed {seed} -o sara/student-{seed}" for seed in (1, 2)),
        ),
        "compare sara/teacher student=sara/student-1,sara/student-2 "
        "control=sara/student-1-control,sara/student-2-control --task sara --split test "
        "-o pages/sara",
    ),
    Page(
        "stsb",
        "A regression on pairs of sentences: similarity from 0 to 5.",
        (
            f"finetune {ENCODER} --task stsb --limit 2500 --epochs 2 -o stsb/teacher",
            "distill stsb/teacher --task stsb --student layers=3 --limit 2500 --epochs 3 "
            "--with-control -o stsb/student",
        ),
        "compare stsb/teacher stsb/student control=stsb/student-control --task stsb "
        "--methods integrated_gradients --attribution-sentences 40 -o pages/stsb",
    ),
    Page(
        "six",
        "Six students of one teacher on CoLA: three recipes, the teacher in int8, a BiLSTM, and a "
        "control.",
        (
            f"finetune {ENCODER} --task cola --epochs 4 -o six/teacher",
            *(
                f"distill six/teacher --task cola {LEARNT.format(recipe)} -o six/{recipe}"
                for recipe in ("vanilla", "ckd", "mgskd")
            ),
            f"finetune {ENCODER} --like six/vanilla -o six/control",
            "distill six/teacher --task cola --student bilstm:hidden=128,fc=128 --epochs 6 "
            "--lr 1e-3 -o six/bilstm",
        ),
        "compare six/teacher six/vanilla six/ckd six/mgskd int8=six/teacher?quantize=int8 "
        "six/bilstm six/control --task cola --control control --efficiency -o pages/six",
    ),
    Page(
        "sweep",
        "BiLSTMs of three widths by two seeds on the embedded grammar: how small may it be?",
        (
            "finetune bilstm:hidden=64,fc=64,embed=64,layers=2,sentence=max --task grammar "
            "--epochs 8 --lr 2e-3 -o sweep/teacher",
        ),
        "distill sweep/teacher --task grammar --recipe hidden-states --epochs 4 --lr 2e-3 "
        f"--sweep '{WIDTHS}' -o pages/sweep",
    ),
)  # fmt: skip


def run(command: str, work: Path) -> None:
    """Run a command of kdprobe in the folder, unless what it writes is there."""
    words = [os.path.expandvars(word) for word in shlex.split(command)]
    written = work / words[words.index("-o") + 1]
    if any((written / name).is_file() for name in ("kdprobe.json", *WRITTEN)):
        return
    print("kdprobe", command, flush=True)
    subprocess.run([sys.executable, "-m", "kdprobe", *words], cwd=work, check=True)


def entry(page: Page) -> str:
    """Return what the index says of a page."""
    lines = "\n".join(f"kdprobe {command}" for command in (*page.training, page.last))
    return f"## [{page.name}.html]({page.name}.html)\n\n{page.shows}\n\n```\n{lines}\n```\n"


def index() -> str:
    """Return the index of the gallery."""
    return (
        "# Gallery\n\nPages of real models, made by `python -m tests.gallery WORK` "
        "(`tests/gallery.py`), which needs the data (`KDPROBE_DATA`) and a 6-layer, 384-wide BERT "
        "(`KDPROBE_MODELS/minilm`).\n\n" + "\n".join(map(entry, PAGES))
    )


def main(work: Path, names: list[str]) -> None:
    """Make the pages named, or all."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        if names and page.name not in names:
            continue
        for command in (*page.training, page.last):
            run(command, work)
        written = (work / "pages" / page.name / name for name in WRITTEN)
        shutil.copyfile(next(filter(Path.is_file, written)), GALLERY / f"{page.name}.html")
    (GALLERY / "README.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
