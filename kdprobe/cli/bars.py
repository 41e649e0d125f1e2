"""The bar of one stage, in the width of the terminal.

Does: lay out title, bar, steps and times in one line that never wraps, and a note below it. Does
not: count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Column
from rich.text import Text

from kdprobe.cli.time_left import TimeLeft

_NARROWEST, _WIDEST = 8, 40
_NUMBERS = 36
"""Characters for steps, time taken, time left and the blanks between them."""


class _Title(ProgressColumn):
    """What is done, cut to the room that the numbers and a short bar leave."""

    def __init__(self, console: Console) -> None:
        super().__init__(Column(no_wrap=True))
        self._console = console

    def render(self, task: Task) -> Text:
        title = Text(task.description)
        title.truncate(max(1, self._console.width - _NUMBERS - _NARROWEST), overflow="ellipsis")
        return title


class _Left(ProgressColumn):
    """What is left, as `0:01:30`; nothing where it is not known."""

    max_refresh = 0.5

    def __init__(self, left: TimeLeft, clock: Callable[[], float]) -> None:
        super().__init__(Column(no_wrap=True))
        self._left, self._clock = left, clock

    def render(self, task: Task) -> Text:
        seconds = self._left.seconds(self._clock())
        if seconds is None:
            return Text("-:--:--", style="progress.remaining")
        whole = round(seconds)
        shown = f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        return Text(shown, style="progress.remaining")


class Bars(Progress):
    """The display of one stage.

    Args:
        title: what is done; plain text.
        left: how far it is; counted elsewhere.
        console: the terminal.
        clock: gives the seconds that `left` counts in.
    """

    def __init__(
        self, title: str, left: TimeLeft, *, console: Console, clock: Callable[[], float]
    ) -> None:
        self._left, self._note = left, ""
        self._bar = BarColumn(table_column=Column(no_wrap=True))
        super().__init__(
            _Title(console), self._bar,
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            Elapsed(Column(no_wrap=True)), _Left(left, clock),
            console=console,
        )  # fmt: skip
        self._key = self.add_task(title, total=left.total)

    def show(self, note: str) -> None:
        """Draw what is done now, and a note below."""
        self._note = note
        self.update(self._key, completed=self._left.done)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bar, and the note where there is one."""
        for task in self.tasks:
            room = self.console.width - Text(task.description).cell_len - _NUMBERS
            self._bar.bar_width = max(_NARROWEST, min(_WIDEST, room))
        yield self.make_tasks_table(self.tasks)
        if self._note:
            yield Text(f"  {self._note}", style="dim", no_wrap=True, overflow="ellipsis")
