"""The options of a comparison: what to compare and how, beside its data, machine and output.

Does: type them, and join the flat keywords of `kdprobe.compare` with the options objects. Does
not: open anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypedDict, cast

from pydantic import Field

from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.collectors.protocol import COLLECTORS, CollectorOptions, options_of
from kdprobe.config.flags import Flag, FlagOptions, Panel
from kdprobe.config.flat import gathered
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime, Output, Seed
from kdprobe.results.states import MARGIN


class AnalysisOptions(FlagOptions):
    """Which analyses run, and what holds for all of them.

    Args:
        only: run only these; see `kdprobe list analyses`.
        skip: run all but these; `training` leaves out the learning curves.
        slice_columns: extra columns of the split to slice by.
        control: the student that learnt without the teacher, by its name: what the others have
            beyond it is what the teacher added. None: as the records of the trainings tell.
        settings: options of analyses by name, `{"calibration": {"bins": 10}}`.
        margin: a score that differs from the teacher's by no more is called the same.
        resamples: bootstrap resamples behind every interval.
        seed: of everything random; the same seed gives the same numbers.
    """

    panel: ClassVar[Panel] = "what to compare"

    only: Annotated[
        tuple[str, ...], Flag("Run only these.", metavar="NAME,...", reads="names", everyday=True)
    ] = ()
    skip: Annotated[
        tuple[str, ...], Flag("Run all but these.", metavar="NAME,...", reads="names")
    ] = ()
    slice_columns: Annotated[
        tuple[str, ...],
        Flag(
            "Slice by these columns of the data.",
            name="slice", metavar="COLUMN,...", reads="names",
        ),
    ] = ()  # fmt: skip
    control: Annotated[
        str | None,
        Flag(
            "The student that learnt without the teacher. Default: as the records tell.",
            metavar="NAME",
        ),
    ] = None
    settings: Annotated[
        Mapping[str, Mapping[str, Any]],
        Flag(
            "An option of an analysis.",
            name="set",
            metavar="ANALYSIS.KEY=VALUE",
            reads="nested",
            everyday=True,
        ),
    ] = Field(default_factory=dict)
    margin: Annotated[
        float,
        Field(gt=0, lt=1),
        Flag("A score within this of the teacher's, interval and all, is called the same."),
    ] = MARGIN
    resamples: Annotated[
        int, Field(ge=100, le=100_000), Flag("Bootstrap resamples of every interval.")
    ] = 2000
    seed: Seed = 0


class EvidenceKeywords(FlagOptions):
    """The flat keywords of `kdprobe.compare` that ask for evidence beyond the models' outputs."""

    minimal_pairs: Any = None
    pairs_per_phenomenon: Any = None
    probing: Any = None
    attributions: Any = None
    attribution_gap: Any = None
    similarity: Any = None
    attention: Any = None
    causal_use: Any = None
    efficiency: Any = None


SHORT_KEYWORDS: Mapping[str, tuple[str, str]] = {
    "minimal_pairs": ("minimal_pairs", "folder"),
    "pairs_per_phenomenon": ("minimal_pairs", "per_phenomenon"),
    "attribution_gap": ("attribution_maps", "examples"),
    "similarity": ("similarity", "sentences"),
    "attention": ("attention_similarity", "examples"),
    "causal_use": ("causal_use", "properties"),
    "efficiency": ("efficiency", "measure"),
}
"""Keyword -> the collector and the one of its options that it stands for."""


class CompareKeywords(TypedDict, total=False):
    """The flat keywords of `kdprobe.compare`, each a field of one of its options objects."""

    split: str | None
    cluster: str | None
    missing: Literal["refuse", "drop"]
    data_dir: str | Path | None
    text: str | None
    text_pair: str | None
    label: str | None
    labels: Sequence[str]
    label_map: Mapping[str, str] | None
    limit: int | None
    sample_seed: int | None
    only: Sequence[str]
    skip: Sequence[str]
    settings: Mapping[str, Mapping[str, object]] | None
    slice_columns: Sequence[str]
    control: str | None
    margin: float
    resamples: int
    seed: int
    minimal_pairs: str | Path | None
    pairs_per_phenomenon: int | None
    probing: ProbingRequest | None
    attributions: AttributionRequest | None
    attribution_gap: int | None
    similarity: int | None
    attention: int | None
    causal_use: Sequence[str] | None
    efficiency: bool | None
    device: str
    dtype: str
    threads: int | None
    jobs: int | None
    batch_size: int
    cache: bool | str | Path
    offline: bool
    force: bool


class CompareOptions(NamedTuple):
    """All options of one comparison, checked.

    `evidence` holds the options of collectors by their names.
    """

    data: EvaluationDataOptions
    runtime: InferenceRuntime
    analyses: AnalysisOptions
    output: Output
    evidence: Mapping[str, CollectorOptions]


def compare_options(
    flat: Mapping[str, object],
    *,
    task: object = None,
    output: str | Path | None = None,
    data: FlagOptions | None = None,
    runtime: FlagOptions | None = None,
    analyses: AnalysisOptions | None = None,
    collectors: Mapping[str, CollectorOptions] | None = None,
) -> CompareOptions:
    """Join the keywords of a call with its options objects, and check all of them.

    Raises:
        TypeError: a keyword that there is not (the nearest is named), one given twice, or an
            object of another kind.
        UsageError: the first value that is wrong, or a name that no collector has.
    """
    if task is not None and isinstance(data, FlagOptions):  # the argument comes before the object's
        fields = {name: getattr(data, name) for name in data.model_fields_set - {"task"}}
        data = type(data)(**fields)
    places: dict[str, tuple[type[FlagOptions], FlagOptions | None]] = {
        "data": (EvaluationDataOptions, data),
        "runtime": (InferenceRuntime, runtime),
        "analyses": (AnalysisOptions, analyses),
        "output": (Output, None),
        "collectors": (EvidenceKeywords, None),
    }
    named = {**flat, "task": task, "output": output}
    joined = gathered("compare", named, places)
    keywords = cast(EvidenceKeywords, joined["collectors"])
    evidence = _by_keyword(keywords)
    if not isinstance(collectors, Mapping | None):
        raise TypeError(
            "compare() takes collectors as a mapping of names to options, not "
            f"{type(collectors).__name__}"
        )
    for name, options in (collectors or {}).items():
        known = COLLECTORS.find(name, option="collectors")
        if known in evidence:
            raise TypeError(f"compare() has the options of {known!r} twice")
        evidence[known] = options
    for name, held in evidence.items():
        kind = options_of(name)
        if not isinstance(held, kind):
            raise TypeError(
                f"compare() takes the options of {name!r} as {kind.__name__}, not "
                f"{type(held).__name__}"
            )
    return CompareOptions(
        cast(EvaluationDataOptions, joined["data"]),
        cast(InferenceRuntime, joined["runtime"]),
        cast(AnalysisOptions, joined["analyses"]),
        cast(Output, joined["output"]),
        evidence,
    )


class ArrayKeywords(TypedDict, total=False):
    """The flat keywords of `kdprobe.compare_predictions`."""

    only: Sequence[str]
    skip: Sequence[str]
    settings: Mapping[str, Mapping[str, object]] | None
    slice_columns: Sequence[str]
    control: str | None
    margin: float
    resamples: int
    seed: int
    force: bool


def array_options(
    flat: Mapping[str, object],
    *,
    missing: object = None,
    output: str | Path | None = None,
    analyses: AnalysisOptions | None = None,
) -> CompareOptions:
    """Join and check the options of a comparison of arrays; see `compare_options`."""
    places: dict[str, tuple[type[FlagOptions], FlagOptions | None]] = {
        "analyses": (AnalysisOptions, analyses),
        "output": (Output, None),
    }
    joined = gathered("compare_predictions", {**flat, "output": output}, places)
    data: dict[str, Any] = {} if missing is None else {"missing": missing}
    return CompareOptions(
        EvaluationDataOptions(**data),
        InferenceRuntime(cache=False),
        cast(AnalysisOptions, joined["analyses"]),
        cast(Output, joined["output"]),
        {},
    )


def _by_keyword(given: EvidenceKeywords) -> dict[str, CollectorOptions]:
    """Return the options of collectors that the short keywords stand for."""
    short: dict[str, dict[str, object]] = {}
    for keyword, (name, option) in SHORT_KEYWORDS.items():
        if (value := getattr(given, keyword)) is not None and value is not False:
            short.setdefault(name, {})[option] = value
    evidence = {name: options_of(name)(**values) for name, values in short.items()}
    if given.probing is not None:
        evidence["probes"] = given.probing
    if given.attributions is not None:
        evidence["attributions"] = given.attributions
    return evidence


def asked_evidence(
    given: Mapping[str, Mapping[str, object]], *, only: Sequence[str] = ()
) -> dict[str, CollectorOptions]:
    """Return the options of the collectors that a command line asks for.

    Args:
        given: by collector, the fields that were typed.
        only: the analyses that were named.

    Raises:
        ConfigError: a value that is wrong, or options that are no use alone.
    """
    from kdprobe.comparison.collect import reads

    evidence: dict[str, CollectorOptions] = {}
    for name, values in given.items():
        collector = COLLECTORS.load(name)
        asks = collector.options.asks
        named = collector.by_default or any(collector.kind in reads(each) for each in only)
        if values and (named or not asks or not values.keys().isdisjoint(asks)):
            evidence[name] = collector.options(**values)
        elif values:
            collector.options.refuse_alone(values)
    return evidence
