"""Plain tags: one list for one figure, and the ways in which people tell two apart in a list."""

from newbie_pipeline.demo.scene import Position, Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.writer.spelling import Spelling
from newbie_pipeline.demo.writer.strange_words import made_up_name, strange_tags

_STRANGE = ("clothing", "expression", "action", "style", "perspective", "lighting", "objects")
_HEADS = ("{}: ", "{} girl: ", "girl on the {}: ", "on the {}, ", "{} side: ", "{}, ")
_QUALITY = ("masterpiece", "best_quality", "very_aesthetic", "highres", "absurdres")


def write(stream: Stream, spelling: Spelling, named: Wanted) -> str:
    """Write all that is named as tags, among words that most lists have and strange ones."""
    behind = spelling.with_companions("background", named.background)
    strange = _strange(stream)
    usual = stream.sample(_QUALITY, stream.pick((0, 1, 2)))
    if len(named.figures) == 2:
        told = [_told_apart(stream, spelling, named), *spelling.written([*behind, *strange])]
        head = ["2girls"] if stream.happens(0.85) else ["2girls", "multiple girls"]
    else:
        tags = [*_tags(spelling, named.figures[0]), *behind] if named.figures else [*behind]
        for tag in strange:
            tags.insert(stream.randrange(len(tags) + 1), tag)
        if stream.happens(0.4):
            stream.shuffle(tags)
        told = spelling.written(tags)
        head = stream.pick((["1girl"], ["1girl", "solo"], []))
    front, back = (usual, []) if stream.happens(0.6) else ([], usual)
    joint = ", " if stream.happens(0.9) else ","
    return joint.join([*spelling.written(front), *head, *told, *spelling.written(back)])


def _tags(spelling: Spelling, figure: WantedFigure) -> list[str]:
    tags = [
        *spelling.appearance(figure),
        *spelling.clothing(figure),
        *spelling.with_companions("expression", figure.expression),
    ]
    if figure.position is not None:
        tags.append(spelling.word("position", figure.position))
    return tags


def _told_apart(stream: Stream, spelling: Spelling, named: Wanted) -> str:
    """Write two figures so that it is clear whose each tag is."""
    sides = [each.position for each in named.figures]
    lists = [_without_side(spelling, each) for each in named.figures]
    if None in sides:
        return ", ".join(f"girl with {' and '.join(tags)}" if tags else "girl" for tags in lists)
    return stream.pick((_headed, _followed, _in_brackets))(stream, lists, sides)


def _headed(stream: Stream, lists: list[list[str]], sides: list[Position | None]) -> str:
    head = stream.pick(_HEADS)
    told = [head.format(side) + ", ".join(tags) for side, tags in zip(sides, lists, strict=True)]
    return stream.pick((", ", "; ", "\n", " | ")).join(told)


def _followed(stream: Stream, lists: list[list[str]], sides: list[Position | None]) -> str:
    joint, tail = stream.pick((" ", " and ")), stream.pick(("on the {}", "on {} side", "{}"))
    who = stream.pick(("girl with {}", "{} girl"))
    return ", ".join(
        f"{who.format(joint.join(tags))} {tail.format(side)}"
        for side, tags in zip(sides, lists, strict=True)
    )


def _in_brackets(stream: Stream, lists: list[list[str]], sides: list[Position | None]) -> str:
    return ", ".join(
        f"({', '.join([*tags, str(side)])})" for side, tags in zip(sides, lists, strict=True)
    )


def _without_side(spelling: Spelling, figure: WantedFigure) -> list[str]:
    return spelling.written(
        [
            *spelling.appearance(figure),
            *spelling.clothing(figure),
            *spelling.with_companions("expression", figure.expression),
        ]
    )


def _strange(stream: Stream) -> list[str]:
    count = stream.pick((0, 0, 1, 2, 3, 4, 6))
    tags = [stream.pick(strange_tags(stream.pick(_STRANGE))) for _ in range(count)]
    return [*tags, made_up_name(stream)] if stream.happens(0.15) else tags
