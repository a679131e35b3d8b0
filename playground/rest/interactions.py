"""REST: the answer to an interaction."""

from playground import message_payloads
from playground.interactions.callbacks import Answer, answer
from playground.model import CallbackType, Json, MessageFlag
from playground.rest.call import NO_CONTENT, Call, Reply
from playground.world import World


def callback(world: World, call: Call) -> Reply:
    """POST /interactions/{interaction_id}/{interaction_token}/callback."""
    result = answer(
        world,
        call.params["interaction_id"],
        call.params["interaction_token"],
        call.body,
        call.uploads,
    )
    if not call.flag("with_response"):
        return NO_CONTENT
    return Reply(_response(world, result))


def _response(world: World, result: Answer) -> Json:
    interaction = result.interaction
    shown: Json = {
        "id": interaction.id,
        "type": int(interaction.type),
        "channel_id": interaction.channel_id,
    }
    guild_id = world.channels[interaction.channel_id].guild_id
    if guild_id is not None:
        shown["guild_id"] = guild_id
    response: Json = {"interaction": shown}
    message = result.message
    if message is not None:
        shown["response_message_id"] = message.id
        shown["response_message_loading"] = bool(message.flags & MessageFlag.LOADING)
        shown["response_message_ephemeral"] = bool(message.flags & MessageFlag.EPHEMERAL)
        if result.type in (CallbackType.MESSAGE, CallbackType.UPDATE_MESSAGE):
            rendered = message_payloads.message(world, message)
            response["resource"] = {"type": int(result.type), "message": rendered}
    return response
