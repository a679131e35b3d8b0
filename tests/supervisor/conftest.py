"""A supervisor that tells what it does and leaves no zombie."""

from collections.abc import Iterator

import pytest

from supervisor.child import ChildEvent
from supervisor.process import Supervisor
from tests.supervisor.processes import zombies


@pytest.fixture
def events() -> list[ChildEvent]:
    return []


@pytest.fixture
def supervisor(events: list[ChildEvent]) -> Iterator[Supervisor]:
    with Supervisor(on_event=events.append) as supervisor:
        yield supervisor
    assert not zombies()
