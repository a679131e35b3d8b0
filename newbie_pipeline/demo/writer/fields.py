"""What stands in each field of a prompt in XML: the tags that are named, and strange ones."""

from dataclasses import dataclass, field

from newbie_pipeline.demo.scene import Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.writer.spelling import Spelling
from newbie_pipeline.demo.writer.strange_words import (
    made_up_name,
    strange_places,
    strange_tags,
)

Fields = dict[str, list[str]]

_STRANGE_OF_FIGURES = ("appearance", "clothing", "clothing", "expression", "action", "action")
_STRANGE_OF_PICTURES = (
    *("style", "perspective", "perspective", "atmosphere", "lighting", "lighting", "quality"),
    *("objects", "environment", "background"),
)
_QUALITY = ("masterpiece", "best_quality", "high_quality", "very_aesthetic", "no_text")


@dataclass
class Sheet:
    """Hold the tags of each field, figure by figure in the order of the prompt, and in general."""

    figures: list[Fields] = field(default_factory=list)
    general: Fields = field(default_factory=dict)

    def tags(self) -> list[str]:
        """Give all tags."""
        parts = (*self.figures, self.general)
        return [tag for fields in parts for tags in fields.values() for tag in tags]


def fill_in(spelling: Spelling, named: Wanted) -> Sheet:
    """Write what is named into the fields where it belongs, and nothing else."""
    sheet = Sheet([_fields_of(spelling, figure) for figure in named.figures])
    if named.background is not None:
        sheet.general["background"] = spelling.with_companions("background", named.background)
    return sheet


def add_usual(stream: Stream, sheet: Sheet) -> None:
    """Add what most prompts have: genders, the count of figures, words of quality, names."""
    for number, fields in enumerate(sheet.figures, 1):
        if stream.happens(0.7):
            fields["name"] = [_name(stream, number)]
        if stream.happens(0.8):
            fields["gender"] = ["1girl"]
        if stream.happens(0.3):
            fields.setdefault("action", []).append(stream.pick(("standing", "looking_at_viewer")))
    if stream.happens(0.8):
        pair = ["2girls"] if stream.happens(0.7) else ["2girls", "multiple_girls"]
        alone = ["1girl", "solo"] if stream.happens(0.7) else ["1girl"]
        sheet.general["count"] = pair if len(sheet.figures) == 2 else alone
    if stream.happens(0.7):
        sheet.general["quality"] = stream.sample(_QUALITY, stream.pick((1, 2, 3)))
    if stream.happens(0.3):
        sheet.general["style"] = ["anime_style"]
    if stream.happens(0.3):
        sheet.general["resolution"] = [stream.pick(("absurdres", "highres"))]


def add_strange(stream: Stream, sheet: Sheet, share: float, has_place: bool) -> None:
    """Add tags that the model does not know until they are this share of all."""
    count = round(len(sheet.tags()) * share / (1 - share))
    if not has_place and stream.happens(0.2):
        sheet.general.setdefault("background", []).append(stream.pick(strange_places()))
    for _ in range(count):
        if sheet.figures and stream.happens(0.55):
            element = stream.pick(_STRANGE_OF_FIGURES)
            _insert(stream, stream.pick(sheet.figures), element)
        else:
            _insert(stream, sheet.general, stream.pick(_STRANGE_OF_PICTURES))
    if stream.happens(0.3):
        sheet.general["artists"] = [made_up_name(stream) for _ in range(stream.pick((1, 2)))]
    if len(sheet.figures) == 2 and stream.happens(0.4):
        number = stream.pick((1, 2))
        relation = stream.pick(strange_tags("interaction"))
        sheet.figures[number - 1]["interaction"] = [f"{relation} character_{3 - number}"]


def _fields_of(spelling: Spelling, figure: WantedFigure) -> Fields:
    fields = {
        "appearance": spelling.appearance(figure),
        "clothing": spelling.clothing(figure),
        "expression": spelling.with_companions("expression", figure.expression),
        "position": (
            [] if figure.position is None else [spelling.word("position", figure.position)]
        ),
    }
    return {name: tags for name, tags in fields.items() if tags}


def _insert(stream: Stream, fields: Fields, element: str) -> None:
    """Put a strange tag among those of a field, anywhere."""
    tags = fields.setdefault(element, [])
    tag = stream.pick(strange_tags(element))
    if tag not in tags:
        tags.insert(stream.randrange(len(tags) + 1), tag)


def _name(stream: Stream, number: int) -> str:
    return f"$character_{number}$" if stream.happens(0.4) else made_up_name(stream)
