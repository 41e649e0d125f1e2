"""From the results of a suite's steps to its document and files.

Does: read the comparisons, fill tables, charts and answers, and write `suite.json`, `suite.csv`,
`suite.html` and a page a comparison. Does not: run a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kdprobe import atomic
from kdprobe.comparison.document import produced_by
from kdprobe.config.suite import SuiteModel
from kdprobe.portable import portable_text, portable_word
from kdprobe.report.svg import slug
from kdprobe.results.io import dumps, read_document
from kdprobe.results.schema import Request, ResultsDocument
from kdprobe.results.suite import (
    SuiteChart,
    SuiteDocument,
    SuiteOmission,
    SuitePage,
    SuitePart,
    SuiteStep,
    SuiteTimings,
    suite_csv,
)
from kdprobe.suites_run.claims import answer_claim
from kdprobe.suites_run.numbers import SuiteNumbers
from kdprobe.suites_run.plan import Step, SuitePlan
from kdprobe.suites_run.schedule import StepState
from kdprobe.suites_run.store import ResultStore
from kdprobe.suites_run.tables import is_timed_grid, make_chart, make_grid, make_heat_map

PAGES = "pages"


def make_document(
    plan: SuitePlan,
    states: Mapping[str, StepState],
    store: ResultStore,
    *,
    command: str,
    device: str,
) -> SuiteDocument:
    """Build the document from what is on disk."""
    states = {
        name: replace(state, reason=portable_text(state.reason)) for name, state in states.items()
    }
    documents = _documents(plan, states, store)
    numbers = SuiteNumbers(plan, states, documents)
    file = plan.suite.file
    grids = {table.name: make_grid(table, numbers) for table in file.tables}
    heat_maps = [make_heat_map(wanted, grids[wanted.table]) for wanted in file.heatmaps]
    timed = {name for name, grid in grids.items() if is_timed_grid(grid)}
    return SuiteDocument(
        name=file.name,
        title=file.title,
        citation=file.citation,
        about=file.about,
        scale=plan.suite.name,
        scale_title=plan.suite.scale.title,
        differs=tuple(map(portable_text, plan.suite.differs)),
        tasks=plan.suite.tasks,
        models=tuple(_part(model) for model in file.models),
        grids=tuple(grid for name, grid in grids.items() if name not in timed),
        heatmaps=tuple(held for held in heat_maps if held is not None),
        charts=tuple(_charts(numbers)),
        answers=tuple(answer_claim(claim, numbers) for claim in file.claims),
        not_made=tuple(SuiteOmission(what=one.what, why=one.why) for one in file.not_made),
        steps=tuple(_step(step, states[step.name]) for step in plan.steps.values()),
        pages=tuple(_page(plan.steps[name], held) for name, held in documents.items()),
        timings=SuiteTimings(
            produced_by=produced_by(
                Request(command=command, seed=0, options={"device": device, "dtype": "float32"})
            ),
            command=command,
            seconds=_seconds(plan, store),
            grids=tuple(grids[name] for name in grids if name in timed),
        ),
    )


def _charts(numbers: SuiteNumbers) -> list[SuiteChart]:
    drawn = (make_chart(wanted, numbers) for wanted in numbers.plan.suite.file.fronts)
    return [chart for chart in drawn if chart is not None]


def _documents(
    plan: SuitePlan, states: Mapping[str, StepState], store: ResultStore
) -> dict[str, ResultsDocument]:
    """Read the results of every comparison that is done."""
    return {
        step.name: read_document(store.result(step.address, step.kind))
        for step in plan.steps.values()
        if step.kind == "compare" and states[step.name].state == "done"
    }


def _part(model: SuiteModel) -> SuitePart:
    """Say in words how a model is made."""
    how = {
        "finetune": f"fine-tuned from {portable_word(model.model)}" if model.model
        else f"trained like {model.like}, without its teacher",
        "distill": f"distilled from {model.teacher} by {portable_word(model.recipe)}",
        "folder": portable_word(model.model),
    }[model.make]  # fmt: skip
    if model.student:
        how += f", {portable_word(model.student)}"
    if model.transfer:
        how += f", with {model.transfer}"
    changed = ", ".join(f"{key} = {value}" for key, value in model.settings.items())
    return SuitePart(name=model.name, made=how + (f"; {changed}" if changed else ""),
                     about=model.about)  # fmt: skip


def _step(step: Step, state: StepState) -> SuiteStep:
    return SuiteStep(
        name=step.name, kind=step.kind, part=step.part, task=step.task, seed=step.seed,
        address=step.address, state=state.state, reason=state.reason,
        parents=step.parents,
    )  # fmt: skip


def _page(step: Step, document: ResultsDocument) -> SuitePage:
    return SuitePage(
        comparison=step.part, task=step.task,
        models=tuple(model.name for model in document.models),
        page=f"{PAGES}/{slug(step.name)}.html", n=document.task.n,
    )  # fmt: skip


def _seconds(plan: SuitePlan, store: ResultStore) -> dict[str, float]:
    records = ((s.name, store.record(s.address)) for s in plan.steps.values() if s.address)
    return {name: record.seconds for name, record in records if record is not None}


def write_all(document: SuiteDocument, plan: SuitePlan, store: ResultStore) -> None:
    """Write the suite's files and the comparisons' pages, each whole.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    from kdprobe.report.suite import render_suite

    root: Path = store.root
    steps = {(step.part, step.task): step for step in plan.steps.values()}
    for page in document.pages:
        step = steps[page.comparison, page.task]
        comparison_page = store.result(step.address, step.kind) / "report.html"
        atomic.write_bytes(root / page.page, comparison_page.read_bytes())
    atomic.write_text(root / "suite.csv", suite_csv(document))
    atomic.write_text(root / "suite.html", render_suite(document))
    atomic.write_text(root / "suite.json", dumps(document))
