"""Changes in words: whatever was changed, and whatever people wrote."""

import pytest

from bot.admin.audit import entry_line
from bot.admin.entries import MAX_LISTED, Deed
from bot.admin.replies import MAX_CONTENT, shortened
from jobs.audit import Entry
from jobs.guild import MAX_REASON, Block, QueueState, WordKind
from jobs.guild_edits import (
    MISSING,
    Edit,
    Stored,
    add_moderators,
    add_words,
    block,
    remove_words,
    set_access,
    set_audit_channel,
    set_queue,
    set_value,
    unblock,
)
from jobs.limits import ASSIST_MODES
from jobs.settings_table import SETTINGS, Scope
from jobs.words import MAX_ENTRY

LOCALES = ("en-US", "zh-CN", "zh-TW", "ja", "pt-BR")
NOW = 1_800_000_000.0


def deed(edit: Edit, old: Stored = MISSING, **more: object) -> Deed:
    """What a change of a stored value is told as."""
    return Deed(edit.field, *edit.shown(old, edit.apply(old)), **more)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (deed(set_value("steps", 20), None), "**steps**: **unlimited** → **20**."),
        (
            deed(set_value("use", False, Scope.ROLE, "7")),
            "**use** of <@&7>: not set → **no**.",
        ),
        (
            deed(set_value("cooldown", 90, Scope.CHANNEL, "7"), 60),
            "**cooldown** of <#7>: **1m** → **90s**.",
        ),
        (
            deed(set_value("assist", ASSIST_MODES, Scope.MEMBER, "7"), []),
            "**assist** of <@7>: **none** → **caption, complete, interaction, structure**.",
        ),
        (deed(set_access("7", None), "deny"), "drawing in <#7>: denied → no rule."),
        (deed(block("7", Block(by="1", at=NOW))), "<@7> was blocked for good."),
        (
            deed(block("7", Block(by="1", at=NOW, until=NOW + 60))),
            "<@7> was blocked until <t:1800000060:f>.",
        ),
        (deed(unblock("7"), {"by": "1"}), "<@7> was unblocked."),
        (
            deed(add_words(WordKind.ADULT, ["tea pot", "cup"]), ["jug"]),
            "adult words: `tea pot`, `cup` added.",
        ),
        (deed(remove_words(WordKind.BLOCKED, ["JUG"]), ["jug"]), "blocked words: `jug` removed."),
        (deed(add_moderators(["7"]), ["8"]), "moderator roles: <@&7> added."),
        (deed(set_audit_channel("7"), "8"), "audit channel: <#8> → <#7>."),
        (deed(set_queue(QueueState.PAUSED)), "queue: running → paused."),
        (deed(set_queue(QueueState.RUNNING), "draining"), "queue: draining → running."),
        (Deed("job:5", MISSING, "cancelled"), "Job `5` was cancelled."),
        (Deed("job:5", MISSING, "front"), "Job `5` was moved to the front."),
        (Deed("of:another", "version", [1]), "`of:another`: `version` → `[1]`."),
        (Deed("set:of_another_version", MISSING, [1]), "`of_another_version`: not set → `[1]`."),
        (Deed("set:steps", "many", 3), "**steps**: `many` → **3**."),
    ],
)
def test_a_change_reads_like_this(change: Deed, said: str):
    assert change.say("en-US") == said


def test_a_reason_and_all_servers_are_told_too():
    change = deed(set_value("steps", 20), reason="slow `GPU`\n@everyone", is_everywhere=True)
    assert change.say("en-US") == (
        "On all servers: **steps**: not set → **20**. Reason: `slow ˋGPUˋ @everyone`"
    )


def test_what_people_wrote_stands_as_code_on_one_line():
    change = Deed("words:blocked", MISSING, ["`<@1>`\n**x**"], reason="`\n<@&2> [a](https://b.c)")
    for part in change.say("en-US").split("`")[::2]:
        assert "<@" not in part
        assert "http" not in part
        assert "\n" not in part
        assert "x**" not in part


@pytest.mark.parametrize("locale", LOCALES)
def test_the_longest_entry_fits_into_a_message(locale: str):
    words = ["語" * MAX_ENTRY for _ in range(1_000)]
    for change in (
        Deed("words:blocked", words, words, "r" * MAX_REASON, is_everywhere=True),
        Deed("moderators", ["9" * 20] * 25, ["9" * 20] * 25, "r" * MAX_REASON),
        Deed("job:" + "9" * 500, "x" * 5_000, "y" * 5_000, "r" * MAX_REASON),
    ):
        line = entry_line(
            Entry("1-0", NOW, "9" * 20, change.what, change.old, change.new, change.reason), locale
        )
        assert len(line) < MAX_CONTENT / 1.5
        assert "{" not in line


def test_of_a_long_list_the_first_are_named_and_the_others_counted():
    change = Deed("words:adult", MISSING, [f"word{number}" for number in range(MAX_LISTED + 3)])
    said = change.say("en-US")
    assert said.count("`word") == MAX_LISTED
    assert "and 3 more" in said


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SETTINGS)
def test_every_value_that_is_offered_has_its_words(name: str, locale: str):
    setting = SETTINGS[name]
    for value in setting.suggestions:
        said = Deed(f"set:{name}", MISSING, setting.to_json(value)).say(locale)
        assert f"**{setting.format(value)}**" in said


def test_a_text_that_is_too_long_loses_whole_lines():
    lines = [f"line {number}" for number in range(1_000)]
    text = shortened("\n".join(lines))
    assert len(text) <= MAX_CONTENT
    *kept, last = text.split("\n")
    assert last == "…"
    assert kept == lines[: len(kept)]
    assert shortened("short") == "short"
