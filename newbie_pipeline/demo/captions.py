"""Training captions of a scene: what members would write to get it, from a seed.

The shares of the kinds follow a trial, which had learnt canonical XML well and failed elsewhere:

- `COMMUNITY`, 30 %: the long style of the community, all fields in their usual order, 10 to 40 %
  of the tags strange to the model, in a third of them up to 60 %. In the trial long prompts swapped
  the hair of left and right, and strange tags moved what was bound to whom. It is the largest share
  because it is what most members write.
- `CANONICAL`, 10 %, and `SHUFFLED`, 15 %: XML without strange tags, as the renderer writes it, and
  with fields, characters and blocks in any order: the position stands before what it places as
  often as after, and `character_1` on the right as often as on the left.
- `SPARSE`, 15 %: XML with few attributes; and `ONE_FIELD`, 5 %: a single element. The trial drew
  noise where attributes were missing. What is not named is the scene's, and so free.
- `TAGS`, 12 %: plain tags, which the trial had hardly seen.
- `SENTENCE`, 10 %, and `CAPTION`, 3 %: sentences in several patterns, plain and as `<caption>`; the
  other XML has a caption of the same scene in one of four.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from newbie_pipeline.demo.scene import Position, Scene, Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.writer import naming, sentences, tag_lists
from newbie_pipeline.demo.writer.elements import canonical, free_form
from newbie_pipeline.demo.writer.fields import Sheet, add_strange, add_usual, fill_in
from newbie_pipeline.demo.writer.spelling import Spelling


class CaptionKind(StrEnum):
    """Name the ways in which captions are written."""

    COMMUNITY = "community"
    CANONICAL = "canonical"
    SHUFFLED = "shuffled"
    SPARSE = "sparse"
    ONE_FIELD = "one_field"
    TAGS = "tags"
    SENTENCE = "sentence"
    CAPTION = "caption"


SHARES = {
    CaptionKind.COMMUNITY: 0.30,
    CaptionKind.CANONICAL: 0.10,
    CaptionKind.SHUFFLED: 0.15,
    CaptionKind.SPARSE: 0.15,
    CaptionKind.ONE_FIELD: 0.05,
    CaptionKind.TAGS: 0.12,
    CaptionKind.SENTENCE: 0.10,
    CaptionKind.CAPTION: 0.03,
}
_WITH_A_CAPTION = 0.25


@dataclass(frozen=True, slots=True)
class Caption:
    """Hold a prompt, the way in which it is written, and what of its scene it names."""

    text: str
    kind: CaptionKind
    named: Wanted


def caption(scene: Scene, seed: int, kind: CaptionKind | None = None) -> Caption:
    """Write a prompt for a scene, in one way or in any by their shares."""
    stream = Stream("caption", seed)
    if kind is None:
        (kind,) = stream.choices(list(SHARES), list(SHARES.values()))
    named, text = _WRITERS[kind](stream, scene)
    return Caption(text, kind, named)


def _community(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.USUAL)
    sheet = fill_in(spelling := Spelling(stream), named)
    add_usual(stream, sheet)
    share = stream.uniform(0.1, 0.4) if stream.happens(0.7) else stream.uniform(0.4, 0.6)
    add_strange(stream, sheet, share, named.background is not None)
    text = free_form(stream, _spelled(spelling, sheet), _said(stream, named), keeps_fields=True)
    return named, text


def _canonical(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.COMPLETE)
    sheet = fill_in(Spelling(stream), named)
    add_usual(stream, sheet)
    return named, canonical(sheet, _said(stream, named))


def _shuffled(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.USUAL)
    sheet = fill_in(spelling := Spelling(stream), named)
    add_usual(stream, sheet)
    text = free_form(stream, _spelled(spelling, sheet), _said(stream, named), keeps_fields=False)
    return named, text


def _sparse(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.FEW)
    sheet = fill_in(spelling := Spelling(stream), named)
    if stream.happens(0.3):
        add_usual(stream, sheet)
    if stream.happens(0.3):
        add_strange(stream, sheet, stream.uniform(0.1, 0.4), named.background is not None)
    keeps = stream.happens(0.5)
    return named, free_form(stream, _spelled(spelling, sheet), "", keeps_fields=keeps)


def _one_field(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    """Write one field of one figure, or the background alone, which says nothing of figures."""
    spelling = Spelling(stream)
    if len(scene.figures) == 2 or stream.happens(0.3):
        named = Wanted((), scene.background)
    else:
        (figure,) = scene.figures
        fields = [WantedFigure(position=figure.position)]
        if figure.position == Position.CENTER:
            fields += [
                WantedFigure(hair_color=figure.hair_color),
                WantedFigure(hair_color=figure.hair_color, eye_color=figure.eye_color),
                WantedFigure(clothing=figure.clothing, clothing_color=figure.clothing_color),
                WantedFigure(expression=figure.expression),
            ]
        named = Wanted((stream.pick(fields),))
    sheet = fill_in(spelling, named)
    text = free_form(stream, _spelled(spelling, sheet), "", keeps_fields=True)
    return named, text


def _tags(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.SOME)
    return named, tag_lists.write(stream, Spelling(stream), named)


def _sentence(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named = naming.choose(stream, scene, naming.SOME)
    return named, sentences.write(stream, named)


def _caption(stream: Stream, scene: Scene) -> tuple[Wanted, str]:
    named, text = _sentence(stream, scene)
    return named, f"<caption>{text}</caption>"


def _said(stream: Stream, named: Wanted) -> str:
    """Say some of what is named in a caption beside the fields, or nothing."""
    if not stream.happens(_WITH_A_CAPTION):
        return ""
    figures = tuple(
        replace(each, eye_color=None, clothing_color=None) if stream.happens(0.5) else each
        for each in named.figures
    )
    return sentences.write(stream, replace(named, figures=figures))


def _spelled(spelling: Spelling, sheet: Sheet) -> Sheet:
    """Write all tags as this writer does; names are not tags."""
    parts = [
        {key: tags if key == "name" else spelling.written(tags) for key, tags in fields.items()}
        for fields in (*sheet.figures, sheet.general)
    ]
    return Sheet(parts[:-1], parts[-1])


_WRITERS: dict[CaptionKind, Callable[[Stream, Scene], tuple[Wanted, str]]] = {
    CaptionKind.COMMUNITY: _community,
    CaptionKind.CANONICAL: _canonical,
    CaptionKind.SHUFFLED: _shuffled,
    CaptionKind.SPARSE: _sparse,
    CaptionKind.ONE_FIELD: _one_field,
    CaptionKind.TAGS: _tags,
    CaptionKind.SENTENCE: _sentence,
    CaptionKind.CAPTION: _caption,
}
