"""Who optimises what, and that our Muon is the Muon that PyTorch has."""

import pytest
import torch
from torch import nn

from newbie_pipeline.training.optimizers import (
    Muon,
    make_optimizers,
    orthogonalized,
    split_parameters,
)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.read = nn.Linear(3, 4)
        self.hidden = nn.Linear(4, 8)
        self.picture = nn.Conv2d(2, 4, 3)
        self.norm = nn.LayerNorm(4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.query = nn.Parameter(torch.zeros(2, 4))


def names(model, parameters):
    return {name for name, p in model.named_parameters() if any(p is q for q in parameters)}


def test_matrices_of_hidden_layers_go_to_muon_and_the_rest_to_adamw():
    model = Model()
    matrices, rest = split_parameters(model, outside=[model.read])
    assert names(model, matrices) == {"hidden.weight", "picture.weight"}
    assert names(model, rest) == {
        "words.weight",
        "read.weight",
        "read.bias",
        "hidden.bias",
        "picture.bias",
        "norm.weight",
        "norm.bias",
        "query",
    }


def test_what_is_not_outside_is_a_matrix():
    model = Model()
    assert "read.weight" in names(model, split_parameters(model)[0])


def test_each_parameter_has_one_optimizer_and_a_frozen_one_has_none():
    model = Model()
    optimizers = make_optimizers(model, matrix_lr=0.1, lr=0.01)
    assert [type(each) for each in optimizers] == [Muon, torch.optim.AdamW]
    held = [p for each in optimizers for g in each.param_groups for p in g["params"]]
    assert names(model, held) == {n for n, p in model.named_parameters() if p.requires_grad}
    assert len(held) == len(names(model, held))


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (8, 8)])
def test_an_update_has_singular_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    singular = torch.linalg.svdvals(orthogonalized(matrix))
    assert singular.min() > 0.5 and singular.max() < 1.3


@pytest.mark.parametrize("shape", [(6, 10), (10, 6)])
def test_steps_are_those_of_pytorchs_muon(shape):
    random = torch.Generator().manual_seed(2)
    start = torch.randn(shape, generator=random)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    own = Muon([ours], lr=0.05, weight_decay=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.05, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=random)
        theirs.grad = ours.grad.clone()
        own.step()
        reference.step()
    # PyTorch's iterates in bfloat16.
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved


def test_a_convolution_is_a_matrix_of_its_output_channels():
    weight = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(3))
    convolution, matrix = nn.Parameter(weight.clone()), nn.Parameter(weight.flatten(1).clone())
    for parameter in (convolution, matrix):
        parameter.grad = torch.ones_like(parameter)
        Muon([parameter], lr=0.1).step()
    assert torch.equal(convolution.flatten(1), matrix)


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(ValueError, match="two or more dimensions"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)
