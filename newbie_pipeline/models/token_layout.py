"""Where caption, image and padding lie in the sequence that the joint layers see.

Three layouts, all made once per prompt and size: captions of equal length need no padding at all;
captions of different lengths are padded behind the image and masked, or, for attention backends
that take no mask, packed one sample after the other so that no padding token exists. What is read
of a layout is the same for all three, and nothing here looks at a tensor's values on the host, so
that it can be compiled.
"""

from typing import NamedTuple

import torch

from newbie_pipeline.models.rope import joint_positions, rotary_table


class Segments(NamedTuple):
    """Samples packed into one row: tokens of each, where each starts (int32), each token's sample.

    `offsets` [samples + 1] ends with the total, as variable-length attention wants it.
    """

    lengths: tuple[int, ...]
    offsets: torch.Tensor
    sample_of_token: torch.Tensor


class TokenLayout(NamedTuple):
    """A layout for one batch of captions and one size of image.

    `rotary` is the table of all tokens, `image_rotary` that of the image's alone. `joint_index`
    picks each token out of captions, images and one row of zeros laid end to end, `image_index` the
    image's out of all tokens; both are None when no caption is shorter than another. `key_mask`
    [batch, tokens] is True at tokens that count. At most one of `key_mask` and `segments` is set.
    """

    rows: int
    columns: int
    rotary: torch.Tensor
    image_rotary: torch.Tensor
    joint_index: torch.Tensor | None = None
    image_index: torch.Tensor | None = None
    key_mask: torch.Tensor | None = None
    segments: Segments | None = None


def segments_of(lengths: tuple[int, ...], device: torch.device) -> Segments:
    """Describe samples of these lengths, laid end to end."""
    counts = torch.tensor(lengths, device=device)
    offsets = torch.nn.functional.pad(counts.cumsum(0, dtype=torch.int32), (1, 0))
    samples = torch.arange(len(lengths), device=device)
    return Segments(lengths, offsets, samples.repeat_interleave(counts))


def even_layout(
    caption_length: int, rows: int, columns: int, axes_dims: tuple[int, ...], device: torch.device
) -> TokenLayout:
    """Lay out captions that are all of one length: no padding, no mask, one table for all."""
    lengths = torch.full((1,), caption_length, device=device)
    positions, _ = joint_positions(lengths, caption_length + rows * columns, rows, columns)
    rotary = rotary_table(positions, axes_dims)
    return TokenLayout(rows, columns, rotary, rotary[:, caption_length:])


def padded_layout(
    lengths: torch.Tensor, longest: int, rows: int, columns: int, axes_dims: tuple[int, ...]
) -> TokenLayout:
    """Lay out captions [batch] of at most `longest` tokens, padded behind the image."""
    batch, patches, device = len(lengths), rows * columns, lengths.device
    positions, patch = joint_positions(lengths, longest + patches, rows, columns)
    rotary = rotary_table(positions, axes_dims)
    sample = torch.arange(batch, device=device).unsqueeze(1)
    of_caption = sample * longest + patch + lengths.unsqueeze(1)
    of_image = batch * longest + sample * patches + patch
    joint_index = torch.where(patch < 0, of_caption, of_image)
    joint_index = torch.where(patch < patches, joint_index, batch * (longest + patches))
    image_index = _image_index(lengths, sample * (longest + patches), patches)
    return TokenLayout(
        rows,
        columns,
        rotary,
        rotary.flatten(0, 1)[image_index].unflatten(0, (batch, patches)),
        joint_index.flatten(),
        image_index,
        key_mask=patch < patches,
    )


def packed_layout(
    lengths: tuple[int, ...],
    longest: int,
    rows: int,
    columns: int,
    axes_dims: tuple[int, ...],
    *,
    device: torch.device,
) -> TokenLayout:
    """Lay out captions of these lengths, stored padded to `longest`, without any padding token."""
    patches = rows * columns
    counts = torch.tensor(lengths, device=device)
    padded = padded_layout(counts, longest, rows, columns, axes_dims)
    every = padded.joint_index
    segments = segments_of(tuple(length + patches for length in lengths), device)
    counting = torch.arange(longest + patches, device=device)
    kept = (counting < counts.unsqueeze(1) + patches).flatten().nonzero().squeeze(1)
    return padded._replace(
        rotary=padded.rotary.flatten(0, 1)[kept].unsqueeze(0),
        joint_index=None if every is None else every[kept],
        image_index=_image_index(counts, segments.offsets[:-1].unsqueeze(1), patches),
        key_mask=None,
        segments=segments,
    )


def join(layout: TokenLayout, caption: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Lay captions [batch, longest, dim] and images [batch, patches, dim] out as one sequence."""
    if layout.joint_index is None:
        return torch.cat((caption, image), dim=1)
    nothing = image.new_zeros(1, image.shape[2])
    tokens = torch.cat((caption.flatten(0, 1), image.flatten(0, 1), nothing))[layout.joint_index]
    return tokens.unflatten(0, (1 if layout.segments else len(image), -1))


def image_part(layout: TokenLayout, tokens: torch.Tensor, batch: int) -> torch.Tensor:
    """Take the image's tokens [batch, patches, width] out of the sequence."""
    patches = layout.rows * layout.columns
    if layout.image_index is None:
        return tokens[:, -patches:]
    return tokens.flatten(0, 1)[layout.image_index].unflatten(0, (batch, patches))


def _image_index(lengths: torch.Tensor, starts: torch.Tensor, patches: int) -> torch.Tensor:
    patch = torch.arange(patches, device=lengths.device)
    return (starts + lengths.unsqueeze(1) + patch).flatten()
