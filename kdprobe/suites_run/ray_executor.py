"""Steps on a Ray cluster: the only importer of ray.

Does: give steps to Ray's workers and take their outcomes. Does not: move results; every worker sees
the suite's folder (a shared file system), and the cache lies in it.

A step whose worker or machine died is tried once more by Ray, wherever there is room.
"""

from __future__ import annotations

import os
from typing import Any

from kdprobe.errors import ConfigError, MissingExtraError
from kdprobe.suites_run.executors import DIED, TRIES
from kdprobe.suites_run.steps import StepJob, StepOutcome, run_step

_THREADS = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class RayCluster:
    """Steps as Ray tasks, each with one core.

    Args:
        address: of a cluster, `HOST:PORT` or `auto`; empty: workers of this machine.
        slots: how many steps run at once.
        cache: the folder of the cache, as every worker sees it.

    Raises:
        MissingExtraError: ray is not installed.
        ConfigError: there is no cluster at the address.
    """

    def __init__(self, *, address: str, slots: int, cache: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "`executor=ray`", found="ray is not installed", expected="the extra `ray`",
                remedy="pip install 'kdprobe[ray]'",
            ) from error  # fmt: skip
        self._ray = ray
        self._slots = slots
        self._running: dict[Any, StepJob] = {}
        self._own = not ray.is_initialized()
        environment = {**_THREADS, "KDPROBE_CACHE": os.environ.get("KDPROBE_CACHE", cache)}
        if self._own:
            self._join(address, slots, environment)
        self._run = ray.remote(num_cpus=1, max_retries=TRIES - 1, max_calls=0)(run_step)

    def _join(self, address: str, slots: int, environment: dict[str, str]) -> None:
        local: dict[str, Any] = {} if address else {
            "num_cpus": slots, "include_dashboard": False,
        }  # fmt: skip
        try:
            self._ray.init(
                address=address or "local", runtime_env={"env_vars": environment},
                log_to_driver=False, configure_logging=False, **local,
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"`address={address}`", found=f"Ray cannot be joined ({error})",
                expected="a cluster that runs, HOST:PORT",
            ) from error  # fmt: skip

    @property
    def slots(self) -> int:
        """How many steps run at once."""
        return self._slots

    def submit(self, job: StepJob) -> None:
        """Begin a step."""
        self._running[self._run.remote(job)] = job

    def wait(self) -> list[StepOutcome]:
        """Wait for a step to end."""
        done, _ = self._ray.wait(list(self._running), num_returns=1)
        outcomes = []
        for reference in done:
            job = self._running.pop(reference)
            try:
                outcomes.append(self._ray.get(reference))
            except self._ray.exceptions.RayError:
                outcomes.append(StepOutcome(job.name, failed=DIED))
        return outcomes

    def close(self) -> None:
        """Cancel what still runs, and leave the cluster that was joined here."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        if self._own:
            self._ray.shutdown()
