"""`newbie assist`: what it prints where, what it refuses, its exit codes."""

import io
import json

import pytest

from newbie_cli.__main__ import main
from newbie_pipeline.expansion import alone, assistant
from newbie_pipeline.expansion.writing import AllowanceSpent
from newbie_pipeline.prompt.assist import Assisted, AssistMode
from newbie_pipeline.prompt.parse import parse

PROMPT = "<character_1><n>初音ミク</n></character_1><character_2><n>rin</n></character_2>"


@pytest.fixture
def assist(tiny_checkpoint, tmp_path):
    def run(text, *more, model=tiny_checkpoint):
        path = tmp_path / "prompt.xml"
        path.write_text(text, encoding="utf-8")
        return main(["assist", str(path), "--model", str(model), "--device", "cpu", *more])

    return run


def test_the_prompt_goes_to_stdout_and_what_was_added_to_stderr(assist, capsys):
    assert assist(PROMPT, "--mode", "interaction") == 0
    output = capsys.readouterr()
    prompt = parse(output.out)
    assert [each.name.text for each in prompt.characters] == ["初音ミク", "rin"]
    added = dict(line.split(": ", 1) for line in output.err.splitlines() if "/" in line)
    assert set(added) == {
        *(f"character_{k}/{name}" for k in (1, 2) for name in ("interaction", "position"))
    }
    assert added["character_1/interaction"] == prompt.characters[0].interaction.text


def test_json_holds_prompt_additions_and_note(assist, capsys):
    assert assist(PROMPT, "--mode", "interaction", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"prompt", "additions", "note"}
    assert set(found["additions"][0]) == {"place", "text"}
    assert found["note"] is None


def test_seed_and_seconds_reach_the_assistant(assist, capsys, monkeypatch):
    seen = {}

    def watched(text, mode, _writer, **options):
        seen.update(options, mode=mode)
        return Assisted(text)

    monkeypatch.setattr(assistant, "assist", watched)
    assert assist(PROMPT, "--seed", "77", "--seconds", "0") == 0
    assert (seen["seed"], seen["mode"]) == (77, AssistMode.COMPLETE)
    with pytest.raises(AllowanceSpent):
        seen["allowance"].check()


def test_tags_from_stdin_are_structured(tiny_checkpoint, capsys, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO("1girl, 微笑, 教室".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    more = ("--mode", "structure", "--model", str(tiny_checkpoint), "--device", "cpu")
    assert main(["assist", "-", *more]) == 0
    assert "<expression>微笑</expression>" in capsys.readouterr().out


def test_nothing_to_add_is_said_and_no_failure(assist, capsys):
    assert assist("1girl, smile", "--mode", "complete") == 0
    output = capsys.readouterr()
    assert output.out == "1girl, smile\n"
    assert "nothing to add" in output.err


def test_a_gemma_without_its_last_layer_is_told(assist, capsys, monkeypatch):
    monkeypatch.setattr(alone, "load_language_head", lambda *_: None)
    assert assist(PROMPT) == 1
    output = capsys.readouterr()
    assert output.out == f"{PROMPT}\n"
    assert "has not all of Gemma" in output.err


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        ("<n>miku", (), "never closed"),
        (PROMPT, ("--seed", "-1"), "not a seed"),
        (PROMPT, ("--mode", "off"), "invalid choice"),
    ],
)
def test_bad_input_is_exit_code_2(assist, capsys, text, more, says):
    try:
        code = assist(text, *more)
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert says in capsys.readouterr().err


def test_a_missing_file_or_checkpoint_has_its_own_exit_code(assist, tmp_path, capsys):
    assert main(["assist", str(tmp_path / "none.xml")]) == 2
    assert assist(PROMPT, model=tmp_path / "none") == 1
    assert "none" in capsys.readouterr().err
