"""REST: messages through an interaction's token: the original response and followups.

A token lives fifteen minutes, and is no webhook before the interaction is answered.
"""

from dataclasses import replace

from playground import message_payloads, posting
from playground.errors import invalid_webhook_token, unknown
from playground.model import (
    TOKEN_LIFE,
    CallbackType,
    Interaction,
    Message,
    MessageFlag,
    MessageType,
)
from playground.rest.call import NO_CONTENT, Call, Reply
from playground.validation.form import Form, FormErrors
from playground.validation.messages import MessageBody, read_message
from playground.world import World


def followup(world: World, call: Call) -> Reply:
    """POST /webhooks/{webhook_id}/{webhook_token}.

    The first one after a deferred answer takes the place of the thinking message.
    """
    interaction = _interaction(world, call)
    body = _body(call)
    if interaction.loading and interaction.original_id is not None:
        thinking = world.messages.get(interaction.channel_id, interaction.original_id)
        if thinking is not None:
            message = _edit(world, interaction, thinking, body)
            return _reply(world, call, message)
    ephemeral = bool(body.flags & MessageFlag.EPHEMERAL)
    original = world.messages.get(interaction.channel_id, interaction.original_id or "")
    reference = posting.reference_to(world, original) if original is not None else None
    message = posting.compose(
        world,
        world.channels[interaction.channel_id],
        world.bot,
        body,
        kind=MessageType.REPLY if reference is not None else MessageType.DEFAULT,
        reference=reference,
        interaction_id=interaction.id,
        visible_to=interaction.user_id if ephemeral else None,
        by_webhook=True,
    )
    world.post(message)
    if interaction.original_id is None:
        world.keep(replace(interaction, original_id=message.id))
    return _reply(world, call, message)


def _reply(world: World, call: Call, message: Message) -> Reply:
    if not call.flag("wait"):
        return NO_CONTENT
    return Reply(message_payloads.message(world, message))


def get_message(world: World, call: Call) -> Reply:
    """GET /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}."""
    interaction = _interaction(world, call)
    return Reply(message_payloads.message(world, _message(world, interaction, call)))


def edit_message(world: World, call: Call) -> Reply:
    """PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}."""
    interaction = _interaction(world, call)
    message = _message(world, interaction, call)
    changed = _edit(world, interaction, message, _body(call))
    return Reply(message_payloads.message(world, changed))


def delete_message(world: World, call: Call) -> Reply:
    """DELETE /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}."""
    interaction = _interaction(world, call)
    message = _message(world, interaction, call)
    world.delete(message)
    if message.id == interaction.original_id:
        world.keep(replace(interaction, loading=False))
    return NO_CONTENT


def _interaction(world: World, call: Call) -> Interaction:
    """Return the answered interaction that a live token belongs to."""
    if call.params["webhook_id"] != world.application.id:
        raise unknown("Webhook")
    interaction_id = world.by_token.get(call.params["webhook_token"])
    interaction = world.interactions.get(interaction_id or "")
    if interaction is None:
        raise invalid_webhook_token()
    if world.clock.now() - interaction.created_at > TOKEN_LIFE:
        raise invalid_webhook_token()
    if interaction.answered in (None, CallbackType.AUTOCOMPLETE):
        raise unknown("Webhook")
    if interaction.channel_id not in world.channels:
        raise unknown("Channel")
    return interaction


def _message(world: World, interaction: Interaction, call: Call) -> Message:
    """Return a message that this token may touch."""
    message_id = call.params.get("message_id", "@original")
    if message_id == "@original":
        return world.original_of(interaction)
    message = world.messages.get(interaction.channel_id, message_id)
    if message is None or (
        message.interaction_id != interaction.id and message.id != interaction.original_id
    ):
        raise unknown("Message")
    return message


def _body(call: Call) -> MessageBody:
    errors = FormErrors()
    body = read_message(Form(call.body, errors), call.uploads)
    errors.raise_if_any()
    return body


def _edit(world: World, interaction: Interaction, message: Message, body: MessageBody) -> Message:
    was_loading = bool(message.flags & MessageFlag.LOADING)
    changed = world.change(posting.revise(world, message, body), edited=not was_loading)
    if message.id == interaction.original_id and interaction.loading:
        world.keep(replace(interaction, loading=False))
    return changed
