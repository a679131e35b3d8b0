"""How amounts of memory and quantisations are written, and what is refused."""

import pytest

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.budget import (
    GIB,
    Budget,
    capped,
    card_budget,
    free_budget,
    parse_max_memory,
    parse_memory,
)
from newbie_pipeline.memory.quantization import Quantization, parse_quantize
from newbie_pipeline.memory.sizes import Component


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16GiB", 16 * GIB),
        ("14.5 GiB", 29 * GIB // 2),
        ("16GB", 16 * 10**9),
        ("512MiB", GIB // 2),
        ("1000", 1000),
        (1000, 1000),
    ],
)
def test_amounts_are_read_as_accelerate_writes_them(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "16TiB", "-1GiB", "nanGiB", "1e3", "0x10", -1])
def test_other_amounts_are_refused(text):
    with pytest.raises(MemoryPlanError, match="no amount of memory"):
        parse_memory(text)


def test_max_memory_is_read_as_a_dictionary_or_one_amount():
    assert parse_max_memory('{0: "10GiB", "cpu": "30GiB"}') == {0: "10GiB", "cpu": "30GiB"}
    assert parse_max_memory("10GiB") == 10 * GIB


@pytest.mark.parametrize(
    "text",
    [
        "{0: '10GiB'",
        "{0}",
        "{0: 1.5}",
        "{0: print()}",
        "{0: '10 apples'}",
        "{(1,): 2}",
        "{[]: 2}",
        "{0: True}",
    ],
)
def test_another_max_memory_is_refused(text):
    with pytest.raises(MemoryPlanError):
        parse_max_memory(text)


def test_a_cap_lowers_a_budget_and_never_raises_it():
    card = Budget(24 * GIB, 64 * GIB)
    assert capped(card, memory="16GiB") == Budget(16 * GIB, 64 * GIB)
    assert capped(card, memory="32GiB") == card
    both = capped(card, max_memory={0: "10GiB", "cpu": "30GiB"})
    assert both == Budget(10 * GIB, 30 * GIB)
    assert capped(Budget(None, None), memory="16GiB") == Budget(None, 16 * GIB)
    assert capped(Budget(None, None), max_memory={"cpu": "16GiB"}) == Budget(None, 16 * GIB)


@pytest.mark.parametrize("limits", [{"cpu": "30GiB"}, {1: "10GiB"}, {0: "10GiB", "disk": "1GiB"}])
def test_limits_that_leave_the_gpu_out_or_name_something_else_are_refused(limits):
    with pytest.raises(MemoryPlanError, match="max_memory"):
        capped(Budget(24 * GIB), max_memory=limits)


@pytest.mark.parametrize("card", [6, 8, 12, 16, 24, 80])
def test_less_than_a_cards_name_says_is_used(card):
    assert 0.85 * card * GIB < card_budget(card) < 0.94 * card * GIB
    assert free_budget(card * GIB) < card * GIB


def test_free_memory_may_be_next_to_nothing():
    assert free_budget(1000) == 0


def test_quantisations_are_allowed_or_asked_for():
    choice = parse_quantize("gemma:nf4, transformer:int8!")
    assert choice.allowed == {Component.TEXT_ENCODER: Quantization.NF4}
    assert choice.forced == {Component.TRANSFORMER: Quantization.INT8}
    assert parse_quantize("text_encoder:int8,dit:float8").forced == {}
    assert parse_quantize("").allowed == parse_quantize(None).allowed == {}


@pytest.mark.parametrize(
    "text",
    ["vae:int8", "gemma", "gemma:float8", "transformer:nf4", "gemma:nf4,gemma:int8", "a:b:c"],
)
def test_other_quantisations_are_refused(text):
    with pytest.raises(MemoryPlanError):
        parse_quantize(text)
