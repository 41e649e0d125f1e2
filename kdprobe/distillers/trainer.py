"""The only subclass of `transformers.Trainer`.

Does: feed batches of about equal lengths, pass the models' outputs to a recipe's objectives, score
the student at each evaluation, stop on a loss that is not finite. Does not: define any loss
(`objectives/`), build models, or write the final folder (`fitting.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl

from kdprobe.distillers.arguments import other_optimizer, training_arguments
from kdprobe.distillers.attention_kernel import choose_attention
from kdprobe.distillers.encoding import GroupedByLength, RowNumbers
from kdprobe.distillers.first_token_forward import (
    first_token_forward,
    first_token_suffices,
    leaves_last_attention,
    leaves_last_layer,
)
from kdprobe.distillers.forward import Trainable, prepare
from kdprobe.distillers.objective import LOGITS, Batch, View
from kdprobe.distillers.processes import add_up_gradients, process_group, same_start
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.distillers.term_log import TermLog
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.distillers.validation_scores import Score, fidelity, task_scores
from kdprobe.distillers.weighted_loss import WeightedLosses, Window
from kdprobe.errors import TrainingError
from kdprobe.models.embedding_table import embedding_table
from kdprobe.models.reparametrised_embeddings import train_used_rows
from kdprobe.progress import Silent

UNDEFINED_RANK = -2.0  # below every score: all lie in -1..1
_SHOWN_IDS = 5


def _spare_unused_rows(job: TrainingJob) -> None:
    """Leave the embeddings of words that are never read out of the optimiser, where it is exact.

    With weight decay they would shrink at every step.
    """
    if job.settings.weight_decay:
        return
    table = embedding_table(job.student)
    if table is None:
        return
    encoded = job.encoded
    used = set(itertools.chain.from_iterable(encoded.columns["input_ids"]))
    used |= {encoded.padding["input_ids"], *job.tokenizer.all_special_ids}
    train_used_rows(job.student, table, torch.tensor(sorted(used)))


class StudentTrainer(Trainer):  # type: ignore[misc]  # transformers is untyped
    """Trains the student of a job.

    Args:
        job: everything it needs.
        folder: where checkpoints go.
        callbacks: those of `callbacks.py`.
    """

    control: TrainerControl

    def __init__(
        self, job: TrainingJob, *, folder: Path, callbacks: Sequence[TrainerCallback]
    ) -> None:
        self.job, self.group = job, process_group()
        self.needs = job.weighted_loss.needs(job.models)
        prepare(job.student, self.needs.student, gradients=self.needs.student_model)
        longest = int(job.encoded.lengths.max())
        choose_attention(job.student, longest=longest, compute=job.compute)
        layers = int(job.student.config.num_hidden_layers)
        self.reads_first = first_token_suffices(job.student, job.encoded)
        self.short = self.reads_first and leaves_last_layer(self.needs, layers)
        self.short_attention = leaves_last_attention(self.needs, layers)
        _spare_unused_rows(job)
        trainable = Trainable(job.student, job.weighted_loss.projections(job.models))
        super().__init__(
            model=trainable,
            args=training_arguments(job, folder),
            data_collator=self.collate,
            train_dataset=RowNumbers(len(job.split)),
            eval_dataset=RowNumbers(len(job.evaluation.split)),
            callbacks=list(callbacks),
            optimizer_cls_and_kwargs=other_optimizer(job),
        )
        self.remove_callback(PrinterCallback)
        # True: "the loss is already scaled for the whole optimiser step", which `compute_loss`
        # does; otherwise Trainer would divide it once more, or not at all, by the architecture.
        self.model_accepts_loss_kwargs = True
        self.term_log = TermLog(job.weighted_loss.terms, job.student, self.group)
        # the processes' gradients are added up in `training_step`: nothing is wrapped for it
        self.accelerator.prepare_model = partial(
            self.accelerator.prepare_model, evaluation_mode=True
        )
        # nothing to free before the first step; a collection of all garbage takes .25 s
        self.accelerator.free_memory = list
        same_start(trainable, self.group)

    def collate(self, rows: list[int]) -> dict[str, Any]:
        """Build this process's share of a batch: inputs, labels, and the rows themselves.

        A process that is left without a row computes another's, which then counts nothing.
        """
        own = self.group.share(rows)
        batch: dict[str, Any] = {
            "inputs": self.job.encoded.batch(own or rows[:1]),
            "rows": torch.tensor(own or rows[:1]),
            "counts": bool(own),
        }
        labels = self.job.split.labels
        if labels is not None and self.needs.labels:
            picked = torch.tensor(labels[own or rows[:1]])
            batch["labels"] = picked.float() if picked.is_floating_point() else picked
        return batch

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the same batches in every process; `collate` takes its share of each."""
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_size=self.job.settings.batch_size,
            sampler=self._get_train_sampler(),
            collate_fn=self.collate,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Any] = prepare_data_loader(loader, num_processes=1, process_index=0)
        return prepared

    def _get_train_sampler(self, train_dataset: Any = None) -> GroupedByLength:
        """Return the order of the examples."""
        return self.job.order

    def _batch(self, sample: Mapping[str, Any]) -> Batch:
        done = self.state.global_step / max(1, self.state.max_steps)
        mask = sample["inputs"]["attention_mask"].bool()
        return Batch(mask, sample.get("labels"), min(1.0, done), self.job.models)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """Count what the whole optimiser step sums over, before its first gradient."""
        counted = [self._batch(sample) for sample in batch_samples if sample["counts"]]
        return self.job.weighted_loss.window(counted).over(self.group)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Compute a micro-batch's gradients; before the optimiser steps, add up all processes'."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients:
            add_up_gradients(self.trainable, self.group)
        return loss * self.group.size  # the log takes the mean over processes

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return a micro-batch's share of the step's loss.

        Raises:
            TrainingError: an example's loss is not finite; the examples are named.
        """
        with first_token_forward(
            self.job.student, enough=self.short, attention=self.short_attention
        ):
            values: dict[Any, Tensor] = model(inputs["inputs"], self.needs.student | {LOGITS})
        shown = self.job.student if self.needs.student_model else None
        student = View(values, inputs["inputs"], shown)
        rows = inputs["rows"].tolist()
        batch = self._batch(inputs)
        window: Window = num_items_in_batch
        losses = self.job.weighted_loss.losses(
            student,
            self.job.teacher.view(rows, values[LOGITS].device),
            batch,
            window=window,
            projections=self.trainable.projections,  # type: ignore[arg-type]  # ModuleDict is a mapping
        )
        if not losses.total.requires_grad:
            raise TrainingError(
                f"step {self.state.global_step + 1}",
                found="no weight that is trained moves the loss",
                remedy="add an objective that the student can learn, or let its embeddings train",
            )
        if not inputs["counts"]:
            losses = losses.as_nothing()
        self._refuse_nonfinite(losses, rows)
        self.term_log.add(losses.terms, self.state.global_step)
        return (losses.total, values[LOGITS]) if return_outputs else losses.total

    @property
    def trainable(self) -> Trainable:
        """The student with its projections."""
        model: Trainable = self.model
        return model

    def _refuse_nonfinite(self, losses: WeightedLosses, rows: list[int]) -> None:
        """Stop in every process when the loss of one is not finite."""
        broken = ~torch.isfinite(losses.total.detach())
        if not bool(self.group.total(broken.float())):
            return
        bad = (~torch.isfinite(losses.examples)).nonzero().ravel().tolist()
        ids = self.group.gathered([self.job.split.ids[rows[place]] for place in bad])
        size = int(self.group.total(torch.tensor(len(losses.examples))))
        shown = ", ".join(repr(name) for name in ids[:_SHOWN_IDS])
        raise TrainingError(
            f"step {self.state.global_step + 1}",
            found=f"the loss of {len(ids)} of {size} examples in a batch is not finite "
            f"({shown}{', …' if len(ids) > _SHOWN_IDS else ''})",
            remedy="lower the learning rate or leave out bf16; earlier checkpoints are kept and "
            "`resume` goes on from the last one",
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the objectives' terms to the loss; leave out what the clock decides."""
        if "train_runtime" in logs:
            return
        if "loss" in logs:
            logs |= self.term_log.drain(self.state.global_step)
        super().log(logs)

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Score the student; see `evaluate_student`."""
        scores = self.evaluate_student()
        metrics = {f"eval_{n}": s.value for n, s in scores.items() if s.value is not None}
        metrics["eval_selection"] = self._selection(scores)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def evaluate_student(self) -> dict[str, Score]:
        """Score the student as it is: the task's scores, and agreement with the teacher."""
        evaluation = self.job.evaluation
        device = next(self.job.student.parameters()).device
        logits = all_logits(
            self.job.student,
            evaluation.encoded,
            columns=None,
            device=device,
            batch_size=4 * self.job.settings.batch_size,
            progress=Silent(),
            title="",
            group=self.group,
            enough=self.reads_first,
        ).astype("float64")
        split = evaluation.split
        if split.labels is None:
            raise ValueError("an evaluation without gold labels")
        scores = task_scores(split.task, split.labels, logits)
        if evaluation.teacher is not None:
            known = evaluation.answered
            teacher = evaluation.teacher[known].astype("float64")
            scores |= fidelity(split.task, teacher, logits[known])
        if self.job.models.answers in ("labels", "label sets") and "kl" in scores:
            scores["kl"] = Score(None, "the teacher gives labels and no probabilities")
        return scores

    def _selection(self, scores: Mapping[str, Score]) -> float:
        rule = self.job.settings.best_by
        if rule == "last":
            return float(self.state.global_step)
        name = self.job.split.task.primary_score if rule == "score" else rule
        value = scores[name].value
        return UNDEFINED_RANK if value is None else value
