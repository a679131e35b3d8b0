"""Encode prompts passage by passage, and make one condition a prompt of what comes out.

Prompts of one passage go through an encoder together, as one batch. The passages of a longer prompt
go one after the other, and only their real tokens are kept: each further passage costs memory for
its own tokens, and none for the work of encoding it.
"""

from collections.abc import Callable, Sequence

import torch

from newbie_pipeline.prompt.weights import WeightedText
from newbie_pipeline.text_conditioning import padded_width

# A prompt's passages, see `newbie_pipeline.prompt.passages`.
Passages = tuple[WeightedText, ...]
# Encodes passages, reading at most so many tokens of each: features [batch, tokens, features] and
# their mask [batch, tokens], padded on the right.
EncodeCaptions = Callable[[list[WeightedText], int], tuple[torch.Tensor, torch.Tensor]]
# Encodes passages into vectors [batch, features].
EncodePooled = Callable[[list[WeightedText]], torch.Tensor]


def joined_captions(
    prompts: Sequence[Passages],
    limits: Sequence[Sequence[int]],
    encode: EncodeCaptions,
    most: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give one caption a prompt, its passages joined along the sequence, and their mask.

    `limits` are the tokens that are read of each passage; those of prompts of one passage are all
    the same. No caption is padded beyond `most` tokens.
    """
    alone = [index for index, passages in enumerate(prompts) if len(passages) == 1]
    rows: list[list[torch.Tensor]] = [[] for _ in prompts]
    if alone:
        features, mask = encode([prompts[index][0] for index in alone], limits[alone[0]][0])
        if len(alone) == len(prompts):
            return features, mask
        for index, *row in zip(alone, features, mask, strict=True):
            rows[index].append(_real_tokens(*row))
    for index, (passages, tokens) in enumerate(zip(prompts, limits, strict=True)):
        if len(passages) > 1:
            pairs = zip(passages, tokens, strict=True)
            rows[index] = [_encode_alone(passage, limit, encode) for passage, limit in pairs]
    return _in_sequence(rows, most)


def averaged_pooled(prompts: Sequence[Passages], encode: EncodePooled) -> torch.Tensor:
    """Give one vector a prompt [batch, features]: the mean of its passages' vectors."""
    alone = [index for index, passages in enumerate(prompts) if len(passages) == 1]
    vectors: dict[int, torch.Tensor] = {}
    if alone:
        encoded = encode([prompts[index][0] for index in alone])
        if len(alone) == len(prompts):
            return encoded
        vectors.update(zip(alone, encoded, strict=True))
    for index, passages in enumerate(prompts):
        if index not in vectors:
            each = torch.stack([encode([passage])[0] for passage in passages])
            vectors[index] = each.float().mean(dim=0).to(each.dtype)
    return torch.stack([vectors[index] for index in range(len(prompts))])


def _encode_alone(passage: WeightedText, limit: int, encode: EncodeCaptions) -> torch.Tensor:
    features, mask = encode([passage], limit)
    return _real_tokens(features[0], mask[0])


def _real_tokens(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Copy what is no padding, so that the rest is let go."""
    return features[: int(mask.sum())].clone()


def _in_sequence(
    rows: Sequence[Sequence[torch.Tensor]], most: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay the parts of each row end to end, padded on the right with zeros."""
    lengths = [sum(len(part) for part in parts) for parts in rows]
    width = min(padded_width(max(lengths)), most)
    first = rows[0][0]
    features = first.new_zeros(len(rows), width, first.shape[1])
    mask = torch.zeros(len(rows), width, dtype=torch.long, device=first.device)
    for row, (parts, length) in enumerate(zip(rows, lengths, strict=True)):
        offset = 0
        for part in parts:
            features[row, offset : offset + len(part)] = part
            offset += len(part)
        mask[row, :length] = 1
    return features, mask
