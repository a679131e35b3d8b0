"""REST: messages of a channel, as the bot reads and writes them."""

from playground import message_payloads, posting
from playground.errors import ApiError, missing_access, missing_permissions, unknown
from playground.model import Channel, Message, MessageType
from playground.rest.call import NO_CONTENT, Call, Reply
from playground.snowflakes import is_snowflake
from playground.validation.form import Form, FormErrors, invalid
from playground.validation.messages import MessageBody, read_message
from playground.world import World


def create(world: World, call: Call) -> Reply:
    """POST /channels/{channel_id}/messages."""
    channel = world.bot_channel(call.params["channel_id"])
    errors = FormErrors()
    body = read_message(Form(call.body, errors), call.uploads)
    _check_may_send(world, channel, body)
    errors.raise_if_any()
    now = world.clock.now()
    if body.nonce is not None and body.enforce_nonce:
        earlier = world.messages.by_nonce(world.bot.id, str(body.nonce), now)
        if earlier is not None:
            return Reply(message_payloads.for_bot(world, earlier))
    reference = posting.resolve_reference(world, channel, body.reference)
    kind = MessageType.REPLY if reference is not None else MessageType.DEFAULT
    message = posting.compose(world, channel, world.bot, body, kind=kind, reference=reference)
    world.post(message)
    if body.nonce is not None:
        world.messages.remember_nonce(str(body.nonce), message, now)
    return Reply(message_payloads.for_bot(world, message))


def _check_may_send(world: World, channel: Channel, body: MessageBody) -> None:
    """Check what the bot needs here for this body."""
    if channel.recipient_id is not None:
        recipient = world.require_user(channel.recipient_id)
        if not recipient.accepts_dms:
            raise ApiError(403, 50007, "Cannot send messages to this user")
        return
    needed = ["SEND_MESSAGES"]
    needed += ["ATTACH_FILES"] if body.uploads else []
    needed += ["EMBED_LINKS"] if body.embeds else []
    if not all(world.may(world.bot, channel, name) for name in needed):
        raise missing_permissions()


def list_all(world: World, call: Call) -> Reply:
    """GET /channels/{channel_id}/messages: newest first, with before, after and around."""
    channel = world.bot_channel(call.params["channel_id"])
    if not world.may(world.bot, channel, "READ_MESSAGE_HISTORY"):
        return Reply([])
    limit = _limit(call.query.get("limit"))
    chosen = world.messages.public(channel.id)
    for name in ("before", "after", "around"):
        value = call.query.get(name)
        if value is None:
            continue
        if not is_snowflake(value):
            words = f'Value "{value}" is not snowflake.'
            raise invalid((name,), "NUMBER_TYPE_COERCE", words)
        chosen = _page(chosen, name, int(value), limit)
        break
    else:
        chosen = chosen[-limit:]
    newest_first = sorted(chosen, key=lambda message: int(message.id), reverse=True)
    return Reply([message_payloads.for_bot(world, message) for message in newest_first])


def _page(messages: list[Message], name: str, pivot: int, limit: int) -> list[Message]:
    older = [m for m in messages if int(m.id) < pivot]
    newer = [m for m in messages if int(m.id) > pivot]
    if name == "before":
        return older[-limit:]
    if name == "after":
        return newer[:limit]
    exact = [m for m in messages if int(m.id) == pivot]
    half = max(1, limit // 2)
    return older[-half:] + exact + newer[:half]


def _limit(value: str | None) -> int:
    if value is None:
        return 50
    if not value.isdecimal() or not 1 <= int(value) <= 100:
        words = "int value should be between 1 and 100."
        raise invalid(("limit",), "NUMBER_TYPE_MAX", words)
    return int(value)


def get(world: World, call: Call) -> Reply:
    """GET /channels/{channel_id}/messages/{message_id}."""
    channel = world.bot_channel(call.params["channel_id"])
    if not world.may(world.bot, channel, "READ_MESSAGE_HISTORY"):
        raise missing_access()
    message = world.require_message(channel.id, call.params["message_id"])
    return Reply(message_payloads.for_bot(world, message))


def edit(world: World, call: Call) -> Reply:
    """PATCH /channels/{channel_id}/messages/{message_id}."""
    channel = world.bot_channel(call.params["channel_id"])
    message = world.require_message(channel.id, call.params["message_id"])
    if message.author_id != world.bot.id:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    errors = FormErrors()
    body = read_message(Form(call.body, errors), call.uploads)
    errors.raise_if_any()
    if body.uploads and not world.may(world.bot, channel, "ATTACH_FILES"):
        raise missing_permissions()
    changed = world.change(posting.revise(world, message, body))
    return Reply(message_payloads.for_bot(world, changed))


def delete(world: World, call: Call) -> Reply:
    """DELETE /channels/{channel_id}/messages/{message_id}."""
    channel = world.bot_channel(call.params["channel_id"])
    message = world.messages.get(channel.id, call.params["message_id"])
    if message is None or message.visible_to is not None:
        raise unknown("Message")
    own = message.author_id == world.bot.id
    if not own and not world.may(world.bot, channel, "MANAGE_MESSAGES"):
        raise missing_permissions()
    world.delete(message)
    return NO_CONTENT
