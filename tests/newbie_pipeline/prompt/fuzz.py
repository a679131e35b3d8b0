"""Fuzz the prompt language for a while and record the run in BENCHMARKS.md.

    python -m tests.newbie_pipeline.prompt.fuzz --seconds 300 --record

Every input is random pieces of markup, a whole prompt with mistakes of the kinds that people make,
either of them in some encoding, random bytes, or files of the test data with pieces put in, taken
out and joined. An input fails where anything but a PromptError is raised, where a place lies beyond
the text, or where an accepted prompt is not the same, or needs another repair, when its canonical
form or the text that the model is shown is read again.
"""

import argparse
import re
import sys
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.record import Table, add_row
from newbie_pipeline.prompt.errors import PromptError, PromptWarning
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.render import render
from newbie_pipeline.prompt.weights import read_weights
from tests.newbie_pipeline.prompt.strategies import (
    KNOWN_PIECES,
    PIECES,
    WILD_PIECES,
    encoded,
    mangled,
    texts,
)

PROMPTS = Path(__file__).parents[3] / "tests" / "data" / "prompts"
FUZZING = Table(
    "Fuzzing the prompt language",
    ("executions", "accepted", "seconds", "failures"),
    "python -m tests.newbie_pipeline.prompt.fuzz --seconds 300 --record",
)
EXAMPLES_A_ROUND = 2_000
FILES = [file.read_bytes() for file in sorted(PROMPTS.rglob("*.*")) if file.stat().st_size < 4_000]


@st.composite
def mutated_files(draw: st.DrawFn) -> bytes:
    """Files of the test data with a few pieces put in or taken out."""
    data = draw(st.sampled_from(FILES))
    if draw(st.booleans()):
        other = draw(st.sampled_from(FILES))
        start = draw(st.integers(0, len(other)))
        data = data[: draw(st.integers(0, len(data)))] + other[start:]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.sampled_from(PIECES + KNOWN_PIECES + WILD_PIECES) | st.binary(max_size=3))
        taken = draw(st.integers(0, 12))
        new = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass")
        data = data[:at] + new + data[at + taken :]
    return data


def hold(data: bytes | str) -> bool:
    """Check what must hold for this input; tell whether it is accepted."""
    try:
        prompt = parse(data)
    except PromptError as error:
        check_finding(data, error)
        return False
    for warning in prompt.warnings:
        check_finding(data, warning)
    canonical = render(prompt)
    again = parse(canonical, max_bytes=None)
    assert again == prompt
    assert render(again) == canonical == again.source
    shown = parse(prompt.source, max_bytes=None)
    assert shown == prompt
    assert shown.source == prompt.source
    assert not any(warning.code.is_repair for warning in again.warnings + shown.warnings)
    read_weights(prompt.source)
    return True


def check_finding(data: bytes | str, finding: PromptError | PromptWarning) -> None:
    """Check that a refusal or warning says something, on one line, about a place in the text."""
    sentences = (finding.message, finding.hint, str(finding))
    assert all(sentence and sentence.isprintable() for sentence in sentences)
    assert (finding.line is None) is (finding.column is None)
    if finding.line is not None and finding.column is not None and isinstance(data, str):
        lines = re.split(r"\r\n|\r|\n", data.lstrip("\ufeff"))
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1


def main() -> int:
    """Fuzz until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--record", action="store_true", help="add a row to BENCHMARKS.md")
    args = parser.parse_args()
    counts = {"executions": 0, "accepted": 0, "failures": 0}
    started = time.monotonic()

    @settings(
        max_examples=EXAMPLES_A_ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(texts | mangled() | encoded | st.binary() | mutated_files())
    def one_round(data: bytes | str) -> None:
        counts["executions"] += 1
        counts["accepted"] += hold(data)

    while time.monotonic() - started < args.seconds:
        try:
            one_round()
        except Exception:  # whatever it is, it is what we look for
            counts["failures"] += 1
            traceback.print_exc()
    seconds = time.monotonic() - started
    figures = (counts["executions"], counts["accepted"], f"{seconds:.0f}", counts["failures"])
    print(dict(zip(FUZZING.columns, figures, strict=True)))
    if args.record:
        print(add_row(FUZZING, [str(figure) for figure in figures]))
    return 1 if counts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
