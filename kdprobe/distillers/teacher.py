"""A teacher that is open for a training.

Does: open it with examples as it reads them, compute its logits and signal, score it. Does not:
choose what is learnt from it; the objectives do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.cache import Cache, CacheKey
from kdprobe.config.recipe import Recipe
from kdprobe.distillers.compute import Compute, settled
from kdprobe.distillers.data import TrainingData, encode_for
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import prepare
from kdprobe.distillers.job_facts import parameter_count
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.own_reading import FIRST_BATCH, OwnReading
from kdprobe.distillers.preflight import refuse_chance
from kdprobe.distillers.processes import process_group
from kdprobe.distillers.teacher_memory import CachedTeacher, TeacherCache
from kdprobe.distillers.teacher_quantities import teacher_quantities
from kdprobe.distillers.teacher_signal import LiveTeacher, StoredTeacher, TeacherSignal
from kdprobe.distillers.teacher_store import TOLERANCE, TeacherFile, all_logits
from kdprobe.distillers.validation_scores import chance_score, task_scores
from kdprobe.distillers.weighted_loss import WeightedLoss
from kdprobe.distillers.word_alignment import match_words
from kdprobe.errors import CapabilityError
from kdprobe.models.checkpoint import Loaded, describe, load_classifier
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.hf import HfModel
from kdprobe.models.model_inputs import token_limit
from kdprobe.models.stored_outputs import keep_logits, stored_logits
from kdprobe.models.text_model import TextModel
from kdprobe.plain_files import expanded
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split
from kdprobe.workers.pool import ALONE, Workers


@dataclass(frozen=True)
class Teacher:
    """A teacher that is open, on its device, with the examples as it reads them.

    Args:
        path: a folder or hub id; empty for a model that is in no folder.
        loaded: the model, its tokenizer and its output for each label of the task.
        fingerprint: of its folder; see `models.folder.fingerprint`.
        train: the training examples as it reads them.
        evaluation: the evaluation examples as it reads them.
        max_length: tokens it reads of an example.
        compute: its device and number format.
        workers: the processes that share its pass over a split.
    """

    path: str
    loaded: Loaded
    fingerprint: str
    train: Encoded
    evaluation: Encoded
    max_length: int
    compute: Compute
    workers: Workers = ALONE

    @classmethod
    def open(
        cls,
        path: str,
        data: TrainingData,
        recipe: Recipe,
        compute: Compute,
        label_map: Mapping[str, str] | None,
        offline: bool,
    ) -> Teacher:
        """Open it; a head that was never trained is refused."""
        loaded = load_classifier(path, task=data.task, label_map=label_map, offline=offline)
        held = loaded.fingerprint or fingerprint(locate(path, offline=offline))
        teacher = cls.of_loaded(path, loaded, held, data, recipe, compute)
        loaded.model.requires_grad_(False).to(compute.device)
        return teacher

    @classmethod
    def of_loaded(
        cls,
        path: str,
        loaded: Loaded,
        fingerprint: str,
        data: TrainingData,
        recipe: Recipe,
        compute: Compute,
    ) -> Teacher:
        """Make a teacher of a model, which stays as it is; see the class for what is given."""
        longest = min(recipe.training.max_length, token_limit(loaded.model, loaded.tokenizer))
        train, evaluation = (
            encode_for(loaded.model, loaded.tokenizer, split, max_length=longest)
            for split in (data.train, data.evaluation)
        )
        return cls(path, loaded, fingerprint, train, evaluation, longest, compute)

    def reading(self, data: TrainingData) -> Teacher:
        """Return it with other training examples."""
        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        read = encode_for(model, tokenizer, data.train, max_length=self.max_length)
        return replace(self, train=read)

    def sampled(self, data: TrainingData) -> Teacher:
        """Return it with other examples, of which nothing is stored."""
        return self.replaced_by(self.loaded, data)

    def replaced_by(
        self, loaded: Loaded, data: TrainingData, recipe: Recipe | None = None
    ) -> Teacher:
        """Return another model in its place, with the examples as that one reads them."""
        train, other = (
            encode_for(loaded.model, loaded.tokenizer, split, max_length=self.max_length)
            for split in (data.train, data.evaluation)
        )
        return replace(self, path="", loaded=loaded, fingerprint="", train=train, evaluation=other)

    def beside(self, student: Encoded) -> Teacher:
        """Return it with its padding on the student's side.

        A student pads where that moves nothing of it; a teacher that cannot be padded there is run
        on texts of equal length, and what it gives is laid where the student's tokens stand.
        """
        if self.train.left == student.left:
            return self
        return replace(self, train=replace(self.train, left=student.left, apart=True))

    @property
    def name(self) -> str:
        """Its folder's name, without the way there; a hub id whole."""
        local = bool(self.path) and expanded(self.path).exists()
        return Path(self.path).resolve().name if local else self.path

    @property
    def notes(self) -> tuple[str, ...]:
        """How it was read."""
        return self.loaded.notes

    def asked(self, weighted_loss: WeightedLoss, models: ModelPair) -> str:
        """Say when it runs, and what is kept of it, for people."""
        return teacher_quantities(weighted_loss, models, self.train.lengths).summary

    @cached_property
    def handle(self) -> HfModel:
        """The teacher as `compare` opens it, so that both share what is stored of its outputs."""
        return HfModel(
            self.loaded,
            name=self.name or "the teacher",
            folder=self.name,
            fingerprint=self.fingerprint,
            device=torch.device(self.compute.device),
            dtype=torch.float32,
        )

    def logits(
        self, split: Split, *, progress: Progress, cache: Cache | None = None
    ) -> NDArray[np.float32]:
        """Return its logits for a split, float32 `[n, C]`; what `compare` has computed is shared.

        Rows are in the split's order, columns in the task's label order; see
        `models.stored_outputs`. Kept under its fingerprint, where it has one.

        Raises:
            CapabilityError: its outputs are not the same twice.
        """
        kept = (cache or Cache.default()) if self.fingerprint else None
        with process_group().leader_first(), settled(self.compute, seed=0, purpose="teacher"):
            values = stored_logits(
                self.handle, split, longest=self.max_length, cache=kept, progress=progress,
                workers=self.workers,
            )  # fmt: skip
        return values.astype(np.float32)

    def _training_logits(
        self, split: Split, *, progress: Progress, cache: Cache
    ) -> NDArray[np.float32]:
        """Return its logits for the training split, in the batches in which trainings read it.

        They differ from `logits` by rounding (1e-6), which the steps of a training amplify: a
        student is the same as ever only if every bit is. So they have an entry of their own, which
        no other command writes; each is put among the outputs that `logits` and `compare` share
        where its text is not known there yet. What is stored is held against the teacher's own
        outputs for a few texts alone, and computed again where it differs.

        Raises:
            CapabilityError: what was computed is not what the teacher says of each text alone.
        """
        file, own = self._file(split), self._own(split, self.train)
        key = CacheKey("teacher-logits", file.parts)
        compute = settled(self.compute, seed=0, purpose="teacher")
        with process_group().leader_first(), cache.making(key), compute:
            arrays = cache.load(key, say=progress.say)
            if arrays is not None:
                with contextlib.suppress(CapabilityError):
                    stored = arrays["logits"].astype(np.float32)
                    if len(stored) == len(split):
                        own.require_signal(StoredTeacher(torch.from_numpy(stored)))
                        return stored
                progress.say("The stored logits are not what the teacher gives now; made anew.")
            logits = all_logits(
                self.loaded.model, self.train, columns=self.loaded.columns, device=file.device,
                batch_size=FIRST_BATCH, progress=progress, title=f"run the teacher on {split.name}",
                workers=self.workers,
            )  # fmt: skip
            own.require_signal(StoredTeacher(torch.from_numpy(logits)))
            keep_logits(
                self.handle, split, logits, longest=self.max_length, cache=cache, progress=progress
            )
            cache.store(key, {"logits": logits}, description=f"{split.task.name} {split.name}")
        return logits

    def _own(self, split: Split, encoded: Encoded) -> OwnReading:
        """Return some of its texts as it reads each alone, to hold its outputs against."""
        return OwnReading(self.handle.text, split, encoded, self.max_length, self.loaded.columns)

    def _file(self, split: Split) -> TeacherFile:
        return TeacherFile(
            fingerprint=self.fingerprint,
            split=split,
            max_length=self.max_length,
            columns=self.loaded.columns,
            device=torch.device(self.compute.device),
        )

    def signal(
        self,
        weighted_loss: WeightedLoss,
        models: ModelPair,
        data: TrainingData,
        *,
        progress: Progress,
        cache: Cache | None = None,
    ) -> TeacherSignal:
        """Return what the objectives read of it: stored outputs, or itself at every step.

        What is computed is kept in `cache`; None: the user's.

        Raises:
            CapabilityError: its outputs in batches are not its own of each text alone.
        """
        cache = cache or Cache.default()
        needs = weighted_loss.needs(models)
        quantities = teacher_quantities(weighted_loss, models, self.train.lengths)
        if quantities.live is not None:
            prepare(self.loaded.model, needs.teacher, gradients=needs.teacher_model)
            read = self.train
            if needs.words:
                own = TextModel(self.loaded.model, self.loaded.tokenizer, name=self.name)
                read = match_words(
                    read, own, data.train, max_length=self.max_length,
                    progress=progress, title="match the teacher's words",
                )  # fmt: skip
            shown = needs.teacher_model
            columns = self.loaded.columns
            live = LiveTeacher(self.loaded.model.eval(), read, needs.teacher, columns, shown)
            with settled(self.compute, seed=0, purpose="teacher"):
                self._own(data.train, read).require_signal(live)
            return live
        logits = torch.tensor(self._training_logits(data.train, progress=progress, cache=cache))
        self.workers.rest()  # none of them trains
        if not quantities.quantities:
            return StoredTeacher(logits)
        file = self._file(data.train)
        teacher_cache = TeacherCache(self.loaded, self.train, data.train, models, file)
        with process_group().leader_first(), settled(self.compute, seed=0, purpose="teacher"):
            kept = teacher_cache.recall(quantities.quantities, cache=cache, progress=progress)
            cached = CachedTeacher(logits, self.train, kept)
            self._own(data.train, self.train).require_signal(cached, share=TOLERANCE)
        return cached

    def facts(self, split: Split, logits: NDArray[np.float32] | None) -> list[tuple[str, str]]:
        """Score it on a split with gold labels, and refuse it when it is no better than chance.

        Raises:
            CheckpointError: it is no better than always giving the same answer.
        """
        gold = split.labels
        if gold is None or logits is None:
            raise ValueError("an evaluation split without gold labels or outputs")
        reached = task_scores(split.task, gold, logits.astype(np.float64))[split.task.primary_score]
        name, chance = chance_score(split.task, gold)
        refuse_chance(self.path, score=name, reached=reached, chance=chance, split=split.name)
        model = self.loaded.model
        return [
            ("teacher", f"{self.name}: {describe(model)}"),
            ("teacher's parameters", f"{parameter_count(model):,}"),
            ("teacher's fingerprint", self.fingerprint),
            (f"teacher's {name}", f"{reached.value:.4f} (always the same answer: {chance:.4f})"),
        ]
