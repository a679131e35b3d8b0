"""Training captions of a scene: what members would write to get it, from a seed."""

from dataclasses import dataclass
from enum import StrEnum

from newbie_pipeline.demo.scene import FIGURE_ATTRIBUTES, Scene, Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream


class CaptionKind(StrEnum):
    """Name the ways in which captions are written."""

    CANONICAL = "canonical"
    SHUFFLED = "shuffled"
    COMMUNITY = "community"
    SPARSE = "sparse"
    ONE_FIELD = "one_field"
    TAGS = "tags"
    SENTENCE = "sentence"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Caption:
    """Hold a prompt, the way in which it is written, and what of its scene it names."""

    text: str
    kind: CaptionKind
    named: Wanted


def caption(scene: Scene, seed: int) -> Caption:
    """Write a prompt for a scene."""
    Stream("caption", seed)
    lines = []
    for number, figure in enumerate(scene.figures, 1):
        lines += [
            f"<character_{number}>",
            "<gender>1girl</gender>",
            f"<appearance>{figure.hair_color}_hair, {figure.eye_color}_eyes</appearance>",
            f"<clothing>{figure.clothing_color}_{figure.clothing}</clothing>",
            f"<expression>{figure.expression}</expression>",
            f"<position>{figure.position}</position>",
            f"</character_{number}>",
        ]
    lines.append(f"<general_tags><background>{scene.background}</background></general_tags>")
    figures = tuple(
        WantedFigure(**{name: getattr(figure, name) for name in FIGURE_ATTRIBUTES})
        for figure in scene.figures
    )
    return Caption("\n".join(lines), CaptionKind.CANONICAL, Wanted(figures, scene.background))
