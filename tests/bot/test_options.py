"""Options from clients that check nothing."""

import dataclasses

import pytest

from bot.abilities import model_mark, with_model
from bot.errors import OptionRefused
from bot.options import Defaults, Options, build_request, check_options, typed_choice
from bot.prompt_form import custom_id, options_of
from jobs.capability import Capability
from jobs.models import MAX_MODEL_NAME, MAX_SEED, MEMBER_ASSIST, Size
from newbie_pipeline.prompt.assist import AssistMode

DEFAULTS = Defaults(steps=20, guidance=5.5)


def test_what_is_not_given_is_filled_in():
    request = build_request("1girl", Options(), DEFAULTS)
    assert request.size is Size.SQUARE
    assert request.num_inference_steps == 20
    assert request.guidance_scale == 5.5
    assert request.count == 1
    assert request.negative_prompt == ""
    assert request.assist is AssistMode.OFF


def test_a_seed_that_is_not_given_is_random():
    seeds = {build_request("1girl", Options(), DEFAULTS).seed for _ in range(20)}
    assert len(seeds) > 15
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_what_is_given_is_kept():
    options = Options("832x1216", 30, 7.5, 0, 4, " blurry ")
    request = build_request("1girl", options, DEFAULTS)
    assert request.size is Size.PORTRAIT_2_3
    assert (request.num_inference_steps, request.guidance_scale) == (30, 7.5)
    assert (request.seed, request.count, request.negative_prompt) == (0, 4, "blurry")


@pytest.mark.parametrize(
    "options",
    [
        Options(steps=1),
        Options(steps=60),
        Options(guidance=1),
        Options(guidance=20.0),
        Options(seed=0),
        Options(seed=MAX_SEED),
        Options(count=1),
        Options(count=4),
        Options(negative_prompt="x" * 4000),
        *(Options(size=size.value) for size in Size),
        *(Options(assist=mode.value) for mode in MEMBER_ASSIST),
    ],
)
def test_values_at_the_limits_are_allowed(options: Options):
    check_options(options, DEFAULTS)


@pytest.mark.parametrize(
    ("options", "name", "data"),
    [
        (Options(steps=0), "steps", {"given": "0", "low": "1", "high": "60"}),
        (Options(steps=61), "steps", {"given": "61", "low": "1", "high": "60"}),
        (Options(steps=7.5), "steps", {"given": "7.5", "low": "1", "high": "60"}),
        (Options(guidance=0.5), "guidance", {"given": "0.5", "low": "1", "high": "20"}),
        (Options(guidance=21), "guidance", {"given": "21", "low": "1", "high": "20"}),
        (Options(guidance=float("nan")), "guidance", {"given": "nan", "low": "1", "high": "20"}),
        (Options(seed=-1), "seed", {"given": "-1", "low": "0", "high": "4294967295"}),
        (Options(seed=2**32), "seed", {"given": str(2**32), "low": "0", "high": "4294967295"}),
        (Options(count=0), "count", {"given": "0", "low": "1", "high": "4"}),
        (Options(count=5), "count", {"given": "5", "low": "1", "high": "4"}),
        (Options(negative_prompt="x" * 4001), "negative_prompt", {"given": 4001, "allowed": 4000}),
    ],
)
def test_values_beyond_the_limits_are_refused(options: Options, name: str, data: dict):
    with pytest.raises(OptionRefused) as refused:
        check_options(options, DEFAULTS)
    assert refused.value.option == name
    assert refused.value.data == data


@pytest.mark.parametrize("text", ["blurry\x00", "\x1b[31m", "\ud800"])
def test_a_negative_prompt_with_control_characters_is_refused(text: str):
    with pytest.raises(OptionRefused, match=r"option\.unreadable"):
        check_options(Options(negative_prompt=text), DEFAULTS)


def test_a_negative_prompt_may_have_lines_and_any_script():
    check_options(Options(negative_prompt="ぼやけ,\n\tlow quality\r\n🎨"), DEFAULTS)


@pytest.mark.parametrize("size", ["", "1x1", "9999x9999", "<@1>", 7, ["1024x1024"]])
def test_a_size_that_is_no_choice_is_refused(size: object):
    with pytest.raises(OptionRefused) as refused:
        check_options(Options(size=size), DEFAULTS)
    assert refused.value.option == "size"
    assert "1024x1024" in str(refused.value.data["allowed"])


@pytest.mark.parametrize("mode", ["", "Complete", "caption", "interaction", "<@1>", 7, ["off"]])
def test_help_that_is_not_for_members_is_refused(mode: object):
    with pytest.raises(OptionRefused) as refused:
        check_options(Options(assist=mode), DEFAULTS)
    assert refused.value.option == "assist"
    assert refused.value.data["allowed"] == "off, complete, structure"


@pytest.mark.parametrize("mode", MEMBER_ASSIST)
def test_help_that_is_for_members_is_asked_for(mode: AssistMode):
    options = Options(assist=mode.value)
    assert build_request("1girl", options, DEFAULTS).assist is mode


@pytest.mark.parametrize(
    ("given", "read"),
    [(" Complete\n", "complete"), ("OFF", "off"), ("  ", None), (None, None), (7, 7)],
)
def test_a_typed_choice_is_read_without_case_and_blanks(given: object, read: object):
    assert typed_choice(given) == read


@pytest.mark.parametrize(
    "options",
    [
        Options(negative_prompt=""),
        Options("640x1536", 60, 1.2345678901234567, MAX_SEED, 4, "", "structure"),
        Options(assist="off", negative_prompt=""),
        Options(seed=0, negative_prompt=""),
    ],
)
def test_options_survive_the_way_through_a_form(options: Options):
    form_id = custom_id(options)
    assert len(form_id) <= 100
    assert options_of(form_id, "") == options


def test_a_model_of_any_name_finds_its_place_in_a_form():
    name = "模" * MAX_MODEL_NAME
    options = Options("1024x1024", 60, 1.2345678901234567, MAX_SEED, 4, "", "structure", name)
    form_id = custom_id(options)
    assert len(form_id) <= 100
    back = options_of(form_id, "")
    assert back == dataclasses.replace(options, model=None, model_mark=model_mark(name))
    assert with_model(back, [Capability(model="other"), Capability(model=name)]) == options


@pytest.mark.parametrize("given", ["x" * (MAX_MODEL_NAME + 1), 7, ["x"]])
def test_a_model_that_no_name_can_be_is_refused(given: object):
    with pytest.raises(OptionRefused) as refused:
        check_options(Options(model=given), DEFAULTS)
    assert refused.value.option == "model"
    assert refused.value.data["allowed"] == MAX_MODEL_NAME
    assert check_options(Options(model="x" * MAX_MODEL_NAME), DEFAULTS).model


@pytest.mark.parametrize(
    ("form_id", "options"),
    [
        ("newbie:prompt:::::", Options(negative_prompt="")),
        ("newbie:prompt:832x1216:30:6.5:7:2", Options("832x1216", 30, 6.5, 7, 2, "")),
        ("newbie:prompt:::::2:complete", Options(count=2, negative_prompt="", assist="complete")),
    ],
)
def test_a_form_of_a_version_with_fewer_options_is_read_without_the_later_ones(
    form_id: str, options: Options
):
    assert options_of(form_id, "") == options


@pytest.mark.parametrize(
    "form_id", ["newbie:prompt:", "newbie:prompt:a:b:c:d:e", "newbie:prompt:" + ":" * 9]
)
def test_a_form_that_is_not_ours_is_refused(form_id: str):
    with pytest.raises(Exception, match="form_outdated"):
        options_of(form_id, "")


@pytest.mark.parametrize(
    "form_id", ["newbie:prompt:64x64:999:nan:-1:99", "newbie:prompt::::::caption"]
)
def test_a_forged_form_is_checked_like_a_command(form_id: str):
    with pytest.raises(OptionRefused):
        check_options(options_of(form_id, ""), DEFAULTS)
