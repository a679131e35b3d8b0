"""How well a checkpoint follows prompts: it draws held-out scenes, and the pictures are measured.

- Prompts are captions of scenes whose combinations training never sees (`sampling`), of each kind
  that members write, for one figure and for two; and prompts that people wrote by hand.
- A picture is drawn as a worker draws it and measured by `analysis`, from the picture alone.
- `on_shuffled` compares each picture with the next prompt of its kind: what that gives is chance,
  and what is above it is the prompt's doing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from newbie_pipeline.demo.analysis import Seen, compare, measure
from newbie_pipeline.demo.captions import CaptionKind, caption
from newbie_pipeline.demo.handwritten import read_handwritten
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import FIGURE_ATTRIBUTES, Scene, Wanted, WantedFigure
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.render import Renderer, RenderSpec

# Scenes of the evaluation: far from those of any training's seed.
FIRST_SCENE = 9_000_000_000
SCENES_OF_A_KIND = 1_000_000
KINDS = (
    CaptionKind.CANONICAL,
    CaptionKind.SHUFFLED,
    CaptionKind.COMMUNITY,
    CaptionKind.SPARSE,
    CaptionKind.TAGS,
    CaptionKind.SENTENCE,
)
ALONE, TOGETHER = "one", "two"
HAND_WRITTEN = "hand-written"
# What members get where they choose no size; a small model draws its own.
SIDE = 1024
# All figures of a prompt have the hair that is asked for, on the sides that are asked for.
HAIR_OF_ALL = "hair_of_all"

Draw = Callable[[str, int], Image.Image]
Pixels = NDArray[np.uint8]


class Task(NamedTuple):
    """Hold a prompt, what its picture must show, and the seed that it is drawn with."""

    group: str
    text: str
    wanted: Wanted
    seed: int


@dataclass
class Scores:
    """Count right answers of a group of prompts, attribute by attribute."""

    prompts: int = 0
    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: dict[str, tuple[bool, ...]]) -> None:
        """Take in what one picture shows of what its prompt asks for."""
        self.prompts += 1
        for name, answers in _with_hair_of_all(verdict):
            self.right[name] += sum(answers)
            self.asked[name] += len(answers)

    def share(self, name: str) -> float | None:
        """Give the share of right answers; None where nothing was asked."""
        return self.right[name] / self.asked[name] if self.asked[name] else None

    def as_data(self) -> dict[str, float | int]:
        """Give the shares of all that was asked for, and how many prompts there were."""
        shares = {name: round(self.right[name] / count, 4) for name, count in self.asked.items()}
        return {"prompts": self.prompts, **shares}


@dataclass
class Evaluation:
    """Hold the scores of each group, and what the same pictures score for other prompts."""

    groups: dict[str, Scores] = field(default_factory=dict)
    shuffled: Scores = field(default_factory=Scores)

    def as_data(self) -> dict[str, object]:
        """Give everything as plain data."""
        groups = {name: scores.as_data() for name, scores in self.groups.items()}
        return {"groups": groups, "shuffled": self.shuffled.as_data()}


def held_out_tasks(prompts: int, kinds: Iterable[CaptionKind] = KINDS) -> Iterator[Task]:
    """Give `prompts` tasks for each kind with one figure and as many with two."""
    for number, kind in enumerate(kinds):
        left = {ALONE: prompts, TOGETHER: prompts}
        seed = FIRST_SCENE + number * SCENES_OF_A_KIND
        while any(left.values()):
            scene = sample_scene(seed, held_out=True)
            group = TOGETHER if len(scene.figures) == 2 else ALONE
            if left[group]:
                left[group] -= 1
                written = caption(scene, seed, kind)
                yield Task(f"{kind}, {group}", written.text, written.named, seed % 2**32)
            seed += 1


def everything_of(scene: Scene) -> Wanted:
    """Ask for all that a scene shows."""
    figures = tuple(
        WantedFigure(**{name: getattr(figure, name) for name in FIGURE_ATTRIBUTES})
        for figure in scene.figures
    )
    return Wanted(figures, scene.background)


def hand_written_tasks(folder: Path) -> list[Task]:
    """Give the prompts of a folder that people wrote by hand; raises as `read_handwritten`."""
    return [
        Task(HAND_WRITTEN, each.text, each.wanted, number)
        for number, each in enumerate(read_handwritten(folder))
    ]


def drawn_by(renderer: Renderer, steps: int, guidance: float) -> Draw:
    """Draw with a loaded model, as a worker does."""

    def draw(text: str, seed: int) -> Image.Image:
        spec = RenderSpec(parse(text.encode()).source, "", SIDE, SIDE, steps, guidance, (seed,))
        return renderer.render(spec, lambda *_: None, lambda: False).images[0]

    return draw


def evaluate(
    tasks: Sequence[Task],
    draw: Draw,
    on_picture: Callable[[Task, Image.Image], None] = lambda *_: None,
) -> Evaluation:
    """Draw and measure every task."""
    found = Evaluation()
    seen: dict[str, list[tuple[Seen, Wanted]]] = {}
    for task in tasks:
        picture = draw(task.text, task.seed)
        shown = measure(np.asarray(picture.convert("RGB")))
        found.groups.setdefault(task.group, Scores()).add(compare(shown, task.wanted))
        seen.setdefault(task.group, []).append((shown, task.wanted))
        on_picture(task, picture)
    for pairs in seen.values():
        for (shown, _), (_, wanted) in zip(pairs, [*pairs[1:], pairs[0]], strict=True):
            found.shuffled.add(compare(shown, wanted))
    return found


def _with_hair_of_all(
    verdict: dict[str, tuple[bool, ...]],
) -> Iterator[tuple[str, tuple[bool, ...]]]:
    yield from verdict.items()
    if (hair := verdict.get("hair_color")) is not None:
        yield HAIR_OF_ALL, (all(hair) and all(verdict["layout"]),)
