"""`/newbie-admin words`: a server's lists, and what they do to a text."""

import pytest

from jobs.guild import WordKind
from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Server


async def test_words_are_added_listed_and_removed(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    assert "list of the server is empty" in await admin("words list", kind="blocked")
    said = await admin("words add", kind="blocked", words="tea pot, 茶壶、 Rat ,,", reason="no tea")
    assert "blocked words: `tea pot`, `茶壶`, `Rat` added. Reason: `no tea`" in said
    assert set(server.settings(queue).words[WordKind.BLOCKED]) == {"tea pot", "茶壶", "Rat"}
    said = await admin("words list", kind="blocked")
    assert "(3)" in said
    assert said.splitlines()[1:] == ["- `Rat`", "- `tea pot`", "- `茶壶`"]
    assert "empty" in await admin("words list", kind="adult")
    # Another way to write a word is the same word.
    assert "Nothing was changed" in await admin("words add", kind="blocked", words="TEA-POT")
    assert "`tea pot` removed" in await admin("words remove", kind="blocked", words="tea_pot")
    assert "Nothing was changed" in await admin("words remove", kind="blocked", words="kettle")
    assert set(server.settings(queue).words[WordKind.BLOCKED]) == {"茶壶", "Rat"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("a", "Write a whole word"),
        ("teapot, " + "x" * 61, "at most 60 characters"),
        ("...", "Write a whole word"),
    ],
)
async def test_what_cannot_be_looked_for_is_refused_whole(
    server: Server, queue: RenderQueue, words: str, sentence: str
):
    assert sentence in await server.moderator.admin("words add", kind="adult", words=words)
    assert server.settings(queue).words == {}


async def test_a_text_is_tried_against_the_rules(server: Server):
    admin = server.moderator.admin
    await admin("words add", kind="blocked", words="teapot")
    await admin("words add", kind="adult", words="bathtub")
    passes = await admin("words test", text="1girl, tea")
    assert passes == "✅ No rule about words refuses this here."
    said = await admin("words test", text="<n>miku</n> holding a t.e.a.p.o.t")
    assert "⛔" in said
    assert "The blocked words of this server match `t.e.a.p.o.t`" in said
    assert "adult words of this server match `bathtub`" in await admin(
        "words test", text="in a bathtub"
    )
    assert "built-in list" in await admin("words test", text="1girl, nude")


async def test_what_the_list_that_nothing_opens_matches_is_shown_to_nobody(server: Server):
    await server.moderator.admin("words add", kind="blocked", words="loli")
    said = await server.moderator.admin("words test", text="loli, nude")
    assert "nothing opens" in said
    assert "loli" not in said
    # Alone it is the server's own word, and theirs to see.
    assert "match `loli`" in await server.moderator.admin("words test", text="loli")


async def test_a_text_is_tried_as_a_prompt_of_this_channel(server: Server):
    moderator = server.moderator
    await moderator.admin("limits set", name="rating", value="adult", channel=server.adult_channel)
    assert "⛔" in await moderator.admin("words test", text="1girl, nude")
    moderator.channel = server.adult_channel
    said = await moderator.admin("words test", text="1girl, nude")
    assert said.splitlines() == [
        "✅ No rule about words refuses this here.",
        "It is adult by the built-in list of words.",
    ]
    assert "under age" in await moderator.admin("words test", text="a child with a balloon")


async def test_a_long_list_has_pages(server: Server):
    admin = server.moderator
    entries = [f"word{number:02}x" for number in range(60)]
    said = await admin.admin("words add", kind="blocked", words=",".join(entries))
    assert "and 50 more" in said
    page = await admin.admin_message("words list", kind="blocked")
    seen = page["content"].splitlines()[1:]
    for _ in range(2):
        (*_, button) = page["components"][0]["components"]
        assert "Next" in button["label"]
        await server.discord.press(
            page["id"], button["custom_id"], user_id=admin.id, channel_id=server.channel
        )
        before = page["content"]
        page = await server.discord.wait_for_message(
            lambda found, id_=page["id"], before=before: (
                found["id"] == id_ and found["content"] != before
            ),
            admin.id,
            channel_id=server.channel,
        )
        seen += page["content"].splitlines()[1:]
    assert seen == [f"- `{entry}`" for entry in entries]
    assert [each["label"] for each in page["components"][0]["components"]] == ["◀ Back"]
