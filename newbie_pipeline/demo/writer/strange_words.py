"""What the model does not know and captions hold all the same: tags of the community, names.

The tags are those of the prompt language's own vocabulary. Left out are words that the model knows,
and such as contradict the picture: colours of hair and eyes, hairstyles, other main garments.
"""

from functools import cache

from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.vocabulary import known_tags
from newbie_pipeline.prompt.vocabulary import vocabulary

# Groups of tags that say something else about what every picture shows.
_CONTRADICTING = {
    "appearance": ("hair colour", "eye colour", "hair length", "hair style", "ears"),
    "clothing": ("dress", "top", "coat", "uniform", "hat", "glasses"),
    "expression": ("mood", "mouth", "eyes"),
    "background": ("place",),
}
_OF_OTHERS = {"beard", "mustache", "stubble", "bald"}
_LETTERS = "ka ri na mi yu sho ta ro e li sa mo ha ne ki to a ru fu be lu ze vi do ni ga po shi"
_SYLLABLES = _LETTERS.split()


@cache
def strange_tags(element: str) -> tuple[str, ...]:
    """Give the tags of an element that the model does not know and that fit every picture."""
    field = vocabulary()[element]
    unfit = _CONTRADICTING.get(element, ())
    return tuple(
        tag
        for tag in field.tags
        if tag not in known_tags() | _OF_OTHERS and field.groups.get(tag) not in unfit
    )


@cache
def strange_places() -> tuple[str, ...]:
    """Give places that the model does not know, for captions that name no background."""
    field = vocabulary()["background"]
    return tuple(
        tag for tag in field.tags if tag not in known_tags() and field.groups.get(tag) == "place"
    )


def made_up_name(stream: Stream) -> str:
    """Make a name up, which is another one nearly every time."""
    name = "".join(stream.pick(_SYLLABLES) for _ in range(stream.pick((2, 3, 3, 4))))
    if stream.happens(0.3):
        name += "_" + "".join(stream.pick(_SYLLABLES) for _ in range(2))
    return name
