"""The wire between a client and the control API: calls, refusals, a member's event feed."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from playground.errors import PlaygroundError

Json = dict[str, Any]
Files = Sequence[tuple[str, bytes]]


class ActionRefused(PlaygroundError):
    """The control API refused; `message` is what Discord's client would show."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class ControlConnection:
    """Calls the control API of the server at `base_url`; an async context manager."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- calling

    @property
    def http(self) -> aiohttp.ClientSession:
        """The open HTTP session; raises PlaygroundError outside the context."""
        if self._session is None:
            raise PlaygroundError("use PlaygroundClient as an async context manager")
        return self._session

    async def call(
        self, method: str, path: str, body: Json | None = None, files: Files = (), **query: Any
    ) -> Any:
        """Call the control API; raise ActionRefused for a refusal."""
        arguments: dict[str, Any] = {
            "params": {key: str(value) for key, value in query.items() if value is not None}
        }
        if files:
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("payload_json", json.dumps(body), content_type="application/json")
            for index, (name, content) in enumerate(files):
                form.add_field(f"files[{index}]", content, filename=name)
            arguments["data"] = form
        elif body is not None:
            arguments["json"] = body
        url = f"{self.base_url}/playground{path}"
        async with self.http.request(method, url, **arguments) as response:
            answer = await response.json()
        if response.status >= 400:
            error = answer.get("error", {})
            raise ActionRefused(response.status, error.get("code", ""), error.get("message", ""))
        return answer

    @asynccontextmanager
    async def feed(self, user_id: str) -> AsyncIterator[AsyncIterator[Json]]:
        """Open a member's event feed; nothing that happens while it is open is missed."""
        url = f"{self.base_url}/playground/events"
        async with self.http.ws_connect(url, params={"user_id": user_id}) as socket:
            yield _frames(socket)


async def _frames(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Json]:
    async for frame in socket:
        if frame.type is aiohttp.WSMsgType.TEXT:
            yield json.loads(frame.data)
