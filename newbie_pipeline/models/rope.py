"""Rotary positions of the Next-DiT: three axes, interleaved pairs.

Each token has a position (caption index, row, column). Every axis turns its own slice of the head's
channels: channels 2k and 2k+1 form a pair that is rotated by position / theta**(2k / axis_dim).
"""

from dataclasses import dataclass

import torch

ROPE_THETA = 10000.0


@dataclass(frozen=True)
class RotaryTable:
    """Cosines and sines of every token, each float32 [batch, tokens, 1, head_dim / 2]."""

    cos: torch.Tensor
    sin: torch.Tensor

    def slice(self, start: int, stop: int) -> "RotaryTable":
        """Keep the tokens from start up to, but not including, stop."""
        return RotaryTable(self.cos[:, start:stop], self.sin[:, start:stop])


def rotary_table(positions: torch.Tensor, axes_dims: tuple[int, ...]) -> RotaryTable:
    """Turn positions [batch, tokens, axes] into the table of their rotations.

    Angles are multiplied in float64 and rounded to float32 before the cosine, as in training; the
    order shows at positions beyond a few hundred. The work is small and done where `positions` lie.
    """
    angles = []
    for axis, width in enumerate(axes_dims):
        exponent = torch.arange(0, width, 2, dtype=torch.float64, device=positions.device) / width
        angles.append(positions[..., axis, None].double() * (1.0 / ROPE_THETA**exponent))
    angle = torch.cat(angles, dim=-1).float().unsqueeze(2)
    return RotaryTable(angle.cos(), angle.sin())


def rotate(hidden_states: torch.Tensor, table: RotaryTable) -> torch.Tensor:
    """Rotate queries or keys [batch, tokens, heads, head_dim] by their tokens' positions."""
    even, odd = hidden_states.float().unflatten(-1, (-1, 2)).unbind(-1)
    rotated = torch.stack(
        (even * table.cos - odd * table.sin, even * table.sin + odd * table.cos), dim=-1
    )
    return rotated.flatten(-2).to(hidden_states.dtype)


def image_positions(rows: int, columns: int, caption_length: int) -> torch.Tensor:
    """Give the positions [rows * columns, 3] of an image's patches, row by row.

    All patches share axis 0: it continues the caption, so it is their own caption's length.
    """
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    axis_0 = torch.full_like(row, caption_length)
    return torch.stack((axis_0, row, column), dim=-1).flatten(0, 1)


def caption_positions(tokens: int) -> torch.Tensor:
    """Give the positions [tokens, 3] of a caption: axis 0 counts, the others stay 0."""
    positions = torch.zeros(tokens, 3, dtype=torch.long)
    positions[:, 0] = torch.arange(tokens)
    return positions
