"""The loop with a real small model: the same numbers whether it was interrupted or not."""

import os
import signal

import pytest
import torch
from torch import nn

from newbie_pipeline.errors import TrainingError, TrainingStopped
from newbie_pipeline.training.ema import Ema
from newbie_pipeline.training.loop import Run, train
from newbie_pipeline.training.optimizers import make_optimizers
from newbie_pipeline.training.schedules import Trapezoid
from newbie_pipeline.training.stopping import stopped_by_signals

STEPS = 12


def new_run(state=None, seed=3, steps=STEPS, dropout=0.1, facts=None):
    """Make a run whose loss draws from its generator, and whose model from torch's own numbers."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(dropout), nn.Tanh(), nn.Linear(8, 2))

    def batches(step):
        return torch.randn(5, 4, generator=torch.Generator().manual_seed(100 + step))

    def loss(batch, generator):
        target = batch[:, :2] + 0.1 * torch.randn(5, 2, generator=generator)
        return {"loss": (model(batch) - target).square().mean()}

    return Run(
        name="small",
        module=model,
        optimizers=make_optimizers(model, matrix_lr=0.02, lr=0.02),
        batches=batches,
        loss=loss,
        schedule=Trapezoid(steps),
        seed=seed,
        ema=Ema(model, 0.9),
        state=state,
        facts=facts or {},
    )


def weights(run):
    return torch.cat([p.detach().flatten() for p in run.module.parameters()])


def stop_after(count):
    asked = iter(range(count + 1))
    return lambda: next(asked) == count


def test_a_resumed_run_ends_with_the_same_bits_as_one_without_a_break(tmp_path):
    whole = new_run()
    train(whole)
    for count in (5, 4):
        with pytest.raises(TrainingStopped):
            train(new_run(tmp_path / "state.pt"), stop=stop_after(count))
        torch.manual_seed(99)  # what others draw in between does not matter
    last = new_run(tmp_path / "state.pt")
    train(last)
    assert torch.equal(weights(whole), weights(last))


def test_another_seed_ends_with_other_weights():
    first, other = new_run(), new_run(seed=4)
    train(first)
    train(other)
    assert not torch.equal(weights(first), weights(other))


def test_a_finished_run_is_taken_from_its_state(tmp_path):
    first = new_run(tmp_path / "state.pt")
    train(first)
    seen = []
    again = new_run(tmp_path / "state.pt")
    train(again, on_step=lambda step, _: seen.append(step))
    assert seen == []
    assert torch.equal(weights(first), weights(again))


def test_the_loss_falls():
    losses = []
    train(new_run(steps=120, dropout=0.0), on_step=lambda _, shown: losses.append(shown["loss"]))
    assert losses[-1] < 0.5 * losses[0]


def test_a_state_of_another_training_is_refused(tmp_path):
    train(new_run(tmp_path / "state.pt", facts={"size": 1}))
    with pytest.raises(TrainingError, match="another size"):
        train(new_run(tmp_path / "state.pt", facts={"size": 2}))


def test_a_damaged_state_is_refused_by_its_name(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"PK nothing")
    with pytest.raises(TrainingError, match=r"state\.pt cannot be read"):
        train(new_run(tmp_path / "state.pt"))


def test_a_loss_that_is_no_number_ends_the_training():
    run = new_run()
    nn.init.constant_(run.module[0].weight, float("nan"))
    with pytest.raises(TrainingError, match="the loss is nan at step 0"):
        train(run)


def test_only_what_is_trained_is_saved(tmp_path):
    run = new_run(tmp_path / "state.pt")
    run.module[3].requires_grad_(False)
    train(run)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert set(saved["weights"]) == {"0.weight", "0.bias"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_between_two_steps_with_its_state_saved(tmp_path, number):
    run = new_run(tmp_path / "state.pt")

    def send(step, _):
        if step == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with stopped_by_signals() as stop, pytest.raises(TrainingStopped, match="after 3 steps"):
        train(run, stop=stop, on_step=send)
    assert signal.getsignal(number) == before
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 3


@pytest.fixture
def interrupts():
    """Ctrl-C as on a terminal: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_acts_as_always(interrupts):
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_rates_go_up_stay_and_fall_to_nearly_nothing():
    factors = [Trapezoid(100, warmup=0.1, decay=0.4).factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(1 / 11)
    assert factors[10:60] == [1.0] * 50
    assert factors[-1] == pytest.approx(1 / 41)
    assert factors[60:] == sorted(factors[60:], reverse=True)
