"""The result of a comparison, as `compare` and `load_results` return it.

Does: hold the document and show it (in a notebook, as a data frame, as a page). Does not: compute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from kdprobe.comparison.picking import Coordinates, pick_estimate
from kdprobe.config.options import Output
from kdprobe.observations.study import Study
from kdprobe.plain_text import printable
from kdprobe.results.frame import metrics_frame
from kdprobe.results.headline import Headline, headline
from kdprobe.results.io import read_document
from kdprobe.results.markdown import markdown_summary
from kdprobe.results.notices import all_notices
from kdprobe.results.schema import Estimate, ResultsDocument
from kdprobe.results.screen import ScreenCell, screen
from kdprobe.results.shown import notebook_html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """The results of one comparison.

    Args:
        document: every number, table and example.
        folder: where the files were written or read; None when they were not.
        study: the observations behind the results; None when they were read from a file.

    >>> from kdprobe import compare_predictions
    >>> result = compare_predictions([0, 1, 1, 0], teacher=[0, 1, 1, 0],
    ...     students={"small": [0, 1, 0, 0]}, resamples=100)
    >>> round(result.get("cohens_kappa").value, 9)
    0.5
    >>> frame = result.metrics[result.metrics.analysis == "task_scores"]
    >>> frame[(frame.metric == "accuracy") & (frame.model_a == "small")].value.tolist()
    [0.75]
    """

    document: ResultsDocument
    folder: Path | None = None
    study: Study | None = field(default=None, repr=False, compare=False)

    @property
    def headline(self) -> Headline:
        """The numbers of the report's first screen."""
        return headline(self.document)

    @property
    def metrics(self) -> pd.DataFrame:
        """Every number as a row, the columns of `metrics.csv`.

        Names, layers and reasons are strings, empty where a column does not apply; numbers are
        floats, NaN where a number is undefined (`undefined` says why), and `n` a nullable integer.
        """
        return metrics_frame(self.document)

    def get(
        self,
        metric: str,
        student: str = "",
        other: str = "",
        *,
        analysis: str = "",
        subset: str = "all",
        **coordinates: Unpack[Coordinates],
    ) -> Estimate:
        """Return one number with its interval, or with the reason why it is undefined.

        Args:
            metric: its name, also behind that of its analysis (`student_differences.agreement`);
                the column `metric` of `metrics` shows all.
            student: the student it is about: alone, or beside the teacher; the teacher's name for
                a number of its own. It may be left out where there is one student.
            other: the second of two students, for a number of both: of `student_differences` the
                first minus the second.
            analysis: the analysis, where several have a metric of this name.
            subset: the examples, layers or phenomena it is about.
            **coordinates: `layer`, `pooling`, `method`, where several numbers differ in one.

        Raises:
            UnknownNameError: no number goes by this name, or none with it by another of the names;
                the nearest are offered.
            ConfigError: several numbers do; what tells them apart is named.
        """
        return pick_estimate(
            self.document, metric, student, other=other, analysis=analysis, subset=subset,
            coordinates=dict(coordinates),
        )  # fmt: skip

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write results.json, report.html and metrics.csv into a folder, all or none.

        Word scores and `predictions.parquet` are written too, unless the comparison was read from
        a file.

        Args:
            folder: a new or empty one.
            force: write into one that is not empty.

        Raises:
            ConfigError: the name of a file.
            OutputError: the folder is not empty, or cannot be written.
        """
        from kdprobe.comparison.files import check_output, write_files

        options = Output(output=Path(folder), force=force)
        check_output(options)
        write_files(self.document, self.study, Path(folder))
        return Path(folder)

    def html(self) -> str:
        """The report as one page of HTML."""
        from kdprobe.report.build import render

        return render(self.document)

    def summary(self) -> str:
        """The report's first screen as Markdown: the table and a sentence a student."""
        return markdown_summary(self.document)

    def write_report(self, path: str | Path) -> Path:
        """Write the report to a file, and return its path."""
        from kdprobe.report.build import write_report

        write_report(self.document, Path(path))
        return Path(path)

    def write_card(self, folder: str | Path) -> Path:
        """Put the numbers of a compared model into its card (`model-index`), and return its path.

        Args:
            folder: the model's folder; told among those compared by its fingerprint.

        Raises:
            ConfigError: its model was not compared.
            CheckpointError: it holds no model.
            OutputError: the card cannot be written.
        """
        from kdprobe import atomic
        from kdprobe.comparison.model_index import eval_results, model_of, with_results
        from kdprobe.plain_files import read_text

        card = Path(folder) / "README.md"
        results = eval_results(self.document, model_of(self.document, Path(folder)))
        before = read_text(card) if card.is_file() else ""
        atomic.write_text(card, with_results(before, Path(folder).resolve().name, results))
        return card

    def __repr__(self) -> str:
        """One sentence a student."""
        task = self.document.task
        lines = [f"kdprobe comparison on {task.name} {task.split} (n = {task.n}{task.in_clusters})"]
        lines += [f"  {row.sentence}" for row in self.headline.rows]
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        """Show the first screen in a notebook: the table, a sentence a student, a link."""
        task, page = self.document.task, self.folder and self.folder / "report.html"
        head = self.headline
        shown = screen(head)
        alarms = [n.message for n in all_notices(self.document, head) if n.severity == "alarm"]
        return notebook_html(
            f"kdprobe: {task.name} {task.split}, n = {task.n}{task.in_clusters}",
            ("", *(column.label for column in shown.columns)),
            [(f"{row.name} ({row.role})", *map(_words, row.cells)) for row in shown.rows],
            sentences=[*(f"alarm: {alarm}" for alarm in alarms), *shown.sentences], page=page,
        )  # fmt: skip


def _words(cell: ScreenCell) -> str:
    """Write a cell in a line; a reason stands where there is no number."""
    return cell.reason or " ".join(cell.lines).replace("–", "")


def load_results(path: str | Path) -> Comparison:
    """Read the results of an earlier comparison.

    Args:
        path: a `results.json`, or the folder that holds one.

    Raises:
        TypeError: no path.
        ResultsFormatError: the file cannot be read, or is of a version that this kdprobe cannot.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"load_results() takes a file or folder, not {type(path).__name__}")
    place = Path(path)
    return Comparison(read_document(place), folder=place if place.is_dir() else place.parent)
