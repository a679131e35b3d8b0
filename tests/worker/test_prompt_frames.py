"""What became of a prompt crosses the socket whole, and what is malformed is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode, AssistNote
from newbie_pipeline.render import RenderSpec, Truncation
from tests.worker.conftest import job
from worker.client import spec_of
from worker.errors import BadFrame
from worker.prompt_frames import (
    MAX_ADDITIONS,
    MAX_ASSISTED_BYTES,
    MAX_CUT_CHARACTERS,
    pack_assisted,
    pack_truncation,
    read_assisted,
    read_spec,
    read_truncation,
)
from worker.wire import MAX_HEADER_BYTES, pack

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(
    TEXTS.filter(str.strip),
    st.lists(st.builds(Addition, place=TEXTS, text=TEXTS), max_size=5).map(tuple),
    st.none() | st.sampled_from(AssistNote),
)
def test_what_the_language_model_did_is_read_back(
    prompt: str, additions: tuple[Addition, ...], note: AssistNote | None
) -> None:
    assisted = Assisted(prompt, additions, note)
    assert read_assisted(pack_assisted(assisted)) == assisted


@pytest.mark.parametrize("character", ["x", "é", "長", "😀", '"', "\\"])
def test_the_longest_prompt_crosses_with_everything_added_to_it(character: str) -> None:
    longest = character * (65_536 // len(character.encode()))
    additions = tuple(Addition(f"character_{n}/clothing", "長" * 500) for n in range(128))
    assisted = Assisted(longest + "".join(each.text for each in additions), additions)
    assert read_assisted(pack_assisted(assisted)) == assisted
    # A request of that length fits into a frame's header.
    request = job(prompt=longest, negative_prompt=character * 4_000).request
    assert len(pack({"type": "render", "spec": spec_of(request)})) < MAX_HEADER_BYTES


GOOD: dict[str, Any] = {"prompt": "x", "additions": [{"place": "a", "text": "b"}], "note": None}


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": ""},
        {"prompt": " \n"},
        {"prompt": None},
        {"prompt": 7},
        {"additions": None},
        {"additions": ["b"]},
        {"additions": [{"place": "a"}]},
        {"additions": [{"place": "a", "text": 1}]},
        {"additions": [{"place": "a", "text": "b"}] * (MAX_ADDITIONS + 1)},
        {"note": "bored"},
        {"prompt": "\ud800"},
        {"prompt": "x" * MAX_ASSISTED_BYTES},
    ],
)
def test_what_is_no_completed_prompt_is_refused(change: dict[str, Any]) -> None:
    assert read_assisted(json.dumps(GOOD).encode())
    with pytest.raises(BadFrame):
        read_assisted(json.dumps({**GOOD, **change}).encode())


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{", b"\xff", b'{"prompt":"x"'])
def test_what_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        read_assisted(payload)


@pytest.mark.parametrize(
    "truncation", [None, Truncation(513, 512, ""), Truncation(70_000, 512, "終わり")]
)
def test_what_was_cut_off_is_read_back(truncation: Truncation | None) -> None:
    data = json.loads(json.dumps(pack_truncation(truncation)))
    assert read_truncation(data) == truncation


def test_only_the_beginning_of_what_was_cut_off_crosses() -> None:
    data = pack_truncation(Truncation(70_000, 512, "長" * 65_536))
    assert read_truncation(data) == Truncation(70_000, 512, "長" * MAX_CUT_CHARACTERS)


@pytest.mark.parametrize(
    "data",
    [
        7,
        [],
        {},
        {"tokens": 700, "limit": 512},
        {"tokens": 512, "limit": 512, "cut": "x"},
        {"tokens": 700, "limit": 0, "cut": "x"},
        {"tokens": "many", "limit": 512, "cut": "x"},
        {"tokens": 700, "limit": 512, "cut": None},
        {"tokens": 700, "limit": 512, "cut": "x" * (MAX_CUT_CHARACTERS + 1)},
    ],
)
def test_what_is_no_truncation_is_refused(data: object) -> None:
    with pytest.raises(BadFrame):
        read_truncation(data)


@pytest.mark.parametrize("mode", ["off", "complete", "structure"])
def test_a_request_says_which_help_it_wants(mode: str) -> None:
    spec = read_spec(json.loads(json.dumps(spec_of(job(assist=mode).request))))
    assert spec == RenderSpec("1girl", "", 1024, 1024, 2, 4.0, (3,), AssistMode(mode))


def test_a_request_that_says_nothing_wants_no_help() -> None:
    fields = spec_of(job().request)
    del fields["assist"]
    assert read_spec(fields).assist is AssistMode.OFF


@pytest.mark.parametrize("mode", ["", "improve", None, 7])
def test_a_request_for_help_that_does_not_exist_is_refused(mode: object) -> None:
    with pytest.raises(ValueError, match="AssistMode"):
        read_spec({**spec_of(job().request), "assist": mode})
