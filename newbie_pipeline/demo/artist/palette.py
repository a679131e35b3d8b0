"""The colours of figures: flat tones, each with a darker one for shade and a lighter one for shine.

Base colours of one kind lie far apart in CIELAB, because the analysis of pictures tells them from
each other; `tests/newbie_pipeline/demo` holds the least distances.
"""

from typing import NamedTuple

from newbie_pipeline.demo.scene import ClothingColor, EyeColor, HairColor


class Tone(NamedTuple):
    """Hold a colour with its shade, its shine and the line around it."""

    base: str
    shade: str
    shine: str
    line: str


SKIN = Tone("#ffe4d3", "#f4bfa9", "#fff3ea", "#b0685c")
BLUSH = "#fbb4a8"
WHITE = Tone("#fbfaf8", "#d9dbe8", "#ffffff", "#8c8ca6")
DARK = "#3b2c3a"
MOUTH = "#c8484f"

HAIR = {
    HairColor.BLACK: Tone("#3d3c4c", "#292833", "#666983", "#17161f"),
    HairColor.BROWN: Tone("#8c5a3a", "#6a3f28", "#b98659", "#41241a"),
    HairColor.BLONDE: Tone("#f8da76", "#ddac4c", "#fff3b8", "#8f6428"),
    HairColor.ORANGE: Tone("#f28d42", "#cd6727", "#ffba7d", "#7c3614"),
    HairColor.RED: Tone("#d13844", "#a02335", "#f0716c", "#5c1022"),
    HairColor.PINK: Tone("#f9a4c4", "#e07aa5", "#ffd2e2", "#94405f"),
    HairColor.PURPLE: Tone("#a868cf", "#8046a6", "#d29cee", "#472066"),
    HairColor.BLUE: Tone("#3d7be0", "#2858b2", "#7cb2fa", "#152f70"),
    HairColor.AQUA: Tone("#62d0d6", "#39a5b3", "#aaf0ee", "#1a6272"),
    HairColor.GREEN: Tone("#66b75c", "#428c45", "#9fdf8d", "#1e5230"),
    HairColor.WHITE: Tone("#eceef6", "#c2c7dc", "#ffffff", "#777c98"),
}
EYES = {
    EyeColor.BLUE: Tone("#3f8af2", "#1c4aa8", "#9fd6ff", "#14265c"),
    EyeColor.GREEN: Tone("#3fb65a", "#1b7040", "#b0f0a0", "#103c28"),
    EyeColor.RED: Tone("#e2353d", "#96162c", "#ff9a90", "#4c0a1a"),
    EyeColor.PURPLE: Tone("#ab4fdc", "#68248f", "#e6a8ff", "#391150"),
    EyeColor.YELLOW: Tone("#f5bd22", "#bf7f10", "#fff09a", "#5c3608"),
    EyeColor.BROWN: Tone("#8d4d27", "#552813", "#cf925c", "#2e140a"),
}
CLOTHES = {
    ClothingColor.RED: Tone("#d8404a", "#a92a3c", "#f17a78", "#641426"),
    ClothingColor.PINK: Tone("#f8a9c1", "#df82a4", "#ffd3e0", "#94475f"),
    ClothingColor.YELLOW: Tone("#f7d455", "#d9a53a", "#fff0a4", "#87601e"),
    ClothingColor.GREEN: Tone("#57ad67", "#3a854e", "#94d893", "#1d4c32"),
    ClothingColor.BLUE: Tone("#3c76d4", "#2855a6", "#79aaf2", "#142f6a"),
    ClothingColor.PURPLE: Tone("#a265c6", "#7a459c", "#cc9ae6", "#431f5e"),
    ClothingColor.WHITE: Tone("#f5f4f1", "#cfd1e0", "#ffffff", "#7f819c"),
    ClothingColor.BLACK: Tone("#3d3e49", "#292932", "#656879", "#17171d"),
}

_RED = Tone("#e2404e", "#ad2740", "#ff8a86", "#6c1428")
_AZURE = Tone("#4ba4ec", "#2d74bd", "#a5d9ff", "#1c4478")


def accent_of(hair_color: HairColor) -> Tone:
    """Give the colour of ribbons and hats, which stands out against this hair."""
    is_reddish = hair_color in (HairColor.RED, HairColor.ORANGE, HairColor.PINK)
    return _AZURE if is_reddish else _RED
