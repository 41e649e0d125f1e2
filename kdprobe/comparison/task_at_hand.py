"""Where `kdprobe.compare` looks for `task_on_disk`, which trainings use too."""

from kdprobe.tasks.at_hand import task_on_disk

__all__ = ["task_on_disk"]
