"""Requests and addresses: what is accepted, and how it crosses Redis."""

import json

import pytest
from pydantic import ValidationError

from jobs.models import MAX_SEED, DeliveryAddress, RenderRequest, Size
from newbie_pipeline.prompt.assist import AssistMode
from tests.jobs.conftest import address, request


def test_every_size_is_about_one_megapixel_in_multiples_of_64() -> None:
    for size in Size:
        assert size.width % 64 == 0
        assert size.height % 64 == 0
        assert 0.9 <= size.width * size.height / 1024**2 <= 1.1


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": ""},
        {"prompt": "あ" * 21_846},  # 65,538 bytes
        {"size": "1000x1000"},
        {"num_inference_steps": 0},
        {"num_inference_steps": 61},
        {"guidance_scale": 0.5},
        {"guidance_scale": float("nan")},
        {"seed": -1},
        {"seed": MAX_SEED + 1},
        {"count": 0},
        {"count": 5},
        {"negative_prompt": "x" * 4_001},
        {"assist": "interaction"},
        {"assist": "caption"},
        {"assist": "Complete"},
        {"unknown": 1},
    ],
)
def test_a_request_out_of_range_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        request(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "あ" * 21_845},  # 65,535 bytes
        {"size": "640x1536"},
        {"num_inference_steps": 1},
        {"num_inference_steps": 60},
        {"guidance_scale": 1},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"count": 4},
        {"assist": "off"},
        {"assist": "complete"},
        {"assist": "structure"},
    ],
)
def test_a_request_at_the_edge_of_its_range_is_accepted(changes: dict[str, object]) -> None:
    assert request(**changes)


def test_each_picture_of_a_job_has_a_seed_of_its_own() -> None:
    assert request(seed=5, count=3).seeds == (5, 6, 7)
    assert request(seed=MAX_SEED, count=2).seeds == (MAX_SEED, 0)


def test_the_interaction_token_is_stored_but_never_printed() -> None:
    where = address()
    assert "secret-token" not in repr(where)
    stored = DeliveryAddress.model_validate_json(where.model_dump_json())
    assert stored.interaction_token.get_secret_value() == "secret-token"


def test_ids_of_discord_stay_exact_strings() -> None:
    largest = str(2**63 - 1)
    again = DeliveryAddress.model_validate_json(address(channel_id=largest).model_dump_json())
    assert again.channel_id == largest
    with pytest.raises(ValidationError):
        address(channel_id="12a")


def test_an_address_knows_what_its_channel_lies_in_and_whether_that_is_for_adults() -> None:
    where = address(channels=("310", "300", "30"), age_restricted=True)
    again = DeliveryAddress.model_validate_json(where.model_dump_json())
    assert again == where
    assert again.places == ("310", "300", "30")
    with pytest.raises(ValidationError):
        address(channels=("general",))


def test_an_address_from_before_channels_is_open_to_all() -> None:
    old = json.loads(address().model_dump_json())
    del old["channels"], old["age_restricted"]
    read = DeliveryAddress.model_validate_json(json.dumps(old))
    assert read.places == ("300",)
    assert not read.age_restricted


def test_a_request_survives_json() -> None:
    one = request(prompt="<n>ミク</n> & <3", size=Size.PORTRAIT_2_3, count=2, assist="structure")
    assert RenderRequest.model_validate_json(one.model_dump_json()) == one


def test_a_record_from_before_assist_is_read_as_off() -> None:
    old = json.loads(request(seed=5).model_dump_json())
    del old["assist"]
    read = RenderRequest.model_validate_json(json.dumps(old))
    assert read == request(seed=5)
    assert read.assist is AssistMode.OFF
