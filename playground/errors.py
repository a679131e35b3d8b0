"""The errors of this room, and Discord's error bodies.

`ApiError` is what a bot sees, `ControlError` what a member's client shows.
"""

from collections.abc import Mapping
from typing import Any


class PlaygroundError(Exception):
    """The base of every error of this room."""


class ApiError(PlaygroundError):
    """A refusal in Discord's format."""

    def __init__(
        self, status: int, code: int, message: str, errors: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the JSON body that Discord sends for this error."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


class ControlError(PlaygroundError):
    """A refusal of the control API; `message` is what Discord's client would show."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the refusal."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found() -> ApiError:
    """Return the answer to a route that does not exist."""
    return ApiError(404, 0, "404: Not Found")


def method_not_allowed() -> ApiError:
    """Return the answer to a known path with a method it does not have."""
    return ApiError(405, 0, "405: Method Not Allowed")


def unauthorized() -> ApiError:
    """Return the answer to a missing or wrong bot token."""
    return ApiError(401, 0, "401: Unauthorized")


def unknown(what: str) -> ApiError:
    """Return the 404 for a missing object, with Discord's code for its kind."""
    codes = {
        "Channel": 10003,
        "Guild": 10004,
        "Member": 10007,
        "Message": 10008,
        "Role": 10011,
        "User": 10013,
        "Webhook": 10015,
        "interaction": 10062,
        "application command": 10063,
        "Application": 10002,
    }
    return ApiError(404, codes[what], f"Unknown {what}")


def missing_access() -> ApiError:
    """Return the answer to a bot that cannot see the place."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """Return the answer to a bot that sees the place and may not do this."""
    return ApiError(403, 50013, "Missing Permissions")


def already_acknowledged() -> ApiError:
    """Return the answer to a second response to one interaction."""
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def too_large() -> ApiError:
    """Return the answer to an upload over the limit."""
    return ApiError(413, 40005, "Request entity too large")


def empty_message() -> ApiError:
    """Return the answer to a message without any content."""
    return ApiError(400, 50006, "Cannot send an empty message")


def invalid_webhook_token() -> ApiError:
    """Return the answer to a token that died or never lived."""
    return ApiError(401, 50027, "Invalid Webhook Token")
