"""A recipe as the parts that are trained one after the other.

Does: give each stage the settings it inherits, and say whose student it goes on with. Does not:
train.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.config.base import parse
from kdprobe.config.recipe import Recipe, Stage
from kdprobe.config.training import TrainingSettings
from kdprobe.errors import ConfigError


@dataclass(frozen=True)
class ResolvedStage:
    """One training of a recipe.

    Args:
        place: its place among the parts, from 0.
        name: of the stage; empty for a recipe without stages.
        recipe: what is learnt in it, without stages.
        teacher: the place of the part whose student teaches; None: the teacher of the command.
        goes_on: whether it trains the student of the part before, and not a new one.
        last_step: stop there though its settings say more; None: at their end.
    """

    place: int
    name: str
    recipe: Recipe
    teacher: int | None = None
    goes_on: bool = False
    last_step: int | None = None

    @property
    def folder(self) -> str:
        """The name of its folder when it is not the last part: `1-intermediate`."""
        return f"{self.place + 1}-{self.name}"

    @property
    def stage_label(self) -> str:
        """For people, after the name of the recipe: `, stage intermediate`; or nothing."""
        return f", stage {self.name}" if self.name else ""


def parts_of(recipe: Recipe) -> tuple[ResolvedStage, ...]:
    """Return the trainings of a recipe in order; one without stages is one.

    Raises:
        ConfigError: an unknown training setting of a stage, a teacher that is no earlier stage or
            is the stage's own student, or a last stage that trains another student than the
            recipe's.
    """
    if not recipe.stages:
        return (ResolvedStage(0, "", recipe),)
    parts: list[ResolvedStage] = []
    for place, stage in enumerate(recipe.stages):
        where = f"recipe {recipe.name}, stage {stage.name}"
        earlier = [part.name for part in parts]
        if stage.teacher is not None and stage.teacher not in earlier:
            raise ConfigError(
                where,
                found=f"teacher {stage.teacher!r}",
                expected=f"an earlier stage ({', '.join(earlier) or 'there is none'})",
            )
        taught_by = None if stage.teacher is None else earlier.index(stage.teacher)
        own = _own_recipe(recipe, stage, where)
        before = parts[-1] if parts else None
        goes_on = before is not None and (before.recipe.student, before.teacher) == (
            own.student,
            taught_by,
        )
        parts.append(ResolvedStage(place, stage.name, own, taught_by, goes_on))
    if parts[-1].recipe.student != recipe.student:
        raise ConfigError(
            f"recipe {recipe.name}, stage {parts[-1].name}",
            found=f"student {parts[-1].recipe.student!r} in the last stage",
            expected=f"none, or the recipe's ({recipe.student!r})",
        )
    return tuple(parts)


def _own_recipe(recipe: Recipe, stage: Stage, where: str) -> Recipe:
    """Return a stage as a recipe of its own."""
    settings = recipe.training.model_dump() | stage.training
    changes = {
        "objectives": stage.objectives,
        "stages": (),
        "student": stage.student or recipe.student,
        "layer_map": stage.layer_map or recipe.layer_map,
        "reduction": stage.reduction or recipe.reduction,
        "training": parse(TrainingSettings, settings, f"{where}, training"),
    }
    return recipe.model_copy(update=changes)
