"""A real discord.py bot loses its connection, meets limits, comes late."""

import asyncio
import time

import discord
import pytest

from playground.client import ActionRefused
from tests.playground.conftest import CHANNEL, Bot


def drawing_bot(handler) -> Bot:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await handler(interaction)

    return bot


async def test_a_bot_resumes_and_hears_what_it_missed(start_bot, client) -> None:
    answered = asyncio.Event()

    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("back")
        answered.set()

    bot = drawing_bot(answer)
    await start_bot(bot)
    assert await client.disconnect_bot(resumable=True) == 1
    await client.command("draw")
    await asyncio.wait_for(bot.resumed.wait(), 20)
    await asyncio.wait_for(answered.wait(), 20)
    assert bot.ready_count == 1


async def test_a_bot_that_may_not_resume_identifies_again(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("again")

    bot = drawing_bot(answer)
    await start_bot(bot)
    await client.disconnect_bot(resumable=False)
    async with asyncio.timeout(30):
        while bot.ready_count < 2:
            await asyncio.sleep(0.05)
    assert not bot.resumed.is_set()
    await client.command("draw")
    await client.wait_for_message(lambda m: m["content"] == "again", timeout=20)


async def test_presence_follows_the_connection(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    bot = drawing_bot(answer)
    application = (await client.state())["application"]
    assert (application["online"], application["sessions"]) == (False, 0)
    await start_bot(bot)
    assert (await client.state())["application"]["online"]
    await client.wait_for_event(
        lambda e: e == {"type": "presence", "data": {"online": False}}, bot.close, timeout=20
    )
    application = (await client.state())["application"]
    assert (application["online"], application["sessions"]) == (False, 1)


async def test_waiting_for_a_bot_can_tell_a_new_one_from_the_old(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    await start_bot(drawing_bot(answer))
    with pytest.raises(TimeoutError):
        await client.wait_for_bot(0.3, after_sessions=1)
    waiting = asyncio.create_task(client.wait_for_bot(20, after_sessions=1))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await start_bot(drawing_bot(answer))
    await waiting


async def test_discord_py_waits_out_a_429(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    bot = drawing_bot(answer)
    await start_bot(bot)
    await client.add_fault("POST", r"/channels/\d+/messages$", 429, retry_after=0.3)
    started = time.monotonic()
    await bot.get_channel(int(CHANNEL)).send("in the end")
    assert time.monotonic() - started >= 0.3
    calls = [r for r in await client.requests() if r["route"].endswith("/messages")]
    assert [r["status"] for r in calls] == [429, 200]
    assert calls[0]["response"]["retry_after"] == 0.3


async def test_discord_py_stays_within_the_message_limit(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    bot = drawing_bot(answer)
    await start_bot(bot)
    channel = bot.get_channel(int(CHANNEL))
    await asyncio.gather(*(channel.send(str(number)) for number in range(7)))
    statuses = [r["status"] for r in await client.requests() if r["route"].endswith("/messages")]
    assert statuses.count(200) == 7


async def test_a_late_answer_is_an_unknown_interaction(start_bot, client) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()
    go_on = asyncio.Event()

    async def answer(interaction: discord.Interaction) -> None:
        await go_on.wait()
        try:
            await interaction.response.send_message("too late")
            codes.put_nowait(0)
        except discord.NotFound as error:
            codes.put_nowait(error.code)

    await start_bot(drawing_bot(answer))

    async def act_and_move_the_clock() -> None:
        await client.command("draw")
        await client.advance_clock(3.1)

    failed = await client.wait_for_event(
        lambda e: e["type"] == "interaction_failed", act_and_move_the_clock, timeout=20
    )
    assert failed["data"]["message"] == "The application did not respond"
    go_on.set()
    assert await asyncio.wait_for(codes.get(), 20) == 10062
    await client.command("draw")
    assert await asyncio.wait_for(codes.get(), 20) == 0


async def test_a_second_answer_is_refused(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one")
        twin = discord.Interaction(data=interaction_data(interaction), state=interaction._state)
        with pytest.raises(discord.HTTPException) as refused:
            await twin.response.send_message("two")
        await interaction.followup.send(f"code {refused.value.code}")

    def interaction_data(interaction: discord.Interaction) -> dict:
        return {
            "id": str(interaction.id),
            "application_id": str(interaction.application_id),
            "type": 2,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "attachment_size_limit": 1,
            "channel_id": str(interaction.channel_id),
        }

    await start_bot(drawing_bot(answer))
    await client.command("draw")
    await client.wait_for_message(lambda m: m["content"] == "code 40060", timeout=20)


@pytest.mark.parametrize(("seconds", "code"), [(901, 50027), (880, 0)])
async def test_a_token_dies_after_fifteen_minutes(start_bot, client, seconds, code) -> None:
    codes: asyncio.Queue[int] = asyncio.Queue()
    deferred, go_on = asyncio.Event(), asyncio.Event()

    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        deferred.set()
        await go_on.wait()
        try:
            await interaction.edit_original_response(content="done")
            codes.put_nowait(0)
        except discord.HTTPException as error:
            codes.put_nowait(error.code)

    await start_bot(drawing_bot(answer))
    await client.command("draw")
    await asyncio.wait_for(deferred.wait(), 20)
    await client.advance_clock(seconds)
    go_on.set()
    assert await asyncio.wait_for(codes.get(), 20) == code


async def test_nobody_answers_and_the_member_is_told(client, rest) -> None:
    await rest(
        "POST", "/applications/800000000000000001/commands", {"name": "draw", "description": "x"}
    )
    failed = await client.wait_for_event(
        lambda e: e["type"] == "interaction_failed", lambda: client.command("draw"), timeout=20
    )
    assert failed["data"]["interaction_id"]


async def test_an_autocomplete_without_answer_fails(client, rest) -> None:
    await rest(
        "POST",
        "/applications/800000000000000001/commands",
        {
            "name": "draw",
            "description": "x",
            "options": [{"type": 3, "name": "a", "description": "x", "autocomplete": True}],
        },
    )
    with pytest.raises(ActionRefused):
        await client.autocomplete("draw", {"a": ""}, "a")


async def test_a_wrong_token_cannot_log_in(start_bot, client, monkeypatch) -> None:
    bot = Bot()
    monkeypatch.setattr("tests.playground.conftest.TOKEN", "wrong")
    with pytest.raises(discord.LoginFailure):
        await start_bot(bot)


async def test_privileged_intents_are_refused_and_plain_ones_taken(start_bot, client) -> None:
    privileged = discord.Intents.default()
    privileged.message_content = True
    refused = Bot(privileged)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await start_bot(refused)

    async def answer(interaction: discord.Interaction) -> None: ...

    await start_bot(drawing_bot(answer))


async def test_a_lost_answer_with_a_nonce_is_posted_once(start_bot, client) -> None:
    async def answer(interaction: discord.Interaction) -> None: ...

    bot = drawing_bot(answer)
    await start_bot(bot)
    channel = bot.get_channel(int(CHANNEL))
    await client.add_fault("POST", r"/messages$", after_accept=True)
    with pytest.raises(Exception) as lost:
        await channel.send("picture", nonce="job-1")
    assert not isinstance(lost.value, discord.HTTPException)
    again = await channel.send("picture", nonce="job-1")
    messages = (await client.state())["messages"]
    assert [m["id"] for m in messages] == [str(again.id)]
