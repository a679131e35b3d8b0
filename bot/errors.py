"""The error tree of the bot room."""

from typing import ClassVar

from jobs.admission import PolicyRefusal
from jobs.limits import LimitRefusal


class BotError(Exception):
    """Base of every error that the bot room raises on purpose."""


class Refused(BotError):
    """A member's request is not accepted; `code` names the sentence `error.{code}`.

    `data` fills that sentence. It holds nothing a member wrote, or it is quoted (see
    `bot.refusals.quote`).
    """

    def __init__(self, code: str, **data: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.data = data


class OptionRefused(Refused):
    """The value of one option cannot be used."""

    def __init__(self, code: str, option: str, **data: str | int) -> None:
        super().__init__(code, **data)
        self.option = option


class PolicyRefused(Refused):
    """The rules of the queue refuse the request; the sentence is that of `jobs.refusals`."""

    def __init__(self, refusal: PolicyRefusal | LimitRefusal) -> None:
        code = refusal.limit if isinstance(refusal, LimitRefusal) else refusal.code
        super().__init__(code.value)
        self.refusal = refusal


class StartError(BotError):
    """The bot cannot start; the text is one sentence for the operator."""

    exit_code: ClassVar[int] = 1
