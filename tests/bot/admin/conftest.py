"""Moderators of the playground's server, and what they say to `/newbie-admin`."""

from typing import Any

import pytest

from playground.client import DEFAULT_MODERATOR, PlaygroundClient
from tests.bot.conftest import Json, Member, is_private


class Moderator(Member):
    """Somebody who uses `/newbie-admin`, whether they may or not."""

    async def admin(self, command: str, channel_id: str | None = None, **options: Any) -> str:
        """Use a command such as `limits set` and give what is answered, privately."""
        message = await self.admin_message(command, channel_id, **options)
        return str(message["content"])

    async def admin_message(
        self, command: str, channel_id: str | None = None, **options: Any
    ) -> Json:
        nested: Json = options
        for name in reversed(command.split()):
            nested = {name: nested}
        sent = await self.discord.command(
            "newbie-admin", nested, user_id=self.id, channel_id=channel_id
        )
        answer = await self.answer(sent, channel_id=channel_id)
        assert is_private(answer)
        assert answer["mentions"] == answer["mention_roles"] == []
        return answer


@pytest.fixture
def moderator(discord: PlaygroundClient) -> Moderator:
    return Moderator(discord, DEFAULT_MODERATOR)
