"""How many tokens a text has, what is read of it, and how passages share the room of a caption."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newbie_pipeline.caption_reading import CaptionReader
from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.prompt.weights import WeightedText
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer
from newbie_pipeline.tokens import shares, token_counts, token_rows

TOKENIZER = gemma_tokenizer()
# A busy machine is no reason to fail.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class WithoutOffsets(type(TOKENIZER)):
    """A tokenizer that does not tell where its tokens stand, as slow ones do not."""

    is_fast = False


def passages(*texts):
    return tuple(WeightedText(text, ()) for text in texts)


@pytest.mark.parametrize(
    ("wanted", "limit", "room", "expected"),
    [
        ([100, 200], 512, 1023, [100, 200]),
        ([100, 600], 512, 1023, [100, 512]),
        ([100, 600, 500], 512, 800, [100, 350, 350]),
        ([600, 100, 500], 512, 801, [351, 100, 350]),
        ([5, 5, 5], 512, 2, [0, 1, 1]),
        ([], 512, 10, []),
    ],
)
def test_the_longest_passages_are_cut_first(wanted, limit, room, expected):
    assert shares(wanted, limit, room) == expected


@untimed
@given(st.lists(st.integers(0, 700), max_size=16), st.integers(1, 600), st.integers(0, 1023))
def test_shares_never_exceed_what_is_wanted_or_what_there_is(wanted, limit, room):
    given_shares = shares(wanted, limit, room)
    capped = [min(one, limit) for one in wanted]
    assert all(share <= one for share, one in zip(given_shares, capped, strict=True))
    assert sum(given_shares) == min(sum(capped), room)
    cut = [share for share, one in zip(given_shares, capped, strict=True) if share < one]
    if cut:
        assert max(given_shares) - min(cut) <= 1


def test_what_was_cut_is_the_end_of_the_text_as_it_was_written():
    text = "blue  sky, 初音ミク and\nthe <3 end"
    total = token_counts(TOKENIZER, [text])[0]
    for limit in range(1, total):
        (row,) = token_rows(TOKENIZER, [text], limit)
        assert (len(row.ids), row.whole) == (limit, total)
        assert text.endswith(row.cut)
        kept = TOKENIZER.decode(row.ids[1:])
        # A character of which some bytes are not read counts as cut off.
        assert kept == text[: -len(row.cut)] or "�" in kept
    (row,) = token_rows(TOKENIZER, [text], total)
    assert (len(row.ids), row.cut) == (total, "")


def test_a_tokenizer_without_offsets_tells_what_was_cut_from_its_tokens():
    slow = WithoutOffsets(tokenizer_object=TOKENIZER.backend_tokenizer, bos_token="<bos>")
    (row,) = token_rows(slow, ["blue sky and the end"], 6)
    assert "blue sky and the end".endswith(row.cut)
    assert row.cut.endswith("the end")


def test_weights_need_a_tokenizer_with_offsets_and_their_absence_does_not():
    slow = WithoutOffsets(tokenizer_object=TOKENIZER.backend_tokenizer, bos_token="<bos>")
    reader = CaptionReader(slow, SYSTEM_PROMPT, limit=512, room=1023)
    assert reader.weights(WeightedText("blue", ()), 512) is None
    with pytest.raises(RenderInputError, match="turn prompt_weights off"):
        reader.weights(WeightedText("blue", ((0, 4, 1.2),)), 512)


def test_a_prompt_is_counted_over_all_its_passages():
    reader = CaptionReader(TOKENIZER, "system", limit=30, room=50)
    long, short = "blue, " * 20 + "the end", "red"
    counts = token_counts(TOKENIZER, [f"system {long}", f"system {short}"])
    one = reader.count(passages(long))
    assert (one.whole, one.read) == (counts[0], 30)
    assert one.cut.endswith("the end")
    both = reader.count(passages(long, short))
    assert (both.whole, both.read, both.cut) == (sum(counts), 30 + counts[1], one.cut)
    three = reader.count(passages(long, short, long))
    assert three.read == 50
    assert three.cut.count("the end") == 2
    assert reader.count(passages(short)).cut == ""


def test_passages_that_have_no_token_each_are_refused():
    reader = CaptionReader(TOKENIZER, "", limit=512, room=3)
    assert reader.limits(passages("a", "b", "c")) == [1, 1, 1]
    with pytest.raises(RenderInputError, match="4 characters cannot share the 3 tokens"):
        reader.limits(passages("a", "b", "c", "d"))
