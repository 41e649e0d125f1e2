"""A task, and the task file: where its files are called what, on disk and on the hub.

Does: hold the definition of a task (its labels in order, its primary score) in a frozen type; say
the shape of `suites/tasks/*.toml` and of a person's own task file, and check what can be checked
without data. Does not: look for files; `kdprobe/tasks/sources.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kdprobe.config.base import Options
from kdprobe.config.kinds import LabelSets, PrimaryScore, TaskKind, check_kind

Share = tuple[
    Annotated[float, Field(ge=0, le=1)],
    Annotated[float, Field(ge=0, le=1)],
]


@dataclass(frozen=True)
class Task:
    """One problem: a classification, a regression, or several labels at once.

    Args:
        name: the word on the command line (`cola`).
        version: raised when the meaning of the data or labels changes.
        kind: see `kinds.TaskKind`.
        labels: label names in index order; empty for a regression.
        primary_score: the task score that ranks models; see `kinds.PRIMARY_SCORES`.
        has_pairs: whether an example is a pair of texts.
        positive: the label that F1 of a binary task is about (default: the last).
        acceptable: the label that means acceptable, for minimal pairs; empty when the task is none.
        score_range: smallest and largest gold score of a regression.
        missing: how files write that an example has no gold label, beside what
            `kdprobe/tasks/gold.py` knows.
        sets: of a classification whose classes are sets of labels (`observations/label_sets.py`),
            which sets; else None.
    """

    name: str
    version: int
    kind: TaskKind
    labels: tuple[str, ...]
    primary_score: str
    has_pairs: bool = False
    positive: str = ""
    acceptable: str = ""
    score_range: tuple[float, float] | None = None
    description: str = ""
    citation: str = ""
    missing: tuple[str, ...] = ()
    sets: LabelSets | None = None

    @property
    def outputs(self) -> int:
        """The number of outputs of a model for this task: its labels, or 1 for a regression."""
        return 1 if self.kind == "regression" else len(self.labels)


class SplitFile(Options):
    """Where the rows of one split stand.

    Args:
        file: the file's name in the task's folder; `*` matches several, read in sorted order.
        size: how many examples to generate when nobody says; only for the reader `grammar`.
        header: whether the first line names the columns (default: only if the layout does not).
        labelled: False for a test file whose labels are kept secret.
        value: take only the rows with this value in the layout's `split_column`.
        share: take only the rows whose text's hash, read as a number in 0..1, lies in this range
            (from, up to but not including); equal texts fall on the same side.
    """

    file: str = ""
    size: int | None = Field(default=None, ge=1)
    header: bool | None = None
    labelled: bool = True
    value: str | None = None
    share: Share | None = None


class Columns(Options):
    """Which columns hold what; an empty entry means: as the task file's head says.

    Args:
        text: the column of the (first) text; several are joined by a blank.
        text_pair: the same for the second text.
        label: the column of the label (a name or an index) or score.
        id_column: a column of unique ids; without one, ids are `dev-00017` (the row, from 1).
        cluster: the column whose equal values mark examples that depend on each other.
    """

    text: str | tuple[str, ...] = ()
    text_pair: str | tuple[str, ...] = ()
    label: str = ""
    id_column: str = ""
    cluster: str = ""


class Layout(Columns):
    """One way in which the files of a task are laid out on disk.

    Args:
        reader: `table` (by the ending: .tsv .csv .jsonl .parquet), `multirc`, `rasa`, or `grammar`
            (generated, no files).
        folders: names the folder goes by inside a data folder; none: `base` itself.
        columns: names of the columns of files without a header line.
        names_file: a file `index<TAB>name` that must agree with the labels when it is there.
        split_column: the column that `value` of a split is about.
        broken_rows: `skip` leaves out rows with a wrong number of columns or an empty text, and
            says how many; only for files that were published with such rows.
        splits: the splits by name, in the order to show them.
    """

    reader: Literal["table", "multirc", "rasa", "grammar"] = "table"
    folders: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    names_file: str = ""
    split_column: str = ""
    broken_rows: Literal["refuse", "skip"] = "refuse"
    splits: dict[str, SplitFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _files_or_sizes(self) -> Layout:
        for name, split in self.splits.items():
            if self.reader == "grammar" and (split.size is None or split.file):
                raise ValueError(f"split {name!r} of the grammar needs a size and no file")
            if self.reader != "grammar" and (not split.file or split.size is not None):
                raise ValueError(f"split {name!r} needs a file and no size")
            if split.value is not None and not self.split_column:
                raise ValueError(f"split {name!r} has a value, but there is no split_column")
        return self


class Hub(Columns):
    """The task on the hub: `datasets.load_dataset(dataset, config, split=...)`.

    Args:
        splits: our split name -> the hub's.
    """

    dataset: str
    config: str = ""
    splits: dict[str, str] = Field(min_length=1)


class Derived(Options):
    """A column for slices that follows from another one.

    Args:
        column: its name (`domain`).
        source: the column it follows from.
        values: new value -> the old values that it stands for; anything else is `other`.
    """

    column: str
    source: str
    values: dict[str, tuple[str, ...]] = Field(min_length=1)


class TaskFile(Options):
    """A task file.

    Args:
        name: the word on the command line.
        version: raised when the meaning of the data or labels changes.
        kind: see `kinds.TaskKind`.
        labels: label names in index order; none for a regression.
        open_labels: True where the labels are those that a plain data file happens to show, one or
            none of them perhaps; models may then name more (`models/label_sources.py`).
        missing: what a field says that holds no gold label, like `-1`; an empty one always does.
        primary_score: the score that ranks models.
        positive: the label that a binary F1 is about.
        acceptable: the label that means acceptable; only such a task is asked for minimal pairs.
        score_range: smallest and largest gold score of a regression.
        text: see `Columns`; the default of every layout and of the hub.
        text_pair: likewise; empty for a task of single texts.
        label: likewise.
        id_column: likewise.
        cluster: likewise; every file of the task must have it.
        extra_columns: columns kept for slices. Local files with labels must have them.
        derived: columns made from others.
        compare_split: the split that `kdprobe compare` takes when nobody says.
        obtain: how a person gets the data.
        base: the folder that layouts without `folders` are in; default: the task file's own.
        local: ways the files may be laid out, the first that is found wins.
        hub: the task on the hub, if it is there.
        notes: what was guessed; written by `open_task` for a plain data file.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    version: int = Field(default=1, ge=1)
    kind: TaskKind = "classification"
    description: str = ""
    citation: str = ""
    labels: tuple[str, ...] = ()
    open_labels: bool = False
    missing: tuple[str, ...] = ()
    primary_score: PrimaryScore
    positive: str = ""
    acceptable: str = ""
    score_range: tuple[float, float] | None = None
    text: str | tuple[str, ...]
    text_pair: str | tuple[str, ...] = ()
    label: str = "label"
    id_column: str = ""
    cluster: str = ""
    extra_columns: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()
    compare_split: str = "dev"
    obtain: str = ""
    base: Path | None = None
    local: tuple[Layout, ...] = ()
    hub: Hub | None = None
    notes: tuple[str, ...] = ()

    @field_validator("labels")
    @classmethod
    def _unique_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) != len(labels):
            raise ValueError("a label stands twice")
        return labels

    @model_validator(mode="after")
    def _parts_agree(self) -> TaskFile:
        check_kind(
            self.kind, self.labels, self.primary_score, open_labels=self.open_labels,
            scored=self.score_range,
        )  # fmt: skip
        both = [name for name in self.missing if name in self.labels]
        if both:
            raise ValueError(f"{both[0]!r} is a label and means that there is none")
        for key, value in (("positive", self.positive), ("acceptable", self.acceptable)):
            if value and value not in self.labels:
                raise ValueError(f"{key} is {value!r}, which is none of the labels")
            if value and self.kind == "multilabel":
                raise ValueError(f"{key} is for a classification, one label an example")
        if not self.local and self.hub is None:
            raise ValueError("neither a [[local]] layout nor a [hub] says where the data are")
        if self.compare_split not in self.split_names:
            raise ValueError(f"compare_split is {self.compare_split!r}, which is no split")
        return self

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that some layout or the hub has, in the order they are written."""
        names: dict[str, None] = {}
        for layout in self.local:
            names |= dict.fromkeys(layout.splits)
        if self.hub is not None:
            names |= dict.fromkeys(self.hub.splits)
        return tuple(names)

    def resolved(self, source: Columns) -> Columns:
        """Return the columns of one source, what it leaves open taken from the task file's head."""
        return Columns(
            text=source.text or self.text,
            text_pair=source.text_pair or self.text_pair,
            label=source.label or self.label,
            id_column=source.id_column or self.id_column,
            cluster=source.cluster or self.cluster,
        )

    def with_cluster(self, column: str | None) -> TaskFile:
        """Return the task with examples clustered by this column; `none`: by none; None: as is."""
        if column is None:
            return self
        local = tuple(layout.model_copy(update={"cluster": ""}) for layout in self.local)
        hub = self.hub and self.hub.model_copy(update={"cluster": ""})
        return self.model_copy(
            update={"cluster": "" if column == "none" else column, "local": local, "hub": hub}
        )

    @property
    def is_generated(self) -> bool:
        """Whether the examples come from the embedded grammar, so that no file is looked for."""
        return self.hub is None and all(layout.reader == "grammar" for layout in self.local)

    def task(self) -> Task:
        """Return the task that this file defines."""
        return Task(
            name=self.name,
            version=self.version,
            kind=self.kind,
            labels=self.labels,
            primary_score=self.primary_score,
            has_pairs=bool(self.text_pair),
            positive=self.positive,
            acceptable=self.acceptable,
            score_range=self.score_range,
            description=self.description,
            citation=self.citation,
            missing=self.missing,
        )
