"""Tells a member when the application did not answer in time."""

import asyncio
from dataclasses import replace

from playground.events import Event, InteractionCreated, MemberNotice
from playground.interactions.callbacks import DEADLINE
from playground.world import World

NO_ANSWER = "The application did not respond"


class Deadlines:
    """Watches every open interaction, in real time and whenever the clock is moved."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        world.bus.subscribe(self._on_event)
        world.clock.on_move(self._check_all)

    def close(self) -> None:
        """Stop every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, InteractionCreated):
            loop = asyncio.get_running_loop()
            interaction_id = event.interaction.id
            self._open.add(interaction_id)
            # A little later than the deadline, so that the check sees it as passed.
            self._timers[interaction_id] = loop.call_later(
                DEADLINE + 0.02, self._check, interaction_id
            )

    def _check_all(self) -> None:
        for interaction_id in list(self._open):
            self._check(interaction_id)

    def _check(self, interaction_id: str) -> None:
        interaction = self._world.interactions.get(interaction_id)
        if interaction is not None and interaction.answered is None:
            if self._world.clock.now() - interaction.created_at <= DEADLINE:
                return
            self._world.keep(replace(interaction, failed=True))
            self._world.bus.publish(
                MemberNotice(
                    interaction.user_id,
                    "interaction_failed",
                    {"interaction_id": interaction_id, "message": NO_ANSWER},
                )
            )
        self._open.discard(interaction_id)
        timer = self._timers.pop(interaction_id, None)
        if timer is not None:
            timer.cancel()
