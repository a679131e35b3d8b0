"""What Gemma's tokenizer makes of a prompt's passages: tokens, their limits and their weights.

Nothing is encoded here, and no device is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.prompt.weights import WeightedText
from newbie_pipeline.prompt_weighting import token_weights
from newbie_pipeline.text_conditioning import with_system_prompt
from newbie_pipeline.tokens import TokenCount, shares, token_counts, token_offsets, token_rows


@dataclass(frozen=True)
class CaptionReader:
    """Reads at most `limit` tokens of a passage, system prompt included, and `room` of a prompt."""

    tokenizer: Any
    system_prompt: str
    limit: int
    room: int

    def caption(self, passage: WeightedText) -> str:
        """Give the text that Gemma reads; it ends with the passage."""
        return with_system_prompt(passage.text, self.system_prompt)

    def limits(self, passages: Sequence[WeightedText]) -> list[int]:
        """Give how many tokens of each passage are read, so that all have room in one caption.

        Raises RenderInputError where there is no token for each.
        """
        if len(passages) == 1:
            return [self.limit]
        wanted = token_counts(self.tokenizer, [self.caption(passage) for passage in passages])
        given = shares(wanted, self.limit, self.room)
        if min(given) < 1:
            raise RenderInputError(
                f"{len(passages)} characters cannot share the {self.room} tokens of one caption: "
                "encode this prompt whole"
            )
        return given

    def weights(self, passage: WeightedText, limit: int) -> tuple[float, ...] | None:
        """Give a weight for each of the `limit` tokens that are read; None where none has one.

        Raises RenderInputError where the tokenizer does not tell where its tokens stand.
        """
        if not passage.spans:
            return None
        if not self.tokenizer.is_fast:
            raise RenderInputError(
                "weights in a prompt need a fast tokenizer, which tells where its tokens stand: "
                "load one, or turn prompt_weights off"
            )
        caption = self.caption(passage)
        before = len(caption) - len(passage.text)
        spans = [span.moved(before) for span in passage.spans]
        return token_weights(caption, token_offsets(self.tokenizer, caption, limit), spans)

    def count(self, passages: Sequence[WeightedText]) -> TokenCount:
        """Count the tokens of a prompt, those that are read, and give what is cut off.

        Raises what `limits` raises.
        """
        limits = self.limits(passages)
        rows = [
            token_rows(self.tokenizer, [self.caption(passage)], limit)[0]
            for passage, limit in zip(passages, limits, strict=True)
        ]
        return TokenCount(
            whole=sum(row.whole for row in rows),
            read=sum(len(row.ids) for row in rows),
            cut="\n".join(row.cut for row in rows if row.cut),
        )
