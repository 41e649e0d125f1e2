"""Hugging Face's trainer as guides distil with it: what ours is measured against.

Does: ask the teacher at every step, with texts tokenised once, AdamW fused, one checkpoint at the
end and no evaluation. Does not: choose a teacher, texts or an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

from kdprobe.models.checkpoint import Loaded


class Peer(Trainer):  # type: ignore[misc]  # transformers is untyped
    """Half cross-entropy, half divergence from the teacher."""

    def __init__(self, teacher: Loaded, order: Sampler[int] | None, **given: Any) -> None:
        self.teacher, self.order = teacher, order
        super().__init__(**given)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order or super()._get_train_sampler(train_dataset)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """The loss of a batch."""
        labels = inputs.pop("labels")
        with torch.no_grad():
            answers = self.teacher.model(**inputs).logits[:, list(self.teacher.columns)]
        logits = model(**inputs).logits.float()
        soft = nn.functional.kl_div(
            torch.log_softmax(logits, -1),
            torch.log_softmax(answers.float(), -1),
            log_target=True,
            reduction="batchmean",
        )
        return 0.5 * nn.functional.cross_entropy(logits, labels) + 0.5 * soft


def distil_with_trainer(
    teacher: Loaded,
    student: Any,
    rows: Sequence[dict[str, Any]],
    *,
    order: Sampler[int] | None,
    padding: str,
    longest: int,
    folder: Path,
    **arguments: Any,
) -> list[float]:
    """Train a student, in place; gives the losses that were logged.

    Args:
        teacher: in eval mode, with its tokenizer.
        student: of the same tokens.
        rows: token ids and `labels` of each example.
        order: of the rows; None: the trainer's own.
        padding: `max_length` or `longest`.
        longest: the most tokens of a text.
        folder: where its checkpoint goes.
        **arguments: of `TrainingArguments`.
    """
    settings = TrainingArguments(
        output_dir=str(folder), optim="adamw_torch_fused", save_strategy="steps", save_steps=10**6,
        use_cpu=True, remove_unused_columns=False, dataloader_pin_memory=False, disable_tqdm=True,
        report_to=[], **arguments,
    )  # fmt: skip
    collate = DataCollatorWithPadding(teacher.tokenizer, padding=padding, max_length=longest)
    trainer = Peer(
        teacher, order, model=student, args=settings, train_dataset=rows, data_collator=collate
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
