"""The average of the weights, by its formula."""

import torch
from torch import nn

from newbie_pipeline.training.ema import Ema


def model(value):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def test_the_average_follows_the_formula():
    layer = model(0.0)
    ema = Ema(layer, decay=0.9)
    expected = 0.0
    for step, value in enumerate((1.0, 2.0, -3.0), 1):
        nn.init.constant_(layer.weight, value)
        ema.update()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    ema.apply()
    torch.testing.assert_close(layer.weight.item(), expected)


def test_after_many_steps_the_decay_is_the_one_that_was_asked_for():
    layer = model(0.0)
    ema = Ema(layer, decay=0.5)
    for _ in range(20):
        ema.update()
    nn.init.constant_(layer.weight, 1.0)
    ema.update()
    ema.apply()
    torch.testing.assert_close(layer.weight.item(), 0.5)


def test_applied_for_a_while_the_weights_come_back():
    layer = model(1.0)
    ema = Ema(layer, decay=0.9)
    nn.init.constant_(layer.weight, 5.0)
    with ema.applied():
        assert layer.weight.item() == 1.0
    assert layer.weight.item() == 5.0


def test_what_is_frozen_is_not_averaged():
    pair = nn.Sequential(model(1.0), model(2.0).requires_grad_(False))
    ema = Ema(pair, decay=0.9)
    nn.init.constant_(pair[1].weight, 7.0)
    ema.apply()
    assert pair[1].weight.item() == 7.0
    assert set(ema.state_dict()["average"]) == {"0.weight"}
