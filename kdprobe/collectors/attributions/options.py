"""Which words are explained, and how, as a person sets it.

Does: check what was typed against what there is. Does not: choose examples or explain.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, Field, JsonValue, field_validator, model_validator

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.base import parse
from kdprobe.config.flags import Flag, Panel
from kdprobe.errors import ConfigError

DEFAULT_METHODS = ("integrated_gradients", "lime", "shap")
Target = Literal["teacher", "gold", "own"]
_GENERAL = ("target", "label", "output", "removal", "beam")
_WHERE = "`attribution.options`"


class AttributionRequest(CollectorOptions):
    """Which words are explained, and how.

    Args:
        methods: which, in the order of the report; see `kdprobe list methods`.
        sentences: how many examples are explained, a stratified choice.
        file: a file of sentences to explain instead of examples: a text file with one a line, or a
            table with a column `text`.
        target: whose class is explained: the teacher's prediction or the gold label for all models,
            or each model's own prediction. Of several labels at once the teacher's or each model's
            most probable label is explained, by itself.
        output: `log-odds` or `probability`; `removal`: `delete` or `mask`.
        beam: width of the search for the limits of orders of deletions of texts of more words than
            are enumerated (see `extract.beam`), which asks about `beam` n^2 questions a text of n
            words; 0: those texts have no normalised numbers.
        options: options of methods by name, `{"lime": {"samples": 5000}}`; `target`, `label`,
            `output`, `removal` and `beam` may stand among them.
        exact_samples: draw the fixed number of samples of every text too long for exact scores;
            `noise` of the methods that have it is 0 then.
        label: explain this label of all examples instead; empty: `target` says which.

    Raises:
        UnknownNameError: a method nothing goes by.
        ConfigError: a method given twice, fewer than one sentence, options of a method that is not
            among `methods`, an unknown option (the nearest is offered), or a value of the wrong
            kind.
    """

    group: ClassVar[str] = "attribution"
    panel: ClassVar[Panel] = "explaining"
    asks: ClassVar[tuple[str, ...]] = ("methods", "sentences", "file")

    methods: Annotated[
        tuple[str, ...],
        Flag(
            "Explain words by these methods and compare; see `kdprobe list methods`.",
            also=("attribution-methods",), metavar="NAME,...", reads="names", everyday=True,
        ),
    ] = DEFAULT_METHODS  # fmt: skip
    sentences: Annotated[
        int,
        Field(ge=1),
        Flag("Explain N examples, a stratified choice.", name="attribution-sentences", metavar="N"),
    ] = 200
    file: Annotated[
        Path | None,
        Flag(
            "Explain these sentences instead: a text file, one a line, or a table.",
            name="sentences", metavar="FILE",
        ),
    ] = None  # fmt: skip
    target: Target = "teacher"
    output: Literal["log-odds", "probability"] = "log-odds"
    removal: Literal["delete", "mask"] = "delete"
    beam: int = Field(default=0, ge=0, le=1000)
    options: Annotated[
        Mapping[str, Any],
        Flag(
            "How words are explained: target, label, output, removal or beam, or METHOD.KEY, an "
            "option of a method.",
            name="method-set", metavar="KEY=VALUE", reads="nested",
        ),
    ] = Field(default_factory=dict)  # fmt: skip
    exact_samples: Annotated[
        bool,
        Flag(
            "Draw the fixed number of samples for every long sentence (so it is by default), and "
            "refuse a `noise` of LIME or SHAP that lets it stop early."
        ),
    ] = False
    label: str = ""

    @model_validator(mode="before")
    @classmethod
    def _settings_for_all_methods(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take what holds for all methods, like `target`, from among the options of methods."""
        options = data.get("options")
        if not isinstance(options, Mapping):
            return data
        from kdprobe.extract.method import METHODS
        from kdprobe.registry import known_name

        known = (*_GENERAL, *METHODS.names())
        named = {
            known_name(
                "setting or method",
                key,
                known,
                aliases=METHODS.aliases(),
                option="attribution.options",
            ): value
            for key, value in options.items()
        }
        general = {key: named.pop(key) for key in _GENERAL if key in named}
        return {**data, **general, "options": named}

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from kdprobe.extract.method import METHODS

        known = tuple(METHODS.find(name, option="attribution.methods") for name in names)
        if len(set(known)) != len(known):
            raise ConfigError(
                "`attribution.methods`", found="a method is given twice", expected="each once"
            )
        return known

    @model_validator(mode="after")
    def _known_options(self) -> AttributionRequest:
        for name, values in self.options.items():
            where = f"{_WHERE} {name}"
            if name not in self.methods:
                raise ConfigError(
                    where,
                    found=f"{name} is not among the methods",
                    expected="one of " + ", ".join(self.methods),
                )
            if not isinstance(values, Mapping):
                raise ConfigError(
                    where, found=f"is {values!r}", expected=f"an option: {name}.KEY=VALUE"
                )
            self.of_method(name)
        return self

    def of_method(self, name: str) -> BaseModel:
        """Return the options of one method, its defaults filled in."""
        from kdprobe.extract.method import METHODS

        values = cast(Mapping[str, object], self.options.get(name, {}))
        options = parse(METHODS.load(name).options, dict(values), f"{_WHERE} {name}")
        if not self.exact_samples or "noise" not in type(options).model_fields:
            return options
        if values.get("noise") and vars(options)["noise"]:
            raise ConfigError(
                f"{_WHERE} {name}.noise", found=f"is {values['noise']} beside `exact_samples`",
                expected="one of the two", remedy="leave `attribution.exact_samples` out",
            )  # fmt: skip
        return options.model_copy(update={"noise": 0.0})

    @classmethod
    def refuse_alone(cls, given: Mapping[str, object]) -> None:
        """Raise where methods are set and nothing is explained.

        Raises:
            ConfigError: `options` without anything that asks for explanations.
        """
        raise ConfigError(
            _WHERE,
            found="nothing is explained",
            expected="`attribution.methods` or `attribution.sentences` beside it",
        )

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return every choice after defaults were filled in; of a file the name."""
        if options is None:
            keys = ("methods", "attribution_sentences", "sentences", "method_settings")
            return dict.fromkeys(keys)
        settings: dict[str, JsonValue] = {
            key: getattr(options, key) for key in _GENERAL if key != "label" or options.label
        }
        for name in options.methods:
            settings[name] = options.of_method(name).model_dump(mode="json")
        return {
            "methods": list(options.methods),
            "attribution_sentences": options.sentences,
            "sentences": options.file.name if options.file else None,
            "method_settings": settings,
        }


OPTIONS = AttributionRequest
