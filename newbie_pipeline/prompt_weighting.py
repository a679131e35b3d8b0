"""Weights of a prompt, applied to the features that Gemma has made of its tokens.

- A token's feature f becomes m + w * (f - m), and is then scaled back to the norm that f had; m is
  the mean over all real tokens of that prompt, system prompt included, before any weight.
- The norm is kept token by token. The transformer begins with an RMS norm of each caption token, so
  a token acts by its direction alone. Scaling a whole prompt back, as some nodes do, would change
  nothing that the transformer sees, and would touch the tokens that have no weight.
- A token's weight is the mean of its characters' weights. Blanks at a token's edges do not count,
  where it has anything else: Gemma's tokens hold the space before a word. The tokens of one
  character that was taken apart into bytes have that character's weight, special tokens have 1.
- Tokens whose weight is 1, padding, and prompts without weights stay as they are, bit for bit.
- It is computed in float32, whatever the features' type.
"""

from bisect import bisect_right
from collections.abc import Sequence

import torch

from newbie_pipeline.prompt.weights import WeightSpan

# Start and end of the text that a token stands for; both are 0 for special tokens.
Offset = tuple[int, int]


def token_weights(
    text: str, offsets: Sequence[Offset], spans: Sequence[WeightSpan]
) -> tuple[float, ...]:
    """Give each token's weight; `offsets` and `spans` count the characters of `text`."""
    ends = [span.end for span in spans]
    weights = []
    for offset in offsets:
        start, end = _without_blank_edges(text, *offset)
        moved = 0.0
        for index in range(bisect_right(ends, start), len(spans)):
            span = spans[index]
            if span.start >= end:
                break
            if span.start <= start and span.end >= end:
                moved = span.weight - 1.0
                break
            common = min(end, span.end) - max(start, span.start)
            moved += (span.weight - 1.0) * common / (end - start)
        weights.append(1.0 + moved)
    return tuple(weights)


def weighted_features(
    features: torch.Tensor,
    attention_mask: torch.Tensor,
    weights: Sequence[Sequence[float] | None],
) -> torch.Tensor:
    """Weigh features [batch, tokens, features]; each prompt has a weight per real token, or None.

    Gives the same tensor where no weight is other than 1.
    """
    result = features
    for row, of_tokens in enumerate(weights):
        changed = [index for index, weight in enumerate(of_tokens or ()) if weight != 1.0]
        if of_tokens is None or not changed:
            continue
        if result is features:
            result = features.clone()
        index = torch.tensor(changed, device=features.device)
        factors = [[of_tokens[one]] for one in changed]
        factor = torch.tensor(factors, dtype=torch.float32, device=features.device)
        mean = features[row][attention_mask[row].bool()].float().mean(dim=0)
        own = features[row, index].float()
        moved = with_norm_of(own, away_from_mean(own, mean, factor))
        # One value can take over the norm of a whole feature, which float16 may not hold.
        most = torch.finfo(features.dtype).max
        result[row, index] = moved.clamp(-most, most).to(features.dtype)
    return result


def away_from_mean(
    features: torch.Tensor, mean: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Move features [tokens, features] so that each is `weights` [tokens, 1] times as far off."""
    return mean + weights * (features - mean)


def with_norm_of(features: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """Scale each moved feature to the norm that it had; a zero stays one."""
    wanted = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    have = torch.linalg.vector_norm(moved, dim=-1, keepdim=True)
    return moved / have.clamp_min(torch.finfo(have.dtype).tiny) * wanted


def _without_blank_edges(text: str, start: int, end: int) -> Offset:
    piece = text[start:end]
    word = piece.strip()
    if not word:
        return start, end
    start += len(piece) - len(piece.lstrip())
    return start, start + len(word)
