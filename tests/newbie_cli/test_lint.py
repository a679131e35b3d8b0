"""`newbie lint` as a user runs it: lines, JSON, stdin and exit codes."""

import argparse
import io
import json
from pathlib import Path

import pytest

from newbie_cli import lint

PROMPTS = Path(__file__).parents[1] / "data" / "prompts"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    lint.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["lint", *arguments])
    return args.run(args)


def test_an_accepted_file_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "accept" / "two_characters.xml")
    assert run(file) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_a_refused_file_gets_a_line_as_from_a_compiler(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "refuse" / "unclosed.xml")
    assert run(file) == 1
    assert capsys.readouterr().out == (
        f"{file}:3:3: error E301: The element <gender> is never closed. "
        "(Write </gender> where it ends.)\n"
    )


def test_a_refusal_of_the_whole_file_has_no_place(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "refuse" / "picture.png")
    assert run(file) == 1
    assert capsys.readouterr().out.startswith(f"{file}: error E103: This is a PNG picture")


def test_every_file_is_checked_and_the_worst_decides(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good, bad = PROMPTS / "accept" / "plain_tags.txt", PROMPTS / "refuse" / "entity.xml"
    missing = tmp_path / "missing.xml"
    assert run(str(bad), str(good)) == 1
    assert run(str(missing), str(bad), str(good)) == 2
    captured = capsys.readouterr()
    assert captured.err == f"{missing}: cannot be read: No such file or directory\n"
    assert captured.out.splitlines()[-1] == f"{good}: ok"


def test_json_has_every_file_and_diagnostic(capsys: pytest.CaptureFixture[str]) -> None:
    good = str(PROMPTS / "accept" / "declared_gbk.xml")
    bad = str(PROMPTS / "refuse" / "not_utf8.txt")
    assert run("--json", good, bad) == 1
    assert json.loads(capsys.readouterr().out) == {
        "files": [
            {"file": good, "ok": True, "diagnostics": []},
            {
                "file": bad,
                "ok": False,
                "diagnostics": [
                    {
                        "severity": "error",
                        "code": "E104",
                        "line": 2,
                        "column": 1,
                        "message": "The byte 0xB3 found here is not valid UTF-8.",
                        "hint": "Save the file as UTF-8.",
                    }
                ],
            },
        ]
    }


@pytest.mark.parametrize(("prompt", "expected"), [(b"1girl", 0), (b"<n>miku", 1)])
def test_a_dash_reads_standard_input(
    prompt: bytes,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(prompt)))
    assert run("-") == expected
    assert capsys.readouterr().out.startswith("<stdin>:")


def test_a_directory_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(str(tmp_path)) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 2
    assert "FILE" in capsys.readouterr().err
