"""Jobs on a Ray cluster: the only importer of ray.

Does: give jobs to Ray's workers, each with what it needs, and take their results. Does not: move
files; every worker sees the folders of a job under the same paths, or opens them by their URL.

A job whose worker or machine died is tried once more by Ray, wherever there is room.
"""

from __future__ import annotations

import os
from typing import Any, Generic, TypeVar

from kdprobe.errors import ConfigError, MissingExtraError
from kdprobe.foreign import said
from kdprobe.workers.jobs import DIED, TRIES, EndedJob, Job, run_silently
from kdprobe.workers.process import environment
from kdprobe.workers.ray_address import require_ray, use_token

R = TypeVar("R")

_TOKEN = "where it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"


class RayCluster(Generic[R]):
    """Jobs as Ray tasks, each with its cores, its memory where that is known, and a GPU for `cuda`.

    Args:
        address: of a cluster, `HOST:PORT` or `auto`; empty: workers of this machine.
        slots: how many jobs run at once; None: as many as there are cores, or GPUs for `cuda`.
        device: what jobs compute on.
        threads: of each job, and its cores.
        cache: the folder of the cache, as every worker sees it.

    Raises:
        MissingExtraError: ray is not installed.
        ConfigError: there is no cluster at the address, or none of its machines has a GPU.
    """

    def __init__(
        self, *, address: str, slots: int | None, device: str, threads: int, cache: str
    ) -> None:
        if address:
            use_token()
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "`executor=ray`", found="ray is not installed", expected="the extra `ray`",
                remedy="pip install 'kdprobe[ray]'",
            ) from error  # fmt: skip
        self._ray, self._threads = ray, threads
        self._running: dict[Any, Job[R]] = {}
        self._own = not ray.is_initialized()
        if self._own:
            kept = {"KDPROBE_CACHE": os.environ.get("KDPROBE_CACHE", cache)}
            self._join(address, slots, environment(threads) | kept)
        self._gpus = float(device.startswith("cuda"))
        library: Any = ray  # which has no types of these
        there = library.cluster_resources()
        if there.get("GPU", 0.0) < self._gpus:
            self.close()
            raise ConfigError(
                f"`device={device}`", found="no machine of the cluster has a GPU", expected="cpu"
            )
        self._slots = slots or max(
            1, int(there["GPU"] if self._gpus else there.get("CPU", 1) // threads)
        )
        self._most_memory = max(
            (node["Resources"].get("memory", 0.0) for node in library.nodes() if node["Alive"]),
            default=0.0,
        )
        self._run: Any = library.remote(max_retries=TRIES - 1, max_calls=0)(run_silently)

    def _join(self, address: str, slots: int | None, variables: dict[str, str]) -> None:
        if address not in ("", "auto"):  # which Ray looks for itself
            require_ray(address)
        cores = None if slots is None else slots * self._threads
        local: dict[str, Any] = {} if address else {
            "num_cpus": cores, "include_dashboard": False,
        }  # fmt: skip
        try:
            self._ray.init(
                address=address or "local", runtime_env={"env_vars": variables},
                log_to_driver=False, configure_logging=False, **local,
            )  # fmt: skip
        except Exception as error:  # of any kind: a busy machine's Ray raises a bare `Exception`
            self._ray.shutdown()
            raise ConfigError(
                f"`address={address}`" if address else "`executor=ray`",
                found=f"Ray cannot be {'joined' if address else 'started'} ({said(error)})",
                expected="a cluster that runs, HOST:PORT" if address
                else "a machine with room for Ray's own processes",
                remedy=_TOKEN if address
                else "try again when it is less busy, or say `executor=local`",
            ) from error  # fmt: skip

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    def submit(self, job: Job[R]) -> None:
        """Begin a job; one that may take more than any machine has gets the largest whole."""
        memory = min(float(job.memory), self._most_memory)
        needs = self._run.options(
            num_cpus=self._threads, num_gpus=self._gpus, memory=memory or None
        )
        self._running[needs.remote(job)] = job

    def wait(self) -> list[EndedJob[R]]:
        """Wait for a job to end."""
        done, _ = self._ray.wait(list(self._running), num_returns=1)
        ended: list[EndedJob[R]] = []
        for reference in done:
            job = self._running.pop(reference)
            try:
                ended.append(EndedJob(job.name, self._ray.get(reference)))
            except self._ray.exceptions.RayTaskError:  # what the job raised
                raise
            except self._ray.exceptions.RayError:
                ended.append(EndedJob(job.name, None, DIED))
        return ended

    def close(self) -> None:
        """Cancel what still runs, and leave the cluster that was joined here."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        if self._own:
            self._ray.shutdown()
