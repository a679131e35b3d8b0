"""The bot's answer to an interaction: message, defer, update, autocomplete, modal.

An answer counts once and only within three seconds; both are checked before its form.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from playground import posting
from playground.attachments import Upload
from playground.errors import already_acknowledged, unknown
from playground.events import MemberNotice
from playground.model import (
    CallbackType,
    Interaction,
    InteractionType,
    Json,
    Message,
    MessageFlag,
    MessageType,
)
from playground.validation.commands import CHOICES, STRING, read_choice
from playground.validation.form import Form, FormErrors
from playground.validation.messages import MessageBody, read_message
from playground.validation.modals import read_modal
from playground.world import World

DEADLINE = 3.0
_ALLOWED = {
    InteractionType.COMMAND: {4, 5, 9},
    InteractionType.COMPONENT: {4, 5, 6, 7, 9},
    InteractionType.MODAL_SUBMIT: {4, 5, 6, 7},
    InteractionType.AUTOCOMPLETE: {8},
}


@dataclass(frozen=True)
class Answer:
    """What an answer made of an interaction."""

    interaction: Interaction
    type: CallbackType
    message: Message | None = None


def answer(
    world: World, interaction_id: str, token: str, body: Any, uploads: tuple[Upload, ...]
) -> Answer:
    """Take the bot's answer; raise Discord's error when it is late, second or malformed."""
    interaction = world.interactions.get(interaction_id)
    if interaction is None or interaction.token != token:
        raise unknown("interaction")
    if interaction.answered is not None:
        raise already_acknowledged()
    if interaction.failed or world.clock.now() - interaction.created_at > DEADLINE:
        raise unknown("interaction")
    if interaction.channel_id not in world.channels:
        raise unknown("Channel")
    errors = FormErrors()
    form = Form(body, errors)
    kind = form.integer("type", required=True, choices=_allowed_types(interaction))
    errors.raise_if_any()
    answered = replace(interaction, answered=CallbackType(kind or 0))
    data = form.form("data") or Form({}, errors, form.at("data"))
    result = _apply(world, answered, data, uploads, errors)
    world.keep(result.interaction)
    if result.type is not CallbackType.AUTOCOMPLETE:
        _notify(world, result.interaction, "interaction_done", {})
    if result.type is CallbackType.MODAL:
        modal = result.interaction.modal or {}
        _notify(world, result.interaction, "modal", modal)
    return result


def _allowed_types(interaction: Interaction) -> set[int]:
    allowed = set(_ALLOWED[interaction.type])
    if interaction.type is InteractionType.MODAL_SUBMIT and interaction.message_id is None:
        allowed -= {6, 7}
    return allowed


def _apply(
    world: World,
    interaction: Interaction,
    data: Form,
    uploads: tuple[Upload, ...],
    errors: FormErrors,
) -> Answer:
    kind = interaction.answered
    if kind is CallbackType.AUTOCOMPLETE:
        kind_of_option = _focused_type(interaction.data["options"])
        forms = data.forms("choices", maximum=CHOICES) or []
        choices = [read_choice(choice, kind_of_option or STRING) for choice in forms]
        errors.raise_if_any()
        _notify(world, interaction, "autocomplete", {"choices": choices})
        return Answer(interaction, kind)
    if kind is CallbackType.MODAL:
        modal = read_modal(data)
        errors.raise_if_any()
        return Answer(replace(interaction, modal=modal), kind)
    body = read_message(data, uploads)
    errors.raise_if_any()
    if kind is CallbackType.MESSAGE:
        return _message(world, interaction, body)
    if kind is CallbackType.DEFERRED_MESSAGE:
        return _deferred(world, interaction, ephemeral=bool(body.flags & MessageFlag.EPHEMERAL))
    source = _source_message(world, interaction)
    if kind is CallbackType.UPDATE_MESSAGE:
        source = world.change(posting.revise(world, source, body))
    return Answer(replace(interaction, original_id=source.id), CallbackType(kind or 0), source)


def _message(world: World, interaction: Interaction, body: MessageBody) -> Answer:
    """Answer with a message at once."""
    ephemeral = bool(body.flags & MessageFlag.EPHEMERAL)
    message = posting.compose(
        world,
        world.channels[interaction.channel_id],
        world.bot,
        body,
        kind=response_type(interaction),
        reference=response_reference(world, interaction),
        interaction_id=interaction.id,
        visible_to=interaction.user_id if ephemeral else None,
        by_webhook=True,
    )
    kept = world.keep(replace(interaction, original_id=message.id, ephemeral=ephemeral))
    world.post(message)
    return Answer(kept, CallbackType.MESSAGE, message)


def _deferred(world: World, interaction: Interaction, *, ephemeral: bool) -> Answer:
    """Answer with the message that says the bot is thinking."""
    flags = MessageFlag.LOADING | (MessageFlag.EPHEMERAL if ephemeral else 0)
    message = Message(
        id=world.snowflakes.next(),
        channel_id=interaction.channel_id,
        author_id=world.bot.id,
        content="",
        timestamp=dt.datetime.now(dt.UTC),
        type=response_type(interaction),
        flags=int(flags),
        reference=response_reference(world, interaction),
        interaction_id=interaction.id,
        visible_to=interaction.user_id if ephemeral else None,
        by_webhook=True,
    )
    kept = world.keep(
        replace(interaction, original_id=message.id, ephemeral=ephemeral, loading=True)
    )
    world.post(message)
    return Answer(kept, CallbackType.DEFERRED_MESSAGE, message)


def response_type(interaction: Interaction) -> MessageType:
    """Return the type of the message that answers an interaction."""
    if interaction.type is not InteractionType.COMMAND:
        return MessageType.REPLY if interaction.message_id else MessageType.DEFAULT
    if interaction.data.get("type", 1) == 1:
        return MessageType.CHAT_INPUT_COMMAND
    return MessageType.CONTEXT_MENU_COMMAND


def response_reference(world: World, interaction: Interaction) -> Json | None:
    """Return the reference from a component's answer to the component's message."""
    if interaction.message_id is None or interaction.type is InteractionType.COMMAND:
        return None
    source = world.messages.get(interaction.channel_id, interaction.message_id)
    return posting.reference_to(world, source) if source is not None else None


def _source_message(world: World, interaction: Interaction) -> Message:
    source = world.messages.get(interaction.channel_id, interaction.message_id or "")
    if source is None:
        raise unknown("Message")
    return source


def _focused_type(options: list[Json]) -> int | None:
    """Return the type of the option that the member is typing in."""
    for option in options:
        if option.get("focused"):
            return int(option["type"])
        inner = _focused_type(option.get("options", []))
        if inner is not None:
            return inner
    return None


def _notify(world: World, interaction: Interaction, kind: str, data: Json) -> None:
    world.bus.publish(
        MemberNotice(interaction.user_id, kind, {"interaction_id": interaction.id, **data})
    )
