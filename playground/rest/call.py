"""One REST call, its answer, and the table row that names a route."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.attachments import Upload
from playground.ratelimits import Bucket
from playground.world import World


@dataclass(frozen=True)
class Call:
    """A REST call with its body read: JSON, or a form's `payload_json` and files."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None
    uploads: tuple[Upload, ...] = ()
    base_url: str = ""

    def flag(self, name: str) -> bool:
        """Read a yes or no from the query, in any of Discord's spellings."""
        return self.query.get(name, "").lower() in ("1", "true")


@dataclass(frozen=True)
class Reply:
    """An answer: a status and a JSON body, or no body at all."""

    body: Any = None
    status: int = 200


NO_CONTENT = Reply(None, 204)
Handler = Callable[[World, Call], Reply]


@dataclass(frozen=True)
class Endpoint:
    """A route: method, template with Discord's own parameter names, and its rules."""

    method: str
    template: str
    handler: Handler
    bucket: Bucket
    auth: bool = True
    # The parameters besides which every caller shares one rate limit.
    majors: tuple[str, ...] = field(
        default=("channel_id", "guild_id", "webhook_token", "interaction_id")
    )

    def major(self, params: Mapping[str, str]) -> str:
        """Return the values that tell apart the buckets of one route."""
        return "+".join(params[name] for name in self.majors if name in params)
