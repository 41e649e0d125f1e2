"""The only subclass of `transformers.Trainer`.

Does: feed batches of about equal lengths, hand the models' outputs to a recipe's objectives, score
the student at each evaluation, stop on a loss that is not finite. Does not: define any loss
(`objectives/`), build models, or write the final folder (`fitting.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainingArguments,
)

from kdprobe.distillers._scores import Score, fidelity, task_scores
from kdprobe.distillers.encoding import GroupedByLength, Rows
from kdprobe.distillers.lesson import Lesson
from kdprobe.distillers.mixture import Losses, Window
from kdprobe.distillers.objective import LOGITS, Batch, View
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.distillers.views import Trainable, prepare
from kdprobe.errors import ConfigError, TrainingError
from kdprobe.progress import Silent

UNDEFINED_RANK = -2.0  # below every score: all lie in -1..1
_SHOWN_IDS = 5


class StudentTrainer(Trainer):  # type: ignore[misc]  # transformers is untyped
    """Trains a student on a lesson.

    Args:
        lesson: everything it needs.
        folder: where checkpoints go.
        callbacks: those of `callbacks.py`.
    """

    control: TrainerControl

    def __init__(
        self, lesson: Lesson, *, folder: Path, callbacks: Sequence[TrainerCallback]
    ) -> None:
        self.lesson = lesson
        self.needs = lesson.mixture.needs(lesson.situation)
        prepare(lesson.student, self.needs.student, gradients=self.needs.student_model)
        trainable = Trainable(lesson.student, lesson.mixture.bridges(lesson.situation))
        super().__init__(
            model=trainable,
            args=training_arguments(lesson, folder),
            data_collator=self.collate,
            train_dataset=Rows(len(lesson.split)),
            eval_dataset=Rows(len(lesson.examination.split)),
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)
        # True: "the loss is already scaled for the whole optimiser step", which `compute_loss`
        # does; otherwise Trainer would divide it once more, or not at all, by the architecture.
        self.model_accepts_loss_kwargs = True
        self._term_sums: dict[str, Tensor] = {}
        self._gradient_norms: dict[str, float] = {}
        self._drained_at = 0

    def collate(self, rows: list[int]) -> dict[str, Any]:
        """Make a batch of row numbers: inputs, labels, and the rows themselves."""
        batch: dict[str, Any] = {
            "inputs": self.lesson.encoded.batch(rows),
            "rows": torch.tensor(rows),
        }
        labels = self.lesson.split.labels
        if labels is not None and self.needs.labels:
            picked = torch.tensor(labels[rows])
            batch["labels"] = picked.float() if picked.is_floating_point() else picked
        return batch

    def _get_train_sampler(self, train_dataset: Any = None) -> GroupedByLength:
        """Give the order of the examples; it depends on the seed and the epoch alone."""
        settings = self.lesson.settings
        return GroupedByLength(
            self.lesson.encoded.lengths,
            batch=settings.batch_size * settings.gradient_accumulation,
            seed=self.lesson.seed,
        )

    def _batch(self, sample: Mapping[str, Any]) -> Batch:
        done = self.state.global_step / max(1, self.state.max_steps)
        mask = sample["inputs"]["attention_mask"].bool()
        return Batch(mask, sample.get("labels"), min(1.0, done), self.lesson.situation)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """Count what the whole optimiser step sums over, before its first gradient."""
        return self.lesson.mixture.window([self._batch(sample) for sample in batch_samples])

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Give a micro-batch's share of the step's loss.

        Raises:
            TrainingError: an example's loss is not finite; the examples are named.
        """
        values: dict[Any, Tensor] = model(inputs["inputs"], self.needs.student | {LOGITS})
        shown = self.lesson.student if self.needs.student_model else None
        student = View(values, inputs["inputs"], shown)
        rows = inputs["rows"].tolist()
        batch = self._batch(inputs)
        window: Window = num_items_in_batch
        losses = self.lesson.mixture.losses(
            student,
            self.lesson.teacher.view(rows, values[LOGITS].device),
            batch,
            window=window,
            bridges=self.trainable.bridges,  # type: ignore[arg-type]  # ModuleDict is a mapping
        )
        self._refuse_nonfinite(losses, rows)
        self._keep_for_log(losses)
        return (losses.total, values[LOGITS]) if return_outputs else losses.total

    @property
    def trainable(self) -> Trainable:
        """The student with its bridges."""
        model: Trainable = self.model
        return model

    def _refuse_nonfinite(self, losses: Losses, rows: list[int]) -> None:
        if bool(torch.isfinite(losses.total)):
            return
        bad = (~torch.isfinite(losses.examples)).nonzero().ravel().tolist()
        ids = [self.lesson.split.ids[rows[place]] for place in bad]
        shown = ", ".join(repr(name) for name in ids[:_SHOWN_IDS])
        raise TrainingError(
            f"step {self.state.global_step + 1}",
            found=f"the loss of {len(ids)} of {len(rows)} examples in a batch is not finite "
            f"({shown}{', …' if len(ids) > _SHOWN_IDS else ''})",
            remedy="lower the learning rate or leave out bf16; earlier checkpoints are kept and "
            "--resume goes on from the last one",
        )

    def _keep_for_log(self, losses: Losses) -> None:
        """Add up the terms' values, and once between two logs measure their gradients."""
        if not self._term_sums:
            self._drained_at = self.state.global_step
        if not self._term_sums and len(losses.terms) > 1:
            weights = [p for p in self.lesson.student.parameters() if p.requires_grad]
            for name, term in losses.terms.items():
                parts = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
                norms = [torch.linalg.vector_norm(part) for part in parts if part is not None]
                self._gradient_norms[name] = float(torch.stack(norms).norm()) if norms else 0.0
        for name, term in losses.terms.items():
            value = term.detach()
            self._term_sums[name] = self._term_sums.get(name, torch.zeros_like(value)) + value

    def _drain_terms(self) -> dict[str, float]:
        """Give each term's value, its share of the loss and of the gradient since the last log."""
        weighted = {name: float(value) for name, value in self._term_sums.items()}
        steps = max(1, self.state.global_step - self._drained_at)
        entries: dict[str, float] = {}
        total, norms = sum(weighted.values()), sum(self._gradient_norms.values())
        for term in self.lesson.mixture.terms:
            if term.name not in weighted:
                continue
            value = weighted[term.name]
            entries[f"{term.name}_value"] = value / term.weight / steps
            if len(weighted) > 1 and total:
                entries[f"{term.name}_share"] = value / total
            if norms:
                entries[f"{term.name}_gradient_share"] = (
                    self._gradient_norms.get(term.name, 0.0) / norms
                )
        self._term_sums, self._gradient_norms = {}, {}
        return entries

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the objectives' terms to the loss; leave out what the clock decides."""
        if "train_runtime" in logs:
            return
        if "loss" in logs:
            logs |= self._drain_terms()
        super().log(logs)

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Score the student; see `examine`."""
        scores = self.examine()
        metrics = {f"eval_{n}": s.value for n, s in scores.items() if s.value is not None}
        metrics["eval_selection"] = self._selection(scores)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def examine(self) -> dict[str, Score]:
        """Score the student as it is: the task's scores, and agreement with the teacher."""
        examination = self.lesson.examination
        device = next(self.lesson.student.parameters()).device
        logits = all_logits(
            self.lesson.student,
            examination.encoded,
            columns=None,
            device=device,
            batch_size=4 * self.lesson.settings.batch_size,
            progress=Silent(),
            title="",
        ).astype("float64")
        split = examination.split
        if split.labels is None:
            raise ValueError("an examination without gold labels")
        scores = task_scores(split.task, split.labels, logits)
        if examination.teacher is not None:
            scores |= fidelity(split.task, examination.teacher.astype("float64"), logits)
        return scores

    def _selection(self, scores: Mapping[str, Score]) -> float:
        wanted = self.lesson.settings.best_by
        if wanted == "last":
            return float(self.state.global_step)
        name = self.lesson.split.task.primary_score if wanted == "score" else wanted
        value = scores[name].value
        return UNDEFINED_RANK if value is None else value


def check_best_by(lesson: Lesson) -> None:
    """Refuse a rule for the best checkpoint that has no number here.

    Raises:
        ConfigError: agreement or KL without a teacher, or on a regression.
    """
    wanted = lesson.settings.best_by
    if wanted not in ("agreement", "kl"):
        return
    if lesson.examination.teacher is None:
        raise ConfigError(
            "--best-by", found=f"{wanted} without a teacher", expected="score or loss"
        )
    if lesson.split.task.kind == "regression":
        raise ConfigError("--best-by", found=f"{wanted} of a regression", expected="score or loss")


def training_arguments(lesson: Lesson, folder: Path) -> TrainingArguments:
    """Say to `transformers` what the settings say; every automatic choice of its own is off."""
    settings, compute = lesson.settings, lesson.compute
    args = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        lr_scheduler_type="constant_with_warmup"
        if settings.schedule == "constant"
        else settings.schedule,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=compute.bf16,
        use_cpu=compute.device == "cpu",
        eval_strategy="steps",
        eval_steps=lesson.evaluate_every,
        save_strategy="steps",
        save_steps=lesson.evaluate_every,
        metric_for_best_model="eval_selection",
        greater_is_better=settings.best_by not in ("loss", "kl"),
        logging_strategy="steps",
        logging_steps=50,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=0,
        dataloader_pin_memory=compute.device == "cuda",
        disable_tqdm=True,
        report_to=[],
        seed=lesson.seed % 2**32,
        data_seed=lesson.seed % 2**32,
    )
    args._n_gpu = min(1, args.n_gpu)  # several GPUs need torchrun; DataParallel splits by keys
    return args
