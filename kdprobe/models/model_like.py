"""What a Python program may hand over as a model, and what each is called.

Does: tell paths, loaded models, pipelines, functions and predictions apart, name them, and refuse
everything else. Does not: open them; `open.py` does. Loads neither torch nor transformers: what is
of a class of theirs has loaded them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.imported import ImportedFunction, import_value, is_imported
from kdprobe.models.spec import (
    ModelSpec,
    SpecDraft,
    checked_name,
    draft_of,
    folder_name,
    longer_name,
    parse_spec,
    told_apart,
)
from kdprobe.models.text_function import function_name
from kdprobe.observations.predictions import Predictions


class LoadedModel(Protocol):
    """A `transformers.PreTrainedModel`."""

    config: Any

    @property
    def name_or_path(self) -> str:
        """Where it says that it comes from."""


class LoadedPipeline(Protocol):
    """A `text-classification` pipeline of `transformers`."""

    model: Any
    tokenizer: Any


ModelLike: TypeAlias = (
    str
    | Path
    | LoadedModel
    | tuple[LoadedModel, Any]
    | LoadedPipeline
    | Predictions
    | Callable[[list[str]], Any]
    | Callable[[list[tuple[str, str]]], Any]
)
"""A model: a folder, hub id, predictions file or `python:MODULE:FUNCTION` (`NAME=PATH` names it), a
loaded model with its tokenizer, a `text-classification` pipeline, a function of texts, or
predictions of another comparison; see `kdprobe.compare`."""

ModelsLike: TypeAlias = (
    ModelLike | Iterable[ModelLike] | Mapping[str, ModelLike | Sequence[ModelLike]]
)
"""One model, several, or several by name; a list in a mapping is one model of several seeds."""

Kind = Literal["path", "loaded model", "predictions", "function"]

_EXPECTED = (
    "a path, a loaded model with its tokenizer, a pipeline, a function of texts, or Predictions"
)


class LoadedParts(NamedTuple):
    """A loaded model and its tokenizer; None: none was given."""

    model: Any
    tokenizer: Any


def kind_of(given: object) -> Kind | None:
    """Return what an object is as a model; None: it is none."""
    if isinstance(given, str | Path):
        return "path"
    if isinstance(given, Predictions):
        return "predictions"
    if loaded_parts(given) is not None:
        return "loaded model"
    is_module = _is_of(given, "torch.nn.modules.module", "Module")
    return "function" if callable(given) and not is_module and not isinstance(given, type) else None


def loaded_parts(given: object) -> LoadedParts | None:
    """Return the model and tokenizer of a loaded model, a pair of both, or a pipeline."""
    if _is_of(given, "transformers.pipelines.base", "Pipeline"):
        inside: Any = given
        return LoadedParts(inside.model, inside.tokenizer)
    model, tokenizer = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if not _is_of(model, "transformers.modeling_utils", "PreTrainedModel"):
        return None
    base = "transformers.tokenization_utils_base"
    if model is not given and not _is_of(tokenizer, base, "PreTrainedTokenizerBase"):
        return None
    return LoadedParts(model, tokenizer)


def _is_of(given: object, module: str, name: str) -> bool:
    """Return whether an object is of a class, without importing the module that has it."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(given, kind)


def specs_of(
    teacher: ModelLike | Mapping[str, ModelLike], students: ModelsLike
) -> tuple[ModelSpec, ...]:
    """Return the models that a program hands over, the teacher first, each with its name.

    A name is the key of a mapping, else what stands before `NAME=`, else the last part of the path
    (of a loaded model, the path it says it comes from), else the name of the function or of the
    predictions.

    Args:
        teacher: the teacher, or a mapping of its name to it.
        students: one or more.

    Raises:
        ConfigError: no student, two models of one name, a name that is none, or a torch module that
            is no model of `transformers`.
        TypeError: something else than a model.

    >>> [spec.name for spec in specs_of("out/teacher", {"small": "out/s", "f": len})]
    ['teacher', 'small', 'f']
    """
    first = _drafts(teacher, "`teacher`")
    if len(first) != 1:
        raise ConfigError("`teacher`", found=f"{len(first)} models", expected="one")
    others = _drafts(students, "`students`")
    if not others:
        raise ConfigError("`students`", found="none is named", expected="at least one")
    return tuple(map(_imported, told_apart([*first, *others])))


def specs_of_models(models: ModelsLike) -> tuple[ModelSpec, ...]:
    """Return models without roles, each with its name; see `specs_of`."""
    drafts = _drafts(models, "`models`")
    if not drafts:
        raise ConfigError("`models`", found="none is named", expected="at least one")
    return tuple(map(_imported, told_apart(drafts)))


def _imported(spec: ModelSpec) -> ModelSpec:
    """Return a model with what it names by its code imported."""
    named = [path for path in spec.paths if is_imported(path)]
    if not named:
        return spec
    paths = tuple(path for path in spec.paths if path not in named)
    return ModelSpec(spec.name, paths, (*map(imported_model, named), *spec.objects))


def imported_model(path: str) -> object:
    """Import what a path names: a function, a pipeline, a loaded model or predictions.

    Raises:
        CapabilityError: it is none of these, or none of which answers have a version.
    """
    imported = import_value(path)
    kind = kind_of(imported.value)
    if kind == "function":
        return ImportedFunction(imported)
    is_class = isinstance(imported.value, type)
    if kind in (None, "path"):
        what = "a class" if is_class else f"of type {type(imported.value).__name__}"
        raise CapabilityError(
            imported.where, found=f"is {what}",
            expected="a function from a list of texts to their probabilities",
            remedy="a method of an object is python:MODULE:object.method" if is_class else "",
        )  # fmt: skip
    if imported.reference.version is not None:
        raise CapabilityError(
            imported.where, found=f"is {what_it_is(imported.value)}, which needs no version",
            expected="no ?version=",
        )  # fmt: skip
    return imported.value


def _drafts(given: Any, where: str) -> list[SpecDraft]:
    if isinstance(given, Mapping):
        drafts = []
        for name, model in given.items():
            if not isinstance(name, str):
                raise ConfigError(where, found=f"the name {name!r}", expected="a name in text")
            runs = [model] if kind_of(model) or not isinstance(model, list | tuple) else list(model)
            drafts.append(_named(checked_name(name, where=where), runs, where))
        return drafts
    is_one = isinstance(given, bytes) or hasattr(given, "shape")  # an array, a frame
    if is_one or kind_of(given) or not isinstance(given, Iterable):
        return [_draft(given, where)]
    return [_draft(each, where) for each in given]


def _draft(given: Any, where: str) -> SpecDraft:
    """Name a model by what it says of itself."""
    kind = _checked_kind(given, where)
    if kind == "path":
        return draft_of(str(given))
    parts = loaded_parts(given)
    path = "" if parts is None else str(getattr(parts.model, "name_or_path", "") or "")
    if kind == "predictions":
        name = given.model
    elif parts is None:
        name = function_name(given)
    else:
        name = path or type(parts.model).__name__
    spec = ModelSpec(folder_name(name), (), (given,))
    longer = longer_name(path) if path else ""
    return SpecDraft(spec, longer, what_it_is(given), _remedy(where, spec.name))


def _named(name: str, runs: list[Any], where: str) -> SpecDraft:
    """Give a model, or its runs of several seeds, the name of a mapping."""
    kinds = [_checked_kind(each, f"{where} {name!r}") for each in runs]
    if not runs:
        raise ConfigError(f"{where} {name!r}", found="no model", expected=_EXPECTED)
    places = [
        path
        for each, kind in zip(runs, kinds, strict=True)
        if kind == "path"
        for path in parse_spec(str(each)).paths
    ]
    objects = [each for each, kind in zip(runs, kinds, strict=True) if kind != "path"]
    spec = ModelSpec(name, tuple(places), tuple(objects))
    shown = ", ".join((*places, *map(what_it_is, objects)))
    return SpecDraft(spec, "", shown, _remedy(where, name))


def _remedy(where: str, name: str) -> str:
    return f"name one: {where.strip('`')}={{'other-name': …}}"


def _checked_kind(given: Any, where: str) -> Kind:
    kind = kind_of(given)
    if kind is not None:
        return kind
    if _is_of(given, "torch.nn.modules.module", "Module"):
        raise ConfigError(
            where, found=f"a {type(given).__name__}, which is no PreTrainedModel",
            expected=_EXPECTED,
            remedy="hand over the model inside it (`model.module`, `model._orig_mod`), or a "
            "function that gives its probabilities for a list of texts",
        )  # fmt: skip
    raise TypeError(
        f"{where} takes {_EXPECTED}, not {type(given).__name__}; arrays are for "
        "compare_predictions()"
    )


def what_it_is(given: object) -> str:
    """Return in words what was handed over."""
    parts = loaded_parts(given)
    if parts is not None:
        return f"a loaded {type(parts.model).__name__}"
    if isinstance(given, Predictions):
        return f"predictions of {given.model}"
    return f"the function {function_name(given)}"
