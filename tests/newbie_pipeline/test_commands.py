"""`newbie make-tiny` and `newbie render`: what they write, what they refuse, their exit codes."""

import json

import pytest
import torch

from newbie_cli.__main__ import main
from newbie_pipeline.recipe import read_recipe

PROMPT = "<character_1> <n>初音ミク</n> <gender>1girl</gender> </character_1>"


@pytest.fixture
def prompt_file(tmp_path):
    path = tmp_path / "prompt.xml"
    path.write_text(PROMPT, encoding="utf-8")
    return path


def render(prompt_file, out, *more):
    return main(["render", str(prompt_file), "--out", str(out), *more])


def small(checkpoint):
    return ("--model", str(checkpoint), "--size", "128x64", "--steps", "2", "--seed", "7")


def test_render_saves_a_picture_with_its_recipe_and_prints_one_json_line(
    tiny_checkpoint, prompt_file, tmp_path, capsys
):
    out = tmp_path / "picture.png"
    assert render(prompt_file, out, *small(tiny_checkpoint), "--json") == 0
    recipe = read_recipe(out.read_bytes())
    assert (recipe.prompt, recipe.seed) == (PROMPT, 7)
    assert (recipe.width, recipe.height, recipe.num_inference_steps) == (128, 64, 2)
    output = capsys.readouterr()
    facts = json.loads(output.out)
    assert facts["out"] == str(out)
    assert facts["model_hash"] == recipe.model_hash
    assert "step 2 of 2" in output.err


def test_a_warning_is_printed_with_its_place_where_it_has_one(tiny_checkpoint, tmp_path, capsys):
    path = tmp_path / "prompt.xml"
    path.write_bytes("<n>初音未来</n>\n<zodiac>处女座</zodiac>".encode("gbk"))
    assert render(path, tmp_path / "a.png", *small(tiny_checkpoint)) == 0
    said = capsys.readouterr().err
    assert f"{path}: warning W101:" in said
    assert f"{path}:2:1: warning W306:" in said


def test_the_same_seed_saves_the_same_bytes(tiny_checkpoint, prompt_file, tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert render(prompt_file, one, *small(tiny_checkpoint)) == 0
    assert render(prompt_file, two, *small(tiny_checkpoint)) == 0
    assert one.read_bytes() == two.read_bytes()


def test_the_model_comes_from_the_environment_when_none_is_named(
    tiny_checkpoint, prompt_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_checkpoint))
    out = tmp_path / "picture.png"
    assert render(prompt_file, out, "--size", "64x64", "--steps", "1", "--seed", "7") == 0
    assert read_recipe(out.read_bytes()).model_name == "newbie-tiny"


@pytest.mark.slow
def test_a_tiny_model_is_made_once_when_there_is_none(prompt_file, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("NEWBIE_WORKER_MODEL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    settings = ("--size", "64x64", "--steps", "1", "--seed", "7")
    assert render(prompt_file, tmp_path / "one.png", *settings) == 0
    assert "tiny" in capsys.readouterr().err
    assert render(prompt_file, tmp_path / "two.png", *settings) == 0
    assert "making" not in capsys.readouterr().err
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_how_a_prompt_is_read_can_be_chosen(tiny_checkpoint, tmp_path):
    path = tmp_path / "two.xml"
    path.write_text("<character_1>(miku:5)</character_1><character_2>teto</character_2>")
    found = set()
    for number, options in enumerate(
        ([], ["--no-prompt-weights"], ["--character-encoding", "per_character"])
    ):
        out = tmp_path / f"{number}.png"
        assert render(path, out, *small(tiny_checkpoint), *options) == 0
        found.add(out.read_bytes())
    assert len(found) == 3


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE a><n>miku</n>", b"\0\1\2"])
def test_a_bad_prompt_is_exit_code_two_and_writes_nothing(
    content, tiny_checkpoint, tmp_path, capsys
):
    path, out = tmp_path / "bad.xml", tmp_path / "picture.png"
    path.write_bytes(content)
    assert render(path, out, *small(tiny_checkpoint)) == 2
    assert str(path) in capsys.readouterr().err
    assert not out.exists()


def test_what_was_repaired_in_a_prompt_is_told_and_drawn(tiny_checkpoint, tmp_path, capsys):
    path, out = tmp_path / "odd.xml", tmp_path / "picture.png"
    path.write_text("<character_1> <n>miku</character_1>")
    assert render(path, out, *small(tiny_checkpoint)) == 0
    assert f"{path}:1:" in capsys.readouterr().err
    assert read_recipe(out.read_bytes()).prompt.count("</n>") == 1


def test_a_missing_prompt_file_or_output_folder_is_exit_code_two(
    tiny_checkpoint, prompt_file, tmp_path
):
    assert render(tmp_path / "no.xml", tmp_path / "a.png", *small(tiny_checkpoint)) == 2
    assert render(prompt_file, tmp_path / "no" / "a.png", *small(tiny_checkpoint)) == 2


def test_a_size_that_the_model_cannot_draw_is_exit_code_two(tiny_checkpoint, prompt_file, tmp_path):
    out = tmp_path / "picture.png"
    assert render(prompt_file, out, *small(tiny_checkpoint), "--size", "100x64") == 2
    assert not out.exists()


def test_a_model_that_cannot_be_loaded_is_exit_code_one(prompt_file, tmp_path, capsys):
    assert render(prompt_file, tmp_path / "a.png", *small(tmp_path / "nowhere")) == 1
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("device", "words"), [("banana", "is no device"), ("cuda", "does not use the card")]
)
def test_a_device_that_will_not_do_is_told_in_words(
    device, words, tiny_checkpoint, prompt_file, tmp_path, capsys
):
    if device == "cuda" and (torch.cuda.is_available() or torch.version.cuda is not None):
        pytest.skip("only a CPU build of torch says so")
    out = tmp_path / "out.png"
    assert render(prompt_file, out, "--model", str(tiny_checkpoint), "--device", device) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting",
    [
        ("--size", "big"),
        ("--steps", "0"),
        ("--seed", "-1"),
        ("--guidance", "nan"),
        ("--character-encoding", "each"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(setting, prompt_file, tmp_path):
    with pytest.raises(SystemExit) as caught:
        render(prompt_file, tmp_path / "a.png", *setting)
    assert caught.value.code == 2


def test_make_tiny_refuses_a_folder_that_is_not_empty_unless_forced(tmp_path, capsys):
    directory = tmp_path / "tiny"
    assert main(["make-tiny", str(directory)]) == 0
    first = capsys.readouterr().out
    (directory / "notes.txt").write_text("mine")
    assert main(["make-tiny", str(directory)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["make-tiny", str(directory), "--force", "--seed", "1"]) == 0
    assert capsys.readouterr().out != first
    assert (directory / "notes.txt").read_text() == "mine"


def test_make_tiny_refuses_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    assert main(["make-tiny", str(path), "--force"]) == 2
