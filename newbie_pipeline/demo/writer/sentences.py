"""Simple English sentences about one figure or two, in several patterns each."""

from newbie_pipeline.demo.scene import Position, Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.writer.phrases import (
    accessory,
    color_word,
    eyes,
    garment,
    hair,
    joined,
    mood_after,
    mood_before,
    place,
    set_in,
    side,
    with_articles,
)
from newbie_pipeline.demo.writer.strange_words import strange_tags

_OTHER = {Position.LEFT: Position.RIGHT, Position.RIGHT: Position.LEFT}
_OPENINGS = ("", "", "", "A picture of ", "An illustration of ", "Anime drawing of ", "Draw ")

# The word of the side, or the phrase that says where.
_SUBJECTS = (
    *("the girl {side}", "the one {side}", "the character {side}"),
    *("the {} girl", "the {} one", "{side}, a girl"),
)


def write(stream: Stream, named: Wanted) -> str:
    """Say all that is named, and now and then something that the model does not know."""
    if len(named.figures) == 2:
        text = _two(stream, named)
    elif named.figures:
        text = stream.pick((_in_one, _in_several))(stream, named.figures[0], named)
    else:
        text = _sentence(place(stream, named.background))
    return f"{text} {_aside(stream)}" if stream.happens(0.3) else text


def _in_one(stream: Stream, figure: WantedFigure, named: Wanted) -> str:
    """Put all into one sentence about a girl."""
    where = [side(stream, figure.position), place(stream, named.background)]
    stream.shuffle(where)
    opening = stream.pick(_OPENINGS)
    verb = "" if opening or stream.happens(0.4) else stream.pick((" stands", " is", " is standing"))
    said = f"{_girl(stream, figure)}{verb if any(where) else ''} {' '.join(filter(None, where))}"
    return _sentence(opening + said)


def _in_several(stream: Stream, figure: WantedFigure, named: Wanted) -> str:
    """Say one thing a sentence."""
    worn = [garment(stream, figure), accessory(stream, figure)]
    mood, where = mood_after(stream, figure), side(stream, figure.position)
    behind = place(stream, named.background)
    if behind:
        behind = f"she is {behind}" if stream.happens(0.6) else set_in(stream, named.background)
    sentences = [
        *_looks(stream, figure),
        f"{stream.pick(('she wears', 'she is wearing'))} {joined(worn)}" if any(worn) else "",
        f"she is {mood}" if mood else "",
        f"{stream.pick(('she stands', 'she is'))} {where}" if where else "",
        behind,
    ]
    said = [each for each in sentences if each]
    if stream.happens(0.4):
        stream.shuffle(said)
    opening = stream.pick(("", "A girl.", "One girl.", "There is a girl.", "A cute anime girl."))
    return " ".join([opening, *map(_sentence, said)]).strip()


def _looks(stream: Stream, figure: WantedFigure) -> list[str]:
    """Say what hair and eyes a figure has, in one sentence or in two."""
    has, gaze = hair(stream, figure), eyes(stream, figure)
    if has and figure.hair_style is None and stream.happens(0.3):
        has = f"her hair is {has.removesuffix(' hair')}"
        return [has, f"her eyes are {gaze.removesuffix(' eyes')}" if gaze else ""]
    traits = [has, gaze]
    stream.shuffle(traits)
    return [f"she has {joined(traits)}" if any(traits) else ""]


def _two(stream: Stream, named: Wanted) -> str:
    first, second = named.figures
    if first.position is None and second.position is None:
        return _side_by_side(stream, named)
    ways = [_with_sides, _one_and_other]
    if first.position is not None and second.position is not None:
        ways.append(_next_to)
    return stream.pick(ways)(stream, named)


def _side_by_side(stream: Stream, named: Wanted) -> str:
    first, second = (_girl(stream, figure) for figure in named.figures)
    together = stream.pick(("", "", " stand together", " side by side", " are next to each other"))
    behind = place(stream, named.background)
    if stream.happens(0.3):
        return _sentence(f"two girls {behind}, {first} and {second}")
    return _sentence(f"{first} and {second}{together} {behind}")


def _with_sides(stream: Stream, named: Wanted) -> str:
    """Name each figure with its side, the side before or after it."""
    behind = place(stream, named.background)
    told = []
    is_first = stream.happens(0.5)
    for figure in named.figures:
        where, girl = side(stream, figure.position), _girl(stream, figure)
        told.append(", ".join(filter(None, (where, girl))) if is_first else f"{girl} {where}")
    text = stream.pick(("{} and {}", "{}, {}", "{}; {}")).format(*told)
    if behind and stream.happens(0.3):
        return _sentence(f"{behind}, {text}")
    return _sentence(f"{text} {behind}")


def _one_and_other(stream: Stream, named: Wanted) -> str:
    """Say that there are two, then tell of the one and of the other."""
    behind = place(stream, named.background)
    subject = stream.pick(_SUBJECTS)
    opening = stream.pick(("two girls", "two anime girls", "there are two girls"))
    told = []
    for figure, other in zip(named.figures, reversed(named.figures), strict=True):
        position = figure.position or _OTHER[other.position or Position.LEFT]
        who = subject.format(position, side=side(stream, position))
        told.append(f"{who} {_tells(stream, figure)}")
    if stream.happens(0.3):
        return _sentence(f"{opening} {behind}: {told[0]}, {told[1]}")
    return " ".join(map(_sentence, (f"{opening} {behind}", *told)))


def _next_to(stream: Stream, named: Wanted) -> str:
    """Say on which side of the other a figure stands."""
    first, second = named.figures
    where = "left" if first.position == Position.LEFT else "right"
    text = f"{_girl(stream, first)} stands to the {where} of {_girl(stream, second)}"
    return _sentence(f"{text} {place(stream, named.background)}")


def _girl(stream: Stream, figure: WantedFigure) -> str:
    """Name a figure with its looks, as one noun."""
    before = stream.happens(0.6)
    mood = mood_before(stream, figure) if before else mood_after(stream, figure)
    traits = [hair(stream, figure), eyes(stream, figure)]
    worn, on_head = garment(stream, figure), accessory(stream, figure)
    if stream.happens(0.2):
        traits.reverse()
    adjective = mood if before else ""
    noun = stream.pick(("girl", "girl", "girl", "anime girl"))
    if figure.hair_color is not None and figure.hair_style is None and stream.happens(0.25):
        noun = f"{color_word(stream, 'hair_color', figure.hair_color)}-haired {noun}"
        traits = [eyes(stream, figure)]
    text = f"a {adjective}{noun}"
    if any(traits) or on_head:
        text += f" with {joined([*traits, on_head])}"
    if worn:
        verb = stream.pick(("wearing", "in"))
        text += f"{stream.pick((' ', ', '))}{verb} {worn}" if any(traits) else f" {verb} {worn}"
    return text if before or not mood else f"{text} who is {mood}"


def _tells(stream: Stream, figure: WantedFigure) -> str:
    """Say what a figure has, wears and does, as what follows a subject."""
    traits = [hair(stream, figure), eyes(stream, figure)]
    worn = [garment(stream, figure), accessory(stream, figure)]
    mood = mood_after(stream, figure)
    parts = [
        f"has {joined(traits)}" if any(traits) else "",
        f"wears {joined(worn)}" if any(worn) else "",
        f"is {mood}" if mood else "",
    ]
    return joined(parts) or "is a girl"


def _aside(stream: Stream) -> str:
    """Say something that the model does not know."""
    element, frame = stream.pick(
        (
            ("atmosphere", "The mood is {}."),
            ("lighting", "There is {}."),
            ("objects", "There is a {} nearby."),
            ("style", "Drawn in {}."),
            ("perspective", "Seen as {}."),
        )
    )
    return frame.format(stream.pick(strange_tags(element)).replace("_", " "))


def _sentence(words: str) -> str:
    text = with_articles(" ".join(words.split()).replace(" ,", ",").replace(" ;", ";"))
    text = text.replace(" :", ":")
    return f"{text[:1].upper()}{text[1:]}."
