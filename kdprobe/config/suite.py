"""A suite: a paper's models, comparisons and tables in one file.

Does: define the shape of `suites/papers/*.toml`, find a suite by name or path, and check that its
parts name each other. Does not: plan or run; `suites_run/` does. `suites/papers/reference.toml`
has every key with a comment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from kdprobe.config.base import Options, read_toml, suites_folder
from kdprobe.config.suite_tables import (
    NotMade,
    SuiteClaim,
    SuiteFront,
    SuiteHeatMap,
    SuiteTable,
    place_names,
)
from kdprobe.registry import known_name

ScaleName = Literal["tiny", "small", "paper"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+@-]{0,59}$")]
"""A word that may stand in a folder's name and before `=` on the command line."""
Keywords = dict[str, JsonValue]
Seed = Annotated[int, Field(ge=0, le=10**9)]


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse a seed that stands twice, which would be one training and not two."""
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if twice is not None:
        raise ValueError(f"seed {twice} stands twice")
    return seeds


Seeds = Annotated[tuple[Seed, ...], AfterValidator(_each_once)]
MOST_STEPS = 5000
"""Steps of one suite: a minute each they take days."""


class SuiteModel(Options):
    """A model to make, for each of its tasks and seeds.

    Args:
        name: what it is called in comparisons, tables and on the page.
        make: `finetune`, `distill`, or `folder` for one that exists.
        model: of `finetune` what it starts from, of `folder` its place; hub ids and shapes will do.
        teacher: of `distill` the name of the model that teaches.
        student: the shape, as `distill` and `finetune` take it.
        recipe: of `distill`.
        settings: changes to the recipe.
        like: of `finetune`, the name of the student whose control this is.
        transfer: of `distill`, the name of the texts it learns from too.
        options: other keywords of the function.
        by_task: keywords for one task, by its name; `student`, `recipe` and `settings` too.
        tasks: those it is made for; empty: all.
        seeds: one training each; None: those of the scale.
        about: a sentence for the page.
    """

    name: Name
    make: Literal["finetune", "distill", "folder"]
    model: str = ""
    teacher: str = ""
    student: str | None = None
    recipe: str = "vanilla"
    settings: Keywords = Field(default_factory=dict)
    like: str = ""
    transfer: str = ""
    options: Keywords = Field(default_factory=dict)
    by_task: dict[str, Keywords] = Field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    seeds: Seeds | None = None
    about: str = ""

    @model_validator(mode="after")
    def _what_it_needs(self) -> SuiteModel:
        needed = {"finetune": self.model or self.like, "distill": self.teacher,
                  "folder": self.model}[self.make]  # fmt: skip
        if not needed:
            field = "teacher" if self.make == "distill" else "model"
            raise ValueError(f"model {self.name!r}: make = {self.make!r} needs {field}")
        return self


class SuiteTexts(Options):
    """A transfer set to make: texts without labels, for a teacher to label.

    Args:
        name: what models name it by.
        method, n, model, options: as `augment` takes them.
        tasks: as in `SuiteModel`.
    """

    name: Name
    method: str = "rules"
    n: Annotated[int, Field(ge=1)] | None = None
    model: str | None = None
    options: Keywords = Field(default_factory=dict)
    tasks: tuple[str, ...] = ()


class SuiteComparison(Options):
    """A teacher and its students, compared on each of some tasks.

    Args:
        name: what tables name it by.
        teacher: a model's name.
        students: models' names; those that a task or scale leaves out are left out.
        options: keywords of `compare`; evidence as a table of its options (`efficiency.memory`).
        by_task: keywords for one task.
        tasks: as in `SuiteModel`.
    """

    name: Name
    teacher: str
    students: Annotated[tuple[str, ...], Field(min_length=1)]
    options: Keywords = Field(default_factory=dict)
    by_task: dict[str, Keywords] = Field(default_factory=dict)
    tasks: tuple[str, ...] = ()


class SuiteScale(Options):
    """The size at which a suite is made.

    Args:
        title: a few words.
        differs: what differs from the paper, a sentence a line; shown before any number.
        values: what stands for `${NAME}` in the file.
        tasks: the tasks that are made at this size, each with keywords of its data (`task` for
            another in its place, `limit`, `eval_limit`, `split`, ...); empty: all as they are.
        seeds: one training of every model each.
        finetune, distill, augment, compare: keywords for every such step.
        models: changes to a model by its name.
        leave_out: names of models, texts and comparisons that are not made, with the reason.
    """

    title: str = ""
    differs: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    tasks: dict[str, Keywords] = Field(default_factory=dict)
    seeds: Annotated[Seeds, Field(min_length=1)] = (0,)
    finetune: Keywords = Field(default_factory=dict)
    distill: Keywords = Field(default_factory=dict)
    augment: Keywords = Field(default_factory=dict)
    compare: Keywords = Field(default_factory=dict)
    models: dict[str, Keywords] = Field(default_factory=dict)
    leave_out: dict[str, str] = Field(default_factory=dict)


class SuiteFile(Options):
    """A suite.

    Args:
        name: one word.
        title: the paper's, or what the suite answers.
        citation: who published the figures.
        about: a few sentences for the page.
        tasks: their names, each a task or a task file beside this file.
        scales: by name; every suite has `paper`.
        models, texts, comparisons: what is made, in any order.
        tables, heatmaps, fronts, claims: what is shown.
        not_made: what the paper shows that is not made, with the reasons.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
    title: str
    citation: str = ""
    about: str = ""
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    scales: dict[ScaleName, SuiteScale]
    models: Annotated[tuple[SuiteModel, ...], Field(min_length=1)]
    texts: tuple[SuiteTexts, ...] = ()
    comparisons: tuple[SuiteComparison, ...] = ()
    tables: tuple[SuiteTable, ...] = ()
    heatmaps: tuple[SuiteHeatMap, ...] = ()
    fronts: tuple[SuiteFront, ...] = ()
    claims: tuple[SuiteClaim, ...] = ()
    not_made: tuple[NotMade, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> SuiteFile:
        for what, parts in (("model", self.models), ("texts", self.texts),
                            ("comparison", self.comparisons), ("table", self.tables)):  # fmt: skip
            names = [part.name for part in parts]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{what} {twice!r} stands twice")
        for what, name, known in self._named():
            if name and name not in known:
                raise ValueError(f"{what} {name!r}, which is none of {', '.join(known) or 'none'}")
        if "paper" not in self.scales:
            raise ValueError("scales has no paper, which the others are held against")
        return self

    def _named(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """Yield every place where a part names another, the name, and what it may be."""
        models = tuple(model.name for model in self.models)
        texts = tuple(part.name for part in self.texts)
        for model in self.models:
            where = f"model {model.name!r} names"
            yield f"{where} the teacher", model.teacher, models
            yield f"{where} the student", model.like, models
            yield f"{where} the texts", model.transfer, texts
        for comparison in self.comparisons:
            for name in (comparison.teacher, *comparison.students):
                yield f"comparison {comparison.name!r} names", name, models
        parts: tuple[SuiteModel | SuiteTexts | SuiteComparison, ...] = (
            *self.models, *self.texts, *self.comparisons
        )  # fmt: skip
        for part in parts:
            for name in (*part.tasks, *getattr(part, "by_task", ())):
                yield f"{part.name!r} names the task", name, self.tasks
        for label, scale in self.scales.items():
            for name in scale.tasks:
                yield f"scale {label} names the task", name, self.tasks
            for name in scale.models:
                yield f"scale {label} names the model", name, models
            for name in scale.leave_out:
                left_out = (*models, *texts, *(c.name for c in self.comparisons))
                yield f"scale {label} leaves out", name, left_out
        yield from self._shown(models)

    def _shown(self, models: Sequence[str]) -> Iterator[tuple[str, str, Sequence[str]]]:
        comparisons = tuple(comparison.name for comparison in self.comparisons)
        places: list[tuple[str, Mapping[str, str]]] = [
            (f"table {table.name!r}", table.place(row, column))
            for table in self.tables for row in table.rows for column in table.columns
        ]  # fmt: skip
        places += [(f"the claim {claim.says[:60]!r}", claim.coordinates()) for claim in self.claims]
        places += [("a front", {"comparison": f.comparison, "task": f.task}) for f in self.fronts]
        for where, place in places:
            comparison, task, named = place_names(place)
            yield f"{where} names the comparison", comparison, comparisons
            yield f"{where} names the task", task, self.tasks
            for name in named:
                yield f"{where} names the model", name, models
        for table in self.tables:
            for row in table.rows:
                for name in row.models:
                    yield f"table {table.name!r} names the model", name, models
        for heat_map in self.heatmaps:
            yield "a heat map names the table", heat_map.table, tuple(t.name for t in self.tables)


def suite_names() -> tuple[str, ...]:
    """Name the suites that ship with kdprobe, sorted."""
    return tuple(sorted(path.stem for path in (suites_folder() / "papers").glob("*.toml")))


def suite_path(name: str | Path) -> Path:
    """Return the file that a name or path stands for.

    Raises:
        UnknownNameError: no shipped suite has this name; neighbours are listed.
    """
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name:
        return Path(name)
    known = known_name("suite", name, suite_names())
    return suites_folder() / "papers" / f"{known}.toml"


def open_suite(name: str | Path) -> SuiteFile:
    """Open a suite by its name, or by the path of a TOML file.

    Raises:
        UnknownNameError: no shipped suite has this name; neighbours are listed.
        ConfigError: the file cannot be read, is no suite, or has parts that do not fit.
    """
    return read_toml(SuiteFile, suite_path(name))
