"""Who may draw where, and with which words; each refusal beside what is let in."""

from dataclasses import replace

import pytest

from jobs.admission import (
    Denial,
    PolicyRefusal,
    Requester,
    allowed_rating,
    facts_of,
    limits_for,
    refuse_place,
    refuse_prompt,
)
from jobs.guild import Access, Block, GuildSettings, QueueState, WordKind
from jobs.limits import DEFAULTS, MEGAPIXEL, Limit, RequestFacts
from jobs.models import Size
from jobs.rating import RatingRefusal
from jobs.settings_table import Rating, Scope
from newbie_pipeline.prompt.parse import parse
from tests.jobs.conftest import request

NOW = 1_800_000_000.0
NOTHING = GuildSettings()
MEMBER = Requester("9", roles=("2", "3"), channels=("12", "11", "10"))
ADULTS_ONLY = replace(MEMBER, is_age_restricted=True)
OPEN_FOR_ADULT = GuildSettings(values={Scope.CHANNEL: {"11": {"rating": Rating.ADULT}}})


@pytest.mark.parametrize("is_everywhere", [False, True])
@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        (
            GuildSettings(blocked={"9": Block(by="1", at=NOW, reason="spam")}),
            PolicyRefusal(Denial.BLOCKED, reason="spam"),
        ),
        (
            GuildSettings(blocked={"9": Block(by="1", at=NOW, until=NOW + 1)}),
            PolicyRefusal(Denial.BLOCKED, until=NOW + 1),
        ),
        (GuildSettings(queue=QueueState.PAUSED), PolicyRefusal(Denial.PAUSED)),
        (GuildSettings(queue=QueueState.DRAINING), PolicyRefusal(Denial.DRAINING)),
    ],
)
def test_blocks_and_a_closed_queue_count_here_and_everywhere(
    settings: GuildSettings, refusal: PolicyRefusal, is_everywhere: bool
) -> None:
    here, everywhere = (NOTHING, settings) if is_everywhere else (settings, NOTHING)
    assert refuse_place(here, everywhere, MEMBER, NOW) == refusal


@pytest.mark.parametrize(
    "settings",
    [
        NOTHING,
        GuildSettings(blocked={"8": Block(by="1", at=NOW)}),
        GuildSettings(blocked={"9": Block(by="1", at=NOW, until=NOW)}),
        GuildSettings(access={"10": Access.ALLOW}),
        GuildSettings(access={"12": Access.ALLOW, "10": Access.DENY}),
    ],
)
def test_everybody_else_is_let_in(settings: GuildSettings) -> None:
    assert refuse_place(settings, NOTHING, MEMBER, NOW) is None


@pytest.mark.parametrize(
    "access", [{"10": Access.DENY}, {"12": Access.DENY, "10": Access.ALLOW}, {"99": Access.ALLOW}]
)
def test_a_closed_channel_is_closed(access: dict[str, Access]) -> None:
    settings = GuildSettings(access=access)
    assert refuse_place(settings, NOTHING, MEMBER, NOW) == PolicyRefusal(Denial.CHANNEL)


def test_a_paused_queue_starts_nothing_and_a_draining_one_does() -> None:
    assert [state.accepts for state in QueueState] == [True, False, False]
    assert [state.starts for state in QueueState] == [True, True, False]


def test_adult_needs_the_moderators_and_discord() -> None:
    assert allowed_rating(NOTHING, ADULTS_ONLY) is Rating.GENERAL
    assert allowed_rating(OPEN_FOR_ADULT, MEMBER) is Rating.GENERAL
    assert allowed_rating(OPEN_FOR_ADULT, ADULTS_ONLY) is Rating.ADULT
    closed = GuildSettings(
        values={Scope.CHANNEL: {"12": {"rating": Rating.GENERAL}, "11": {"rating": Rating.ADULT}}}
    )
    assert allowed_rating(closed, ADULTS_ONLY) is Rating.GENERAL


@pytest.mark.parametrize(
    ("prompt", "settings", "requester", "code"),
    [
        ("1girl, nude", NOTHING, ADULTS_ONLY, RatingRefusal.ADULT),
        ("1girl, nude", OPEN_FOR_ADULT, MEMBER, RatingRefusal.ADULT),
        ("child, nude", OPEN_FOR_ADULT, ADULTS_ONLY, RatingRefusal.FORBIDDEN),
        ("child, nude", NOTHING, MEMBER, RatingRefusal.FORBIDDEN),
        ("child, park", OPEN_FOR_ADULT, ADULTS_ONLY, RatingRefusal.MINORS_IN_ADULT_CHANNEL),
    ],
)
def test_a_prompt_is_refused_by_its_rating(
    prompt: str, settings: GuildSettings, requester: Requester, code: RatingRefusal
) -> None:
    assert refuse_prompt(settings, NOTHING, requester, prompt) == PolicyRefusal(code)


@pytest.mark.parametrize(
    ("prompt", "settings", "requester"),
    [
        ("1girl, nude", OPEN_FOR_ADULT, ADULTS_ONLY),
        ("child, park", NOTHING, MEMBER),
        ("child, park", OPEN_FOR_ADULT, MEMBER),
        ("1girl, smile", OPEN_FOR_ADULT, ADULTS_ONLY),
    ],
)
def test_a_prompt_is_drawn_where_it_may_be(
    prompt: str, settings: GuildSettings, requester: Requester
) -> None:
    assert refuse_prompt(settings, NOTHING, requester, prompt) is None


def test_blocked_words_of_the_server_and_of_the_operator_are_refused() -> None:
    here = GuildSettings(words={WordKind.BLOCKED: ("hat",)})
    everywhere = GuildSettings(words={WordKind.BLOCKED: ("coat",)})
    word = PolicyRefusal(Denial.WORD)
    assert refuse_prompt(here, everywhere, MEMBER, "1girl, h4t") == word
    assert refuse_prompt(here, everywhere, MEMBER, "1girl, coat") == word
    assert refuse_prompt(here, everywhere, MEMBER, "1girl, chat, scarf") is None
    assert refuse_prompt(here, everywhere, MEMBER, "1girl", "hat, coat") is None
    assert refuse_prompt(NOTHING, NOTHING, MEMBER, "1girl, hat, coat") is None


def test_own_adult_words_are_adult_and_with_minors_forbidden() -> None:
    here = GuildSettings(words={WordKind.ADULT: ("maid",)})
    for settings in ((here, NOTHING), (NOTHING, here)):
        refused = refuse_prompt(*settings, MEMBER, "1girl, maid")
        assert refused == PolicyRefusal(RatingRefusal.ADULT)
        refused = refuse_prompt(*settings, MEMBER, "child, maid")
        assert refused == PolicyRefusal(RatingRefusal.FORBIDDEN)
    assert refuse_prompt(NOTHING, NOTHING, MEMBER, "child, maid") is None


def test_nothing_that_can_be_set_opens_the_hard_list() -> None:
    opened = replace(
        OPEN_FOR_ADULT,
        access={"12": Access.ALLOW},
        values={
            Scope.CHANNEL: {"12": {"rating": Rating.ADULT, "use": True}},
            Scope.MEMBER: {"9": {"use": True}},
            Scope.GUILD: {"": {"use": True}},
        },
    )
    refusal = refuse_prompt(opened, opened, ADULTS_ONLY, "loli, nude")
    assert refusal == PolicyRefusal(RatingRefusal.FORBIDDEN)


def test_what_prompt_help_added_is_looked_at_with_the_rest() -> None:
    assisted = (
        "<character_1><n>a</n><appearance>child</appearance><clothing>{}</clothing></character_1>"
    )
    assert refuse_prompt(NOTHING, NOTHING, MEMBER, assisted.format("school_uniform")) is None
    refusal = refuse_prompt(NOTHING, NOTHING, MEMBER, assisted.format("lingerie"))
    assert refusal == PolicyRefusal(RatingRefusal.FORBIDDEN)


def test_limits_come_from_all_places_of_the_requester() -> None:
    settings = GuildSettings(
        values={
            Scope.GUILD: {"": {"steps": 20, "count": 1}},
            Scope.ROLE: {"2": {"count": 2}, "3": {"count": 3}, "4": {"count": 4}},
            Scope.CHANNEL: {"10": {"characters": 1, "rating": Rating.ADULT}},
            Scope.MEMBER: {"9": {"waiting": 1}, "8": {"waiting": 9}},
        }
    )
    limits = limits_for(settings, NOTHING, MEMBER)
    assert (limits.steps, limits.count, limits.characters, limits.waiting) == (20, 3, 1, 1)
    ceiling = GuildSettings(values={Scope.GUILD: {"": {"count": 2}}})
    assert limits_for(settings, ceiling, MEMBER).count == 2
    assert limits_for(NOTHING, NOTHING, MEMBER) == DEFAULTS
    assert settings.limits(Scope.CHANNEL, "10") == {Limit.CHARACTERS: 1}


def test_the_facts_of_a_request_are_those_of_its_prompt_and_options() -> None:
    prompt = "<character_1><n>a</n></character_1><character_2><n>b</n></character_2>"
    render = request(prompt=prompt, size=Size.SQUARE, num_inference_steps=10, count=3)
    facts = facts_of(render, parse(prompt))
    assert facts == RequestFacts(1024, 1024, 10, 3, characters=2, prompt_length=len(prompt))
    assert facts.pixel_steps == 30 * MEGAPIXEL
