"""The name of the folder that a comparison writes.

Does: refuse a file's name. Does not: create it.
"""

from __future__ import annotations

from pathlib import Path

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
