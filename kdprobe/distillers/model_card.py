"""The README.md of a trained model: what it is, its training data and its scores.

Does: write Markdown for people, with the front matter that model hubs read. Does not: hold anything
that `kdprobe.json` does not hold for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kdprobe.atomic import write_text
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.plain_text import printable
from kdprobe.portable import PLACEHOLDER

_MEANINGS = {
    "accuracy": "share of examples with the right label",
    "mcc": "Matthews' correlation with the gold labels",
    "f1": "F1 of the positive label, or the mean over several labels",
    "f1_micro": "F1 of all decisions on labels, pooled",
    "f1_macro": "F1 of each label, the mean over labels",
    "f1_samples": "F1 of each example's set of labels, the mean over examples",
    "subset_accuracy": "share of examples with exactly the right set of labels",
    "pearson": "Pearson's correlation with the gold scores",
    "spearman": "Spearman's rank correlation with the gold scores",
    "loss": "mean cross-entropy in nats, or mean squared error, on the gold labels",
    "agreement": "share of examples with the teacher's label, or its set of labels",
    "cohens_kappa": "agreement with the teacher beyond chance",
    "kl": "mean KL(teacher || student) in nats",
    "pearson_to_teacher": "Pearson's correlation with the teacher's scores",
    "mse_to_teacher": "mean squared difference to the teacher's scores",
}


@dataclass(frozen=True)
class CardFacts:
    """What a model card holds beside the scores.

    Args:
        kind: what was done.
        headline: one sentence on what the model is.
        sections: headings with rows of names and values.
        recipe: where the recipe comes from; empty for a fine-tuning.
        command: the command line that makes this model.
        precision: the device and number format.
        notes: what the reader must know.
        control_of: `name` and `fingerprint` of the student whose control it is; None: of none.
    """

    kind: Literal["finetune", "distill"]
    headline: str
    sections: Mapping[str, Mapping[str, str]]
    command: str
    precision: str
    recipe: str = ""
    notes: tuple[str, ...] = ()
    control_of: Mapping[str, str] | None = None


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]


def _score_rows(result: TrainingResult) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, value in result.scores.items():
        shown = f"{value:.4f}" if value is not None else f"undefined: {result.undefined[name]}"
        rows.append((name, shown, _MEANINGS[name]))
    return rows


def card_text(folder_name: str, result: TrainingResult, card: CardFacts) -> str:
    """Compose the card.

    Args:
        folder_name: the model's name, for the heading.
        result: scores, steps and layer map.
        card: everything else.
    """
    tags = ["text-classification", "kdprobe"]
    if card.kind == "distill":
        tags.append("knowledge-distillation")
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags:"]
    lines += [f"- {tag}" for tag in tags] + ["---", "", f"# {_cell(folder_name)}", ""]
    lines += [printable(card.headline), "", f"## Scores on {_cell(result.eval_split)}", ""]
    lines += _table(("score", "value", "what it is"), _score_rows(result))
    lines += ["", f"Kept: the weights of step {result.best_step} of {result.steps}, chosen on this"]
    lines += ["same split, so that these scores lean towards the good side."]
    for heading, rows in card.sections.items():
        lines += ["", f"## {heading}", "", *_table(("what", "value"), list(rows.items()))]
    if result.preflight.layer_map:
        lines += ["", "## Layers", ""]
        rows_ = [(str(s), str(t), how) for s, t, how in result.preflight.layer_map]
        lines += _table(("student", "teacher", "weights before training"), rows_)
    if card.recipe:
        lines += ["", "## Where the recipe comes from", "", printable(card.recipe)]
    if card.notes:
        lines += ["", "## Notes", "", *(f"- {printable(note)}" for note in card.notes)]
    lines += ["", "## How to make it again", "", "```sh", printable(card.command), "```", ""]
    if PLACEHOLDER in card.command:
        lines += [f"`{PLACEHOLDER}` stands for a folder of the machine it was made on.", ""]
    return "\n".join(lines)


def write_card(stage: Path, result: TrainingResult, card: CardFacts) -> None:
    """Write README.md into the folder that is being written."""
    name = result.folder.name if result.folder is not None else stage.name
    write_text(stage / "README.md", card_text(name, result, card))
