"""Rotary positions of the Next-DiT: three axes, interleaved pairs.

Each token has a position (caption index, row, column). Every axis turns its own slice of the head's
channels: channels 2k and 2k+1 form a pair that is rotated by position / theta**(2k / axis_dim).
A table holds cosine and sine of every token and pair, [batch or 1, tokens, 1, head_dim / 2, 2] in
float32, so that eager code can read it as complex numbers without a copy.
"""

import torch

ROPE_THETA = 10000.0


def rotary_table(positions: torch.Tensor, axes_dims: tuple[int, ...]) -> torch.Tensor:
    """Turn positions [batch, tokens, axes] into the table of their rotations.

    Angles are multiplied in float64 and rounded to float32 before the cosine, as in training; the
    order shows at positions beyond a few hundred. On Apple's GPUs, which lack float64, the table
    is computed on the CPU.
    """
    device = positions.device
    if device.type == "mps":
        positions = positions.cpu()
    angles = []
    for axis, width in enumerate(axes_dims):
        exponent = torch.arange(0, width, 2, dtype=torch.float64, device=positions.device) / width
        angles.append(positions[..., axis, None].double() * (1.0 / ROPE_THETA**exponent))
    angle = torch.cat(angles, dim=-1).float().unsqueeze(2)
    if torch.compiler.is_compiling():
        return torch.stack((angle.cos(), angle.sin()), dim=-1).to(device)
    # The reference's way to the cosine: its last digit differs from that of Tensor.cos.
    return torch.view_as_real(torch.polar(torch.ones_like(angle), angle)).to(device)


def rotate(hidden_states: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Rotate queries or keys [batch, tokens, heads, head_dim] by their tokens' positions."""
    pairs = hidden_states.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():
        # The compiler fuses plain arithmetic; complex numbers it would leave as they are.
        (even, odd), (cos, sin) = pairs.unbind(-1), table.unbind(-1)
        rotated = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    else:
        # One pass over memory, and the rounding of the reference implementation.
        rotated = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table))
    return rotated.flatten(-2).to(hidden_states.dtype)


def caption_positions(tokens: int, device: torch.device) -> torch.Tensor:
    """Give the positions [tokens, 3] of a caption: axis 0 counts, the others stay 0."""
    count = torch.arange(tokens, device=device)
    zero = torch.zeros_like(count)
    return torch.stack((count, zero, zero), dim=-1)


def joint_positions(
    lengths: torch.Tensor, tokens: int, rows: int, columns: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the positions [batch, tokens, 3] of caption, image and padding, in this order.

    `lengths` [batch] are the captions'. All patches of an image share axis 0: it continues the
    caption, so it is their own caption's length. Padding lies at 0. The second tensor
    [batch, tokens] is each token's index among its image's patches, negative within the caption
    and at least rows * columns in the padding.
    """
    patch = torch.arange(tokens, device=lengths.device) - lengths.unsqueeze(1)
    in_caption, in_image = patch < 0, (patch >= 0) & (patch < rows * columns)
    place = torch.where(in_image, patch, 0)
    axis_0 = torch.where(in_caption, patch, 0) + torch.where(
        in_caption | in_image, lengths.unsqueeze(1), 0
    )
    return torch.stack((axis_0, place // columns, place % columns), dim=-1), patch
