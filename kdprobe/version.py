"""The version of kdprobe, as `pyproject.toml` and every report give it."""

__version__ = "0.1.0"
