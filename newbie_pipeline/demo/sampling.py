"""Which scenes are drawn: scenes at random from a seed, and the combinations kept out of training.

- Two rules keep combinations out of training, so that the evaluation shows whether the model puts
  together what it knows. One in eight triples of hair colour, eye colour and kind of clothes is
  never drawn for a single figure or for any of two. One in eight pairs of hair colours, left and
  right, is never drawn; where a pair is kept out, the swapped pair is not, so a model that only
  remembers which colours go together puts them on the wrong sides.
- The rules are sums of indices and no hashes: every value, and every pair of two attributes, stays
  in training, which `tests/newbie_pipeline/demo` checks.
- About a third of two figures' scenes is kept out by one rule or the other, an eighth of the
  others.
- In training a figure alone stands in the middle more often than not: that is where it stands when
  no prompt says otherwise, and two figures never stand there. Scenes that are kept out have each
  place as often.
"""

from newbie_pipeline.demo.scene import (
    Accessory,
    Background,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    Figure,
    HairColor,
    HairStyle,
    Position,
    Scene,
)
from newbie_pipeline.demo.seeds import Stream

HELD_OUT_ONE_IN = 8
SHARE_OF_TWO = 0.4
SHARE_IN_THE_MIDDLE = 0.6

_HAIR = {each: index for index, each in enumerate(HairColor)}
_EYES = {each: index for index, each in enumerate(EyeColor)}
_CLOTHING = {each: index for index, each in enumerate(Clothing)}


def is_held_out(scene: Scene) -> bool:
    """Tell whether a scene shows a combination that is kept out of training."""
    if any(_is_held_out_figure(figure) for figure in scene.figures):
        return True
    return len(scene.figures) == 2 and _is_held_out_pair(*scene.figures)


def sample_scene(seed: int, held_out: bool = False) -> Scene:
    """Give a random scene, of those that training sees or of those that it never sees.

    A held-out scene of two has a held-out pair; what its figures are otherwise is free.
    """
    stream = Stream("scene", seed)
    count = 2 if stream.happens(SHARE_OF_TWO) else 1
    while True:
        scene = _sample(stream, count, None if held_out else SHARE_IN_THE_MIDDLE)
        if held_out and count == 2:
            if _is_held_out_pair(*scene.figures):
                return scene
        elif is_held_out(scene) == held_out:
            return scene


def _is_held_out_figure(figure: Figure) -> bool:
    hair, eyes = _HAIR[figure.hair_color], _EYES[figure.eye_color]
    return (3 * hair + 5 * eyes + _CLOTHING[figure.clothing]) % HELD_OUT_ONE_IN == 0


def _is_held_out_pair(left: Figure, right: Figure) -> bool:
    return (_HAIR[left.hair_color] + 3 * _HAIR[right.hair_color]) % HELD_OUT_ONE_IN == 1


def _sample(stream: Stream, count: int, in_the_middle: float | None) -> Scene:
    background = stream.pick(tuple(Background))
    if count == 1:
        return Scene((_sample_figure(stream, _sample_place(stream, in_the_middle)),), background)
    sides = (Position.LEFT, Position.RIGHT)
    return Scene(tuple(_sample_figure(stream, side) for side in sides), background)


def _sample_place(stream: Stream, in_the_middle: float | None) -> Position:
    if in_the_middle is None:
        return stream.pick(tuple(Position))
    if stream.happens(in_the_middle):
        return Position.CENTER
    return stream.pick((Position.LEFT, Position.RIGHT))


def _sample_figure(stream: Stream, position: Position) -> Figure:
    return Figure(
        hair_color=stream.pick(tuple(HairColor)),
        hair_style=stream.pick(tuple(HairStyle)),
        eye_color=stream.pick(tuple(EyeColor)),
        clothing=stream.pick(tuple(Clothing)),
        clothing_color=stream.pick(tuple(ClothingColor)),
        expression=stream.pick(tuple(Expression)),
        accessory=stream.pick((Accessory.NONE, *Accessory)),
        position=position,
    )
