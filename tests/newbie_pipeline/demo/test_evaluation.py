"""The evaluation tells an artist that follows prompts from one that does not."""

import itertools

from PIL import Image

from newbie_pipeline.demo.captions import CaptionKind
from newbie_pipeline.demo.contact_sheet import ContactSheets
from newbie_pipeline.demo.drawings import draw
from newbie_pipeline.demo.evaluation import (
    FIRST_SCENE,
    HAIR_OF_ALL,
    Task,
    evaluate,
    held_out_tasks,
)
from newbie_pipeline.demo.sampling import is_held_out, sample_scene
from newbie_pipeline.demo.scene import Background, HairColor, Position, Wanted, WantedFigure

KINDS = (CaptionKind.COMMUNITY, CaptionKind.TAGS)
COUNT = 6
TASKS = list(held_out_tasks(COUNT, KINDS))


def scene_of(task: Task):
    """Find the scene of a task again: seeds of pictures count on with those of scenes."""
    offset = (task.seed - FIRST_SCENE) % 2**32
    return sample_scene(FIRST_SCENE + offset, held_out=True)


def test_each_kind_has_as_many_prompts_for_one_and_for_two():
    groups = [task.group for task in TASKS]

    assert set(groups) == {
        *("community, one", "community, two", "tags, one", "tags, two"),
    }
    assert all(groups.count(group) == COUNT for group in groups)
    assert all(is_held_out(scene_of(task)) for task in TASKS)


def test_an_artist_who_follows_the_prompts_is_right():
    scenes = {task.seed: scene_of(task) for task in TASKS}

    found = evaluate(TASKS, lambda _, seed: Image.fromarray(draw(scenes[seed], seed, 128)))

    for scores in found.groups.values():
        assert scores.prompts == COUNT
        for name in ("layout", "background", "hair_color", HAIR_OF_ALL):
            assert scores.share(name) in (None, 1.0), (name, scores)
    assert found.shuffled.share("hair_color") < 0.5


def test_an_artist_who_draws_anything_is_at_chance():
    numbers = itertools.count()

    def draw_anything(_text, _seed):
        number = next(numbers)
        return Image.fromarray(draw(sample_scene(number), number, 128))

    found = evaluate(TASKS, draw_anything)

    right = sum(scores.right["hair_color"] for scores in found.groups.values())
    asked = sum(scores.asked["hair_color"] for scores in found.groups.values())
    assert right / asked < 0.5


def test_hair_of_all_wants_the_right_sides_too():
    scene = next(s for n in range(99) if len((s := sample_scene(n)).figures) == 2)
    picture = Image.fromarray(draw(scene, 1, 128))
    left, right = (figure.hair_color for figure in scene.figures)
    assert left != right

    def asked(first: HairColor, second: HairColor) -> Task:
        figures = (
            WantedFigure(hair_color=first, position=Position.LEFT),
            WantedFigure(hair_color=second, position=Position.RIGHT),
        )
        return Task("sides", "", Wanted(figures), 1)

    tasks = [asked(left, right), asked(right, left)]
    scores = evaluate(tasks, lambda *_: picture).groups["sides"]

    assert scores.share(HAIR_OF_ALL) == 0.5
    assert scores.as_data()["prompts"] == 2


def test_what_nobody_asked_for_has_no_share():
    picture = Image.fromarray(draw(sample_scene(1), 1, 128))
    background = sample_scene(1).background

    found = evaluate(
        [Task("background", "", Wanted((), background), 0)],
        lambda *_: picture,
    )

    assert found.groups["background"].share("background") == 1.0
    assert found.groups["background"].share("hair_color") is None
    assert found.as_data()["groups"] == {"background": {"prompts": 1, "background": 1.0}}
    assert background in Background


def test_sheets_show_the_pictures_of_each_kind(tmp_path):
    sheets = ContactSheets()
    for shade in range(10):
        sheets.add("tags, two", Image.new("RGB", (20, 20), (shade * 25, 0, 0)))

    sheets.save(tmp_path / "sheets")

    with Image.open(tmp_path / "sheets" / "tags-two.png") as sheet:
        assert sheet.size == (8 * 24 + 4, 2 * 24 + 4)
        assert sheet.getpixel((5, 5)) == (0, 0, 0)
        assert sheet.getpixel((5 + 24, 5 + 24)) == (9 * 25, 0, 0)
