"""Faults that a test plants: the next calls that match fail as told."""

import re
from dataclasses import dataclass
from typing import Any

from playground.errors import ControlError
from playground.model import Json


@dataclass
class Fault:
    """One planted fault and how many calls it still meets."""

    method: str
    path: re.Pattern[str]
    status: int
    times: int
    body: Any = None
    retry_after: float | None = None
    after_accept: bool = False
    drop: bool = False
    is_global: bool = False


class Faults:
    """The planted faults, in the order they came."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fields: Json) -> None:
        """Plant a fault from a request; raise ControlError when it makes no sense."""
        try:
            fault = Fault(
                method=str(fields.get("method", "*")).upper(),
                path=re.compile(str(fields["path_regex"])),
                status=int(fields.get("status", 500)),
                times=int(fields.get("times", 1)),
                body=fields.get("body"),
                retry_after=_seconds(fields.get("retry_after")),
                after_accept=bool(fields.get("after_accept")),
                drop=bool(fields.get("drop")),
                is_global=bool(fields.get("global")),
            )
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise ControlError("bad_fault", "A fault needs path_regex and a status.") from error
        if not 200 <= fault.status <= 599 or fault.times < 1:
            raise ControlError("bad_fault", "A fault needs a status of HTTP and times over 0.")
        self._faults.append(fault)

    def clear(self) -> None:
        """Remove every fault."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that meets this call, if any, and count it."""
        for fault in self._faults:
            if fault.method in ("*", method) and fault.path.search(path):
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)
