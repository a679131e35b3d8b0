"""Texts as an encoder's tokens: how many there are, how many of them are read, what is cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newbie_pipeline.prompt.passages import CharacterEncoding

# What Gemma reads in one pass.
MAX_TOKENS = 512
# A caption of several passages: one less than the published model has caption positions.
MAX_JOINED_TOKENS = 1023


def most_caption_tokens(character_encoding: "CharacterEncoding") -> int:
    """Give the most tokens that a caption has, which is what memory is planned for."""
    return MAX_TOKENS if character_encoding == "whole" else MAX_JOINED_TOKENS


@dataclass(frozen=True)
class TokenRow:
    """One text: the `ids` that are read, the tokens of the `whole` text, what was `cut` off it."""

    ids: tuple[int, ...]
    whole: int
    cut: str = ""


@dataclass(frozen=True)
class TokenCount:
    """A whole prompt, the system prompt of each passage included; `cut` is empty if all fits."""

    whole: int
    read: int
    cut: str


def token_rows(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[TokenRow]:
    """Read texts as tokens, special ones included, at most `max_length` of each."""
    # verbose: transformers would warn about a limit that the text encoder does not have.
    rows: list[list[int]] = tokenizer(list(texts), verbose=False).input_ids
    return [
        _cut(tokenizer, text, ids, max_length)
        if len(ids) > max_length
        else TokenRow(tuple(ids), len(ids))
        for text, ids in zip(texts, rows, strict=True)
    ]


def token_counts(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Count the tokens of each whole text, special ones included."""
    return [len(ids) for ids in tokenizer(list(texts), verbose=False).input_ids]


def token_offsets(
    tokenizer: Any, text: str, max_length: int | None = None
) -> list[tuple[int, int]]:
    """Give start and end in the text of each token that is read; a special token is (0, 0).

    Needs a fast tokenizer (`tokenizer.is_fast`).
    """
    limit = {} if max_length is None else {"truncation": True, "max_length": max_length}
    encoded = tokenizer(text, verbose=False, return_offsets_mapping=True, **limit)
    offsets: list[tuple[int, int]] = encoded.offset_mapping
    return offsets


def shares(wanted: Sequence[int], limit: int, room: int) -> list[int]:
    """Share `room` out: at most `limit` for each; where that is too much, the longest get less.

    Those that get less than they want get the same, give or take one.
    """
    capped = [min(one, limit) for one in wanted]
    given = list(capped)
    order = sorted(range(len(capped)), key=capped.__getitem__)
    for rank, index in enumerate(order):
        given[index] = min(capped[index], room // (len(capped) - rank))
        room -= given[index]
    return given


def _cut(tokenizer: Any, text: str, ids: list[int], max_length: int) -> TokenRow:
    kept = tokenizer(text, truncation=True, max_length=max_length).input_ids
    # A kept row may end with special tokens, which are no part of the text.
    agreeing = takewhile(lambda pair: pair[0] == pair[1], zip(kept, ids, strict=False))
    first = sum(1 for _ in agreeing)
    if tokenizer.is_fast:
        cut = text[token_offsets(tokenizer, text)[first][0] :]
    else:
        cut = tokenizer.decode(ids[first:], skip_special_tokens=True)
    return TokenRow(tuple(kept), len(ids), cut)
