"""Settings and fixtures of all tests: no network, one thread, one place for real data."""

import os

# Before anything imports torch or transformers: both read these once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["KDPROBE_JOBS"] = "1"  # a test that wants processes says so

from pathlib import Path

import hypothesis
import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that says what is missing."""
    place = os.environ.get("KDPROBE_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("KDPROBE_DATA names no folder of real data (CoLA, SST-2, ...)")
    return Path(place)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's cache and environment."""
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("NO_COLOR", "1")


# A run repeats exactly; `--hypothesis-profile=search` draws examples that no run had before.
# Neither has a time limit: how long an example takes says how busy the machine is.
_UNTIMED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("repeatable", _UNTIMED, derandomize=True)
hypothesis.settings.register_profile("search", _UNTIMED, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("repeatable")

FORCED = os.environ.get("KDPROBE_TEST_BF16") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that say what a float32 training says."""
    config.addinivalue_line("markers", "float32: left out with KDPROBE_TEST_BF16=1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick`, which `make check` gives."""
    parser.addoption(
        "--quick", action="store_true", help="leave out what is slow, and tests/unhurried.txt"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, where autocast is forced, what is about trainings without it; obey `--quick`."""
    for item in items if FORCED else ():
        if item.get_closest_marker("float32"):
            item.add_marker(pytest.mark.skip(reason="about float32; KDPROBE_TEST_BF16=1"))
    if config.getoption("--quick"):
        unhurried = set((Path(__file__).parent / "unhurried.txt").read_text().split())
        quick = [
            item for item in items
            if not {"slow", "bench", "gpu"} & {mark.name for mark in item.iter_markers()}
            and not {item.nodeid.split("::")[0], item.nodeid.split("[")[0]} & unhurried
        ]  # fmt: skip
        kept = set(map(id, quick))
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = quick


@pytest.fixture(autouse=True)
def _forced_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `KDPROBE_TEST_BF16=1` let every training multiply in bfloat16, small weights too.

    The suite is then run on paths that no default takes; read by the tests alone.
    """
    if not FORCED:
        return
    from kdprobe.distillers.compute import choose_compute
    from kdprobe.models import mixed_precision

    monkeypatch.setattr(mixed_precision, "SMALL_WEIGHT", 0)
    monkeypatch.setattr(
        "kdprobe.distillers.run_options.choose_compute",
        lambda **given: choose_compute(**(given | {"bf16": True})),
    )
