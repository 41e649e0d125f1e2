"""kdprobe: what a distilled text classifier kept of its teacher, and what it lost."""

__version__ = "0.1.0"
