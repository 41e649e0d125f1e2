"""How kdprobe speaks on a terminal."""

import errno

import pytest
import typer

from kdprobe.cli import terminal
from kdprobe.cli.displays import BarProgress
from kdprobe.errors import ConfigError
from kdprobe.foreign import disk_is_full
from kdprobe.progress import Silent


def test_usage_errors_are_one_message_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback for a typo drives people away; markup in a name must not be read."""

    @terminal.guarded
    def command() -> None:
        raise ConfigError("--task", found="[bold]x[/] \x1b[2J", expected="a task")

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == "Error: --task: [bold]x[/] \ufffd[2J, expected a task\n"


def test_faults_keep_their_traceback() -> None:
    """A fault of kdprobe itself must not be dressed up as the user's."""

    @terminal.guarded
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()

    @terminal.guarded
    def other() -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        other()


def test_one_of_several_processes_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards torchrun: a message from every process is read as many faults; the code stays."""

    @terminal.guarded
    def command() -> None:
        terminal.tell("a note")
        raise ConfigError("--task", found="nothing", expected="a task")

    for rank, lines in (("0", 2), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(typer.Exit) as caught:
            command()
        assert caught.value.exit_code == 2
        assert capsys.readouterr().err.count("\n") == lines


def test_full_disk_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A disk that fills up inside a library still ends in one message."""

    @terminal.guarded
    def command() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "model.safetensors")

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 2
    assert "no space left on the device; free some" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[enforce fail] PytorchStreamWriter failed writing file data/0: file write failed",
    ],
)
def test_a_full_disk_behind_a_library_is_told(words: str) -> None:
    """Safetensors and torch.save hide the full disk in errors of their own."""
    assert disk_is_full(RuntimeError(words))
    assert not disk_is_full(RuntimeError("another fault"))


def test_interrupt_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops a training must learn that --resume exists."""

    @terminal.guarded
    def command() -> None:
        raise KeyboardInterrupt

    for word, hint in (("distill", "--resume"), ("compare", "cache")):
        monkeypatch.setattr("sys.argv", ["kdprobe", word])
        with pytest.raises(typer.Exit) as caught:
            command()
        assert caught.value.exit_code == 130
        assert hint in capsys.readouterr().err


def test_progress_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """A log full of redrawn bars is unreadable; quiet means quiet."""
    shown = terminal.progress(quiet=False)
    with shown.stage("Reading", 3) as stage:
        stage.advance(3)
    shown.say("a note")
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("Reading (3): ")
    assert out.err.endswith("a note\n")
    assert isinstance(terminal.progress(quiet=True), Silent)


def test_bars_count_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar that stops short says work is missing."""
    with BarProgress(terminal.console(stderr=True)).stage("[red]Reading", 2) as stage:
        stage.advance(note="[half]")
        stage.advance()
    err = capsys.readouterr().err
    assert "[red]Reading" in err
    assert "2/2" in err


def test_table_keeps_foreign_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """A label named [/] once ended a program that read it as markup."""
    terminal.show(terminal.table("[t]", ("name", "n"), [("[/]", "3"), ("x", "12")]))
    out = capsys.readouterr().out
    assert "[/]" in out
    assert "12" in out
