"""The checkpoint in the package: small, complete, read as any other, and it follows prompts."""

import json
from pathlib import Path

import numpy as np
import pytest

from newbie_pipeline.checkpoints.identity import model_name
from newbie_pipeline.checkpoints.sources import as_files, parse_source
from newbie_pipeline.demo.analysis import compare, measure
from newbie_pipeline.demo.captions import CaptionKind
from newbie_pipeline.demo.demo_checkpoint import MOST_BYTES
from newbie_pipeline.demo.evaluation import HAIR_OF_ALL, evaluate, held_out_tasks
from newbie_pipeline.demo.handwritten import read_handwritten
from newbie_pipeline.demo.packaged import DEMO_CHECKPOINT, DEMO_NAME
from newbie_pipeline.demo.scene import HairColor, Position, Wanted, WantedFigure
from newbie_pipeline.render import SHOWN_SIDE, LoadOptions, Renderer, RenderSpec

HAND_WRITTEN = Path(__file__).parents[2] / "data" / "prompts" / "demo"
TWO = """
<character_1><n>aoi</n><appearance>pink_hair, green_eyes</appearance>
<clothing>white_dress</clothing><position>right</position></character_1>
<character_2><appearance>blue_hair, red_eyes</appearance><position>left</position></character_2>
<general_tags><count>2girls</count><background>beach</background></general_tags>
"""


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer.load(parse_source("demo"), LoadOptions(assist=False))


def draw(renderer: Renderer, prompt: str, seed: int, steps: int = 28):
    spec = RenderSpec(prompt, "", 1024, 1024, steps, 4.0, seeds=(seed,))
    return renderer.render(spec, lambda *_: None, lambda: False).images[0]


def test_the_word_demo_names_it():
    assert parse_source(" demo ") == DEMO_CHECKPOINT
    assert as_files("demo") == (DEMO_CHECKPOINT, {})
    assert model_name(DEMO_CHECKPOINT) == DEMO_NAME


@pytest.mark.parametrize("text", ["./demo", "Demo", "demo2", "base=demo"])
def test_any_other_word_is_a_path(text):
    assert parse_source(text) != DEMO_CHECKPOINT


def test_it_is_small_and_has_nothing_unfinished():
    files = [path for path in DEMO_CHECKPOINT.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    assert {path.parent.name for path in files if path.suffix == ".safetensors"} == {
        *("transformer", "text_encoder", "clip_model", "vae"),
    }
    assert not [path for path in files if "unfinished" in path.parts]
    assert json.loads((DEMO_CHECKPOINT / "model_index.json").read_text())["_class_name"]


def test_its_readme_says_how_it_was_made():
    text = (DEMO_CHECKPOINT / "README.md").read_text("utf-8")

    assert "newbie demo train" in text
    assert "Apache-2.0" in text


def test_its_pictures_have_one_size_and_are_enlarged(renderer):
    picture = draw(renderer, "1girl", 1, steps=1)

    assert picture.size == (SHOWN_SIDE, SHOWN_SIDE)
    assert renderer.can_draw(1536, 640)


def test_two_characters_have_their_own_hair_on_their_own_sides(renderer):
    wanted = Wanted(
        (
            WantedFigure(hair_color=HairColor.PINK, position=Position.RIGHT),
            WantedFigure(hair_color=HairColor.BLUE, position=Position.LEFT),
        )
    )

    right = [
        all(map(all, compare(measure(np.asarray(draw(renderer, TWO, seed))), wanted).values()))
        for seed in range(4)
    ]

    assert sum(right) >= 3, right


@pytest.mark.slow
@pytest.mark.parametrize("kind", [CaptionKind.COMMUNITY, CaptionKind.TAGS, CaptionKind.SENTENCE])
def test_it_follows_prompts_that_it_has_never_seen(renderer, kind):
    tasks = list(held_out_tasks(6, [kind]))

    found = evaluate(tasks, lambda text, seed: draw(renderer, text, seed))

    right = sum(scores.right[HAIR_OF_ALL] for scores in found.groups.values())
    asked = sum(scores.asked[HAIR_OF_ALL] for scores in found.groups.values())
    assert right / asked >= 0.75, found
    assert found.shuffled.share("hair_color") <= 0.5


@pytest.mark.slow
def test_it_follows_prompts_that_people_wrote(renderer):
    several = read_handwritten(HAND_WRITTEN)[::5]
    verdicts = [
        compare(measure(np.asarray(draw(renderer, one.text, number))), one.wanted)
        for number, one in enumerate(several)
    ]

    hair = [all(verdict["hair_color"]) for verdict in verdicts if "hair_color" in verdict]
    assert sum(hair) / len(hair) >= 0.75, hair
