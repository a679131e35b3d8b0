"""What the model is shown and what it is to say, by values computed by hand."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from newbie_pipeline.solvers import even_sigmas, make_scheduler, set_schedule
from newbie_pipeline.text_conditioning import TextCondition
from newbie_pipeline.training.flow_matching import (
    FlowBatch,
    FlowMatchingLoss,
    noised,
    sample_times,
    shifted,
    velocity_target,
)

NO_CAPTION = TextCondition(torch.zeros(2, 1, 1), torch.ones(2, 1), torch.zeros(2, 1))


def generator(seed=0):
    return torch.Generator("cpu").manual_seed(seed)


class Says(nn.Module):
    """Says the same velocity everywhere, and keeps what it was shown."""

    def __init__(self, velocity):
        super().__init__()
        self.velocity = velocity

    def forward(self, hidden_states, timestep, **_):
        self.shown = (hidden_states, timestep)
        return SimpleNamespace(sample=torch.full_like(hidden_states, self.velocity))


def test_a_sample_lies_on_the_line_from_noise_at_0_to_image_at_1():
    latents, noise = torch.full((3, 1, 1, 1), 8.0), torch.full((3, 1, 1, 1), -2.0)
    points = noised(latents, noise, torch.tensor([0.0, 0.25, 1.0]))
    assert points.flatten().tolist() == [-2.0, 0.5, 8.0]


def test_the_velocity_is_data_minus_noise_and_leads_from_any_point_to_the_image():
    latents, noise = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    t = torch.tensor([0.2, 0.7])
    velocity = velocity_target(latents, noise)
    reached = noised(latents, noise, t) + (1 - t).view(2, 1, 1, 1) * velocity
    torch.testing.assert_close(reached, latents)


def test_the_loss_is_the_mean_squared_error_of_the_velocity():
    # Latents are 3 everywhere and the model says 1, so it is off by 2 - noise.
    model = Says(1.0)
    latents = torch.full((2, 1, 2, 2), 3.0)
    loss = FlowMatchingLoss(model, shift=2.0)(FlowBatch(latents, NO_CAPTION), generator())["loss"]
    other = generator()
    t = sample_times(2, 2.0, other)
    noise = torch.randn(latents.shape, generator=other)
    assert float(loss) == pytest.approx(float(((2.0 - noise) ** 2).mean()))
    torch.testing.assert_close(model.shown[0], noised(latents, noise, t))
    torch.testing.assert_close(model.shown[1], t)


@pytest.mark.parametrize(("u", "t"), [(0.0, 0.0), (0.5, 1 / 7), (0.9, 0.6), (1.0, 1.0)])
def test_times_are_shifted_by_the_official_formula(u, t):
    assert float(shifted(torch.tensor(u), 6.0)) == pytest.approx(t)


def test_the_shift_is_that_of_the_samplers_schedule():
    steps = 7
    ts = set_schedule(make_scheduler("euler", 6.0), even_sigmas(steps), torch.device("cpu"))
    expected = shifted(torch.arange(steps) / steps, 6.0)
    torch.testing.assert_close(torch.tensor(ts), expected, atol=1e-6, rtol=0)


def test_a_batch_has_one_time_in_each_slice_in_random_order():
    t = sample_times(64, 1.0, generator())
    assert sorted((t * 64).floor().int().tolist()) == list(range(64))
    assert (t * 64).floor().int().tolist() != list(range(64))


def test_the_same_generator_gives_the_same_times_and_another_others():
    first, again = sample_times(8, 3.0, generator()), sample_times(8, 3.0, generator())
    assert first.tolist() == again.tolist() != sample_times(8, 3.0, generator(1)).tolist()
