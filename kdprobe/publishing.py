"""`kdprobe.push`: a model folder on the hub, with its card and its report.

Does: check the folder and the token, put the comparison's numbers into the card, and hand all files
to the hub's own library in one commit. Does not: change the folder, or hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe.comparison.model_index import eval_results, model_of, with_results
from kdprobe.errors import CapabilityError, CheckpointError, ConfigError, UsageError
from kdprobe.foreign import said, translated
from kdprobe.models.folder import check_folder
from kdprobe.models.folder_kinds import kind_of_folder
from kdprobe.models.path_options import NO_OPTIONS
from kdprobe.plain_files import expanded, read_text
from kdprobe.results.io import read_document

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"
_LEFT = ("checkpoints", "stages", "runs")
"""Folders inside a model folder that belong to its training."""
_REPORT = ("report.html", "results.json", "metrics.csv")
_LINK = "\nIts comparison with the teacher: [report/report.html](report/report.html).\n"


@dataclass(frozen=True)
class Pushed:
    """What was handed to the hub.

    Args:
        repo_id: where.
        files: the names of the files there.
        url: of the commit, or of the pull request; empty: nothing was sent (`dry_run`).
        card: the card that was sent.
    """

    repo_id: str
    files: tuple[str, ...]
    url: str
    card: str


def push(
    folder: str | Path,
    repo_id: str,
    *,
    report: str | Path | None = None,
    private: bool = False,
    pull_request: bool = False,
    message: str = "",
    dry_run: bool = False,
) -> Pushed:
    """Put a model folder on the hub, its card filled with the numbers of a comparison.

    Args:
        folder: a model folder, as `distill` and `finetune` write it.
        repo_id: `owner/name` on the hub; made where it is not there.
        report: the folder of a comparison of this model: its page, document and metrics go into
            `report/`, its numbers into the card (`model-index`). Its predictions do not.
        private: of a new repository.
        pull_request: open a pull request in place of a commit.
        message: of the commit.
        dry_run: check everything, send nothing.

    Returns:
        Where it is, which files, and the card.

    Raises:
        CheckpointError: the folder holds no whole model.
        ConfigError: the report is not about it, or the name is none.
        CapabilityError: no token, or the hub refuses it or cannot be reached.
    """
    _check_name(repo_id)
    place = expanded(folder)
    _check_model(place)
    files = {str(file.relative_to(place)): file for file in _model_files(place)}
    card = read_text(files[CARD]) if CARD in files else ""
    if report is not None:
        document = read_document(expanded(report))
        results = eval_results(document, model_of(document, place))
        card = with_results(card, place.resolve().name, results)
        card += "" if _LINK in card else _LINK
        source = expanded(report)
        source = source if source.is_dir() else source.parent
        files |= {f"report/{name}": source / name for name in _REPORT if (source / name).is_file()}
    names = tuple(sorted({*files, *([CARD] if card else [])}))
    if dry_run:
        return Pushed(repo_id, names, "", card)
    url = _send(repo_id, files, card, private=private, pull_request=pull_request,
                message=message or f"Add {place.resolve().name}")  # fmt: skip
    return Pushed(repo_id, names, url, card)


def _check_name(repo_id: str) -> None:
    """Refuse what can be no name on the hub.

    Raises:
        ConfigError: it is none.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not by its types
        validate_repo_id,
    )

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ConfigError(
            "REPO_ID", found=f"{repo_id!r} is no name on the hub", expected="owner/name",
            remedy="letters, digits, `-`, `_` and `.`",
        ) from error  # fmt: skip


def _check_model(place: Path) -> None:
    """Refuse what is no model folder.

    Raises:
        CheckpointError: no folder, or no whole model in it.
    """
    if not place.is_dir():
        raise CheckpointError(
            str(place), found="no such folder", expected="a model folder, as `distill` writes it"
        )
    kind = kind_of_folder(place, NO_OPTIONS)
    if kind != "adapter":
        check_folder(place, kind=kind)
    elif not (place / "adapter_model.safetensors").is_file():
        raise CheckpointError(
            str(place), found="holds an adapter's config and no adapter_model.safetensors",
            expected="the adapter's weights",
        )  # fmt: skip


def _model_files(place: Path) -> list[Path]:
    """Return the files of a model folder, those of its training left out."""
    return [
        file
        for file in sorted(place.rglob("*"))
        if file.is_file()
        and file.relative_to(place).parts[0] not in _LEFT
        and not any(part.startswith(".") for part in file.relative_to(place).parts)
    ]


def _send(
    repo_id: str,
    files: dict[str, Path],
    card: str,
    *,
    private: bool,
    pull_request: bool,
    message: str,
) -> str:
    """Hand the files to the hub in one commit; the address of it."""
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if get_token() is None:
        raise CapabilityError(
            "push", found="no token of the hub is at hand", expected="one that may write",
            remedy="log in with `hf auth login`, or set HF_TOKEN",
        )  # fmt: skip
    api: HfApi = HfApi()
    sources: dict[str, str | Path | bytes] = {**files}
    if card:
        sources[CARD] = card.encode()
    operations = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=source)
        for name, source in sorted(sources.items())
    ]
    with translated(lambda error: _refused(repo_id, error)):
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.create_commit(
            repo_id, operations, commit_message=message, create_pr=pull_request
        )
    return str(commit.pr_url or commit.commit_url)


def _refused(repo_id: str, error: Exception) -> UsageError:
    """Say why the hub did not take it."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return CapabilityError(
            repo_id, found=f"the hub does not let this token write there ({status})",
            expected="a token that may write, and a name under its own owner",
            remedy="log in with `hf auth login`, or set HF_TOKEN",
        )  # fmt: skip
    return CapabilityError(
        repo_id,
        found=f"the hub did not take it ({said(error)})",
        expected="a hub that can be asked",
    )
