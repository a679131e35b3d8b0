"""`newbie lint` as a user runs it: lines, JSON, stdin and exit codes."""

import argparse
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from newbie_cli import lint
from newbie_pipeline.prompt.errors import CATALOGUE, Code
from newbie_pipeline.prompt.parse import parse

PROMPTS = Path(__file__).parents[1] / "data" / "prompts"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    lint.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["lint", *arguments])
    return args.run(args)


def test_an_accepted_file_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "accept" / "community_full.xml")
    assert run(file) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_a_refused_file_gets_a_line_as_from_a_compiler(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "refuse" / "unclosed.xml")
    assert run(file) == 1
    assert capsys.readouterr().out == (
        f"{file}:3:3: error E301: The element <gender> is never closed. "
        "(Write </gender> where it ends, or &lt; if no tag is meant.)\n"
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
    bad = str(PROMPTS / "refuse" / "latin1.txt")
    assert run("--json", good, bad) == 1
    assert json.loads(capsys.readouterr().out) == {
        "files": [
            {"file": good, "ok": True, "fixed": False, "diagnostics": []},
            {
                "file": bad,
                "ok": False,
                "fixed": False,
                "diagnostics": [
                    {
                        "severity": "error",
                        "code": "E104",
                        "line": 2,
                        "column": 4,
                        "message": "The byte 0xE9 found here is not valid UTF-8.",
                        "hint": "Save the file as UTF-8.",
                    }
                ],
            },
        ]
    }


def test_tags_that_the_demo_model_does_not_know_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "tags.txt"
    file.write_text("1girl, blue hair, dragon wings, dragon_wings, night sky")
    assert run("--demo", str(file)) == 0
    assert capsys.readouterr().out == (
        f"{file}: ok\n{file}: the demo model does not know: dragon wings, dragon_wings\n"
    )
    assert run("--demo", "--json", str(file)) == 0
    [found] = json.loads(capsys.readouterr().out)["files"]
    assert found["unknown_to_demo"] == ["dragon wings", "dragon_wings"]


def test_the_demo_model_is_not_spoken_of_unasked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "tags.txt"
    file.write_text("1girl, dragon wings")
    assert run(str(file)) == 0
    assert run("--json", str(file)) == 0
    output = capsys.readouterr().out
    assert "does not know" not in output
    assert "unknown" not in output


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


def test_json_names_a_file_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good, missing = str(PROMPTS / "accept" / "plain_tags.txt"), str(tmp_path / "missing.xml")
    assert run("--json", missing, good) == 2
    unread, read = json.loads(capsys.readouterr().out)["files"]
    assert (unread["file"], unread["ok"]) == (missing, False)
    assert unread["unusable"] == "cannot be read: No such file or directory"
    assert read["ok"]
    assert "unusable" not in read


def test_a_file_without_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("/dev/zero") == 1
    assert ": error E102: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a\x1b[31mb.txt", "a\nb.txt", "a\u202eb.txt"])
def test_a_file_name_cannot_steer_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_text("1girl")
    assert run(str(tmp_path / name), str(tmp_path / f"no{name}")) == 2
    captured = capsys.readouterr()
    assert (captured.out.rstrip("\n") + captured.err.rstrip("\n")).isprintable()


def lint_in_a_process(*arguments: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "newbie_cli", "lint", *arguments]
    return subprocess.run(command, capture_output=True, check=False, **options)


def test_a_console_without_kanji_shows_them_escaped() -> None:
    file = str(PROMPTS / "repair" / "full_width_tags.xml")
    done = lint_in_a_process(file, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"W201: \\uff1ccharacter_1\\uff1e is written" in done.stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    file = str(PROMPTS / "accept" / "plain_tags.txt")
    command = [sys.executable, "-m", "newbie_cli", "lint", *[file] * 2_000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().endswith(b": ok\n")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_directory_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(str(tmp_path)) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--fix", "-"), ("--explain", "E999")])
def test_a_wrong_command_line_is_a_usage_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("newbie lint: ")
    assert captured.out == ""


def test_a_warning_gets_a_line_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(PROMPTS / "repair" / "misspelt_end.xml")
    before = Path(file).read_bytes()
    assert run(file) == 0
    assert capsys.readouterr().out == (
        f"{file}:2:35: warning W304: </apearance> closes <appearance>; its name was corrected. "
        "(Write the end tag with exactly the name of its start tag.)\n"
    )
    assert Path(file).read_bytes() == before


@pytest.mark.parametrize("file", sorted((PROMPTS / "repair").iterdir()), ids=lambda file: file.name)
def test_a_fixed_file_has_nothing_left_to_fix(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    assert run("--fix", "--json", str(copy)) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert report["ok"]
    assert report["fixed"] is (file.name != "nested_characters.xml")
    assert parse(copy.read_bytes()) == parse(file.read_bytes())
    fixed = copy.read_bytes()
    assert run("--fix", "--json", str(copy)) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert not report["fixed"]
    assert copy.read_bytes() == fixed
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_fix_keeps_comments_and_corrects_the_declaration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.xml"
    text = '<?xml version="1.0" encoding="GBK"?>\n<!-- 注 -->\n<caption>初音</caption>\n'
    file.write_bytes(text.encode())
    assert run("--fix", str(file)) == 0
    assert file.read_bytes() == text.replace("GBK", "UTF-8").encode()
    assert ": fixed W103: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["accept/declared_gb2312_crlf.xml", "refuse/crossed.xml"])
def test_fix_leaves_other_files_as_they_are(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes((PROMPTS / name).read_bytes())
    run("--fix", str(file))
    assert file.read_bytes() == (PROMPTS / name).read_bytes()


def a_mistake(file: Path, mode: int = 0o640) -> bytes:
    file.write_bytes(b"<n>miku</ n>\n")
    file.chmod(mode)
    return file.read_bytes()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_fix_keeps_the_permissions_and_a_link(mode: int, tmp_path: Path) -> None:
    file, link = tmp_path / "a.xml", tmp_path / "link.xml"
    a_mistake(file, mode)
    link.symlink_to(file)
    assert run("--fix", str(link)) == 0
    assert link.is_symlink()
    assert file.read_bytes() == b"<n>miku</n>\n"
    assert file.stat().st_mode & 0o7777 == mode


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_fix_keeps_the_line_ends_and_writes_utf8(codec: str, line_end: str, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    lines = ["<character_1>", "  <n>蓝色的头发</ n>", "  <!-- 注 -->", "</character_1>", ""]
    file.write_bytes(line_end.join(lines).encode(codec))
    assert run("--fix", str(file)) == 0
    lines[1] = "  <n>蓝色的头发</n>"
    assert file.read_bytes() == line_end.join(lines).encode()


def test_fix_writes_nothing_where_nothing_is_to_repair(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes((PROMPTS / "hint" / "unknown_elements.xml").read_bytes())
    before = file.stat()
    assert run("--fix", str(file)) == 0
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("failing", ["fsync", "replace", "chmod"])
def test_a_file_that_cannot_be_written_stays_whole(
    failing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "a.xml"
    before = a_mistake(file)
    monkeypatch.setattr(os if failing == "fsync" else Path, failing, fail)
    assert run("--fix", str(file)) == 2
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.xml"]


def test_fix_does_not_replace_a_file_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = Path.open

    def refuse(path: Path, mode: str) -> object:  # what root never meets
        if mode != "rb":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, mode)

    file = tmp_path / "a.xml"
    before = a_mistake(file)
    monkeypatch.setattr(Path, "open", refuse)
    assert run("--fix", str(file)) == 2
    assert capsys.readouterr().err == f"{file}: cannot be written: Permission denied\n"
    monkeypatch.undo()
    assert file.read_bytes() == before


def test_fix_writes_only_regular_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe.xml"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"printf '<n>a</ n>' > '{pipe}'"]) as writer:
        assert run("--fix", str(pipe)) == 2
        assert writer.wait() == 0
    assert "not a regular file" in capsys.readouterr().err
    assert pipe.is_fifo()


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained_with_an_example(
    code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--explain", code.value.lower()) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{'warning' if code.is_warning else 'error'} {code.value}: ")
    assert CATALOGUE[code].hint in out
    assert len(out) < 800
