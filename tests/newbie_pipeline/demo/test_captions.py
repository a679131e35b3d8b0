"""Training captions: all pass the parser, say what they say they do, and come in their shares."""

from collections import Counter
from statistics import mean

import pytest

from newbie_pipeline.demo.captions import SHARES, CaptionKind, caption
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import FIGURE_ATTRIBUTES, Position, Scene, WantedFigure
from newbie_pipeline.demo.vocabulary import WORDS, plain, tag_of, unknown_tags
from newbie_pipeline.demo.writer.strange_words import strange_places, strange_tags
from newbie_pipeline.prompt.parse import parse

COUNT = 150


def captions(kind: CaptionKind, count: int = COUNT):
    for seed in range(count):
        scene = sample_scene(seed)
        yield scene, caption(scene, seed, kind)


def figures_in_order(scene: Scene, named) -> tuple:
    """Give the scene's figures in the order in which a caption names them."""
    if len(named.figures) == 2:
        first, second = (figure.position for figure in named.figures)
        if first == Position.RIGHT or second == Position.LEFT:
            return scene.figures[::-1]
    return scene.figures


def is_said(text: str, attribute: str, value: str) -> bool:
    """Tell whether a text holds all parts of a tag of one of a value's words."""
    written = plain(text)
    tags = (tag_of(attribute, word).split("_") for word in WORDS[attribute][value])
    return any(all(part in written for part in parts) for parts in tags)


@pytest.mark.parametrize("kind", CaptionKind)
def test_every_caption_passes_the_parser_with_nothing_to_mend_or_to_hint_at(kind):
    for _, written in captions(kind):
        prompt = parse(written.text)
        assert prompt.warnings == ()
        assert prompt.source == written.text
        assert prompt.is_xml == (kind not in (CaptionKind.TAGS, CaptionKind.SENTENCE))


@pytest.mark.parametrize("kind", CaptionKind)
def test_a_caption_names_only_what_its_scene_shows(kind):
    for scene, written in captions(kind):
        named = written.named
        assert named.background in (None, scene.background)
        assert len(named.figures) in (0, len(scene.figures))
        for asked, shown in zip(named.figures, figures_in_order(scene, named), strict=False):
            for name in FIGURE_ATTRIBUTES:
                assert getattr(asked, name) in (None, getattr(shown, name))
        assert named.background is not None or any(
            figure != WantedFigure() for figure in named.figures
        )


@pytest.mark.parametrize("kind", [CaptionKind.COMMUNITY, CaptionKind.SHUFFLED, CaptionKind.SPARSE])
def test_the_fields_of_a_character_hold_a_word_of_each_value_that_is_named(kind):
    for _, written in captions(kind, 60):
        prompt = parse(written.text)
        for asked, character in zip(written.named.figures, prompt.characters, strict=True):
            text = " ".join(element.text for _, element in character.elements())
            for name in set(FIGURE_ATTRIBUTES) - {"clothing_color"}:
                value = getattr(asked, name)
                assert value is None or is_said(text, name, value), (name, value, text)


def test_scene_and_seed_decide_about_every_letter():
    scene = sample_scene(4)

    assert caption(scene, 9) == caption(scene, 9)
    assert len({caption(scene, seed).text for seed in range(50)}) > 45


def test_kinds_come_in_their_shares():
    counts = Counter(caption(sample_scene(seed), seed).kind for seed in range(3000))

    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, share in SHARES.items():
        assert counts[kind] / 3000 == pytest.approx(share, abs=0.03)


def test_the_long_style_has_tags_that_the_model_does_not_know_in_their_share():
    shares = []
    for _, written in captions(CaptionKind.COMMUNITY):
        prompt = parse(written.text)
        parts = [*prompt.characters, *([prompt.general_tags] if prompt.general_tags else [])]
        tags = [
            tag
            for part in parts
            for name, each in part.elements()
            if name != "n"
            for tag in each.tags
        ]
        shares.append(len(unknown_tags(prompt)) / len(tags))

    assert 0.25 < mean(shares) < 0.45
    assert sum(0.08 <= share <= 0.45 for share in shares) > 0.6 * len(shares)
    assert max(shares) > 0.5


@pytest.mark.parametrize("element", ["appearance", "clothing", "expression", "background"])
def test_strange_words_are_none_that_the_model_knows(element):
    tags = strange_tags(element)

    assert len(tags) > 5
    assert unknown_tags(parse(", ".join(tags))) == tags


def test_strange_words_name_no_other_hair_eyes_or_garment():
    looks, clothes = strange_tags("appearance"), strange_tags("clothing")

    assert not {"light_brown_hair", "teal_hair", "grey_eyes", "heterochromia", "drill_hair"} & {
        *looks
    }
    assert not {"armor_dress", "blazer", "cloak", "hanfu", "nurse"} & {*clothes}
    # Distracting colours are welcome where no picture shows what they colour.
    assert {"red_scarf", "black_boots", "white_gloves"} <= {*clothes}
    assert not {*strange_places()} & {*strange_tags("background")}


def test_the_first_character_stands_on_the_right_as_often_as_on_the_left():
    sides = Counter(
        written.named.figures[0].position
        for kind in (CaptionKind.COMMUNITY, CaptionKind.SENTENCE, CaptionKind.TAGS)
        for _, written in captions(kind, 300)
        if len(written.named.figures) == 2
    )

    assert 0.75 < sides[Position.LEFT] / sides[Position.RIGHT] < 1.33
    assert sides[None] > 20


def test_without_sides_figures_are_named_from_left_to_right():
    for scene, written in captions(CaptionKind.SPARSE, 300):
        asked = written.named.figures
        if len(asked) == 2 and not any(figure.position for figure in asked):
            for figure, shown in zip(asked, scene.figures, strict=True):
                assert figure.hair_color in (None, shown.hair_color)


def test_the_position_stands_before_the_looks_as_well_as_after():
    orders = Counter()
    for _, written in captions(CaptionKind.SHUFFLED):
        for character in written.text.split("<character_")[1:]:
            if "<position>" in character and "<appearance>" in character:
                orders[character.index("<position>") < character.index("<appearance>")] += 1

    assert min(orders.values()) > 0.35 * sum(orders.values())


@pytest.mark.parametrize("kind", CaptionKind)
def test_a_figure_alone_stands_in_the_middle_where_no_place_is_named(kind):
    alone = [
        (scene.figures[0].position, written.named.figures[0].position)
        for scene, written in captions(kind, 3 * COUNT)
        if len(scene.figures) == len(written.named.figures) == 1
    ]

    assert {place for place, named in alone if named is None} == {Position.CENTER}
    assert {named for _, named in alone} == {None, *Position}


def test_one_field_is_one_field():
    for _, written in captions(CaptionKind.ONE_FIELD):
        prompt = parse(written.text)
        parts = [*prompt.characters, *([prompt.general_tags] if prompt.general_tags else [])]
        filled = [name for part in parts for name, each in part.elements() if each.text]
        assert len(filled) == 1


def test_underscores_blanks_weights_and_synonyms_all_occur():
    text = "\n".join(written.text for _, written in captions(CaptionKind.COMMUNITY))
    synonyms = {word for words in WORDS["expression"].values() for word in words[1:]}

    for written in ("blue_hair", "blue hair", ":1.2)", "{", "["):
        assert written in text
    assert sum(word in text for word in synonyms) > 0.6 * len(synonyms)
