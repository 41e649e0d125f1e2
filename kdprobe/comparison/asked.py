"""What a person asked for by name or option, and a folder's name that is none. Opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kdprobe.comparison.attributions import ANALYSES as EXPLAINING
from kdprobe.errors import ConfigError

_FILES = (".html", ".htm", ".json", ".csv", ".parquet", ".pdf", ".md", ".svg")


def check_folder_name(output: Path) -> None:
    """Refuse a file's name for the folder that is written.

    Raises:
        ConfigError: a name that ends like one of the files in the folder, and is no folder.
    """
    if output.suffix.lower() in _FILES and not output.is_dir():
        raise ConfigError(
            f"--output {output}",
            found=f"is named like a file ({output.suffix})",
            expected="a folder: results.json, report.html, metrics.csv and predictions.parquet "
            "are written into it",
            remedy=f"say -o {output.parent if output.parent != Path() else output.stem}; "
            "`kdprobe report FOLDER -o FILE.html` writes the page elsewhere",
        )


def asked_for(
    only: Sequence[str],
    skip: Sequence[str],
    minimal_pairs: object,
    probing: object,
    attributions: object,
    attribution_gap: object,
) -> tuple[str, ...]:
    """Name the analyses that were asked for, by name or by an option that only they read."""
    options = {
        "minimal_pairs": minimal_pairs,
        "probing": probing,
        "attribution_gap": attribution_gap,
        **dict.fromkeys(EXPLAINING, attributions),
    }
    by_option = [name for name, value in options.items() if value is not None]
    return tuple(name for name in dict.fromkeys((*only, *by_option)) if name not in skip)
