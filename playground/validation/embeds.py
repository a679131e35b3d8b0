"""Embeds: the limits of each part and of all together."""

import datetime as dt
from typing import Any

from playground.model import Json
from playground.validation.form import Form

EMBEDS_PER_MESSAGE = 10
TOTAL_TEXT = 6000
_MEDIA_SCHEMES = ("http", "https", "attachment")


def read_embeds(body: Form) -> tuple[Json, ...] | None:
    """Read the embeds of a message body; None when the field is absent."""
    forms = body.forms("embeds", maximum=EMBEDS_PER_MESSAGE)
    if forms is None:
        return None
    # Discord drops embeds that show nothing.
    embeds = tuple(embed for form in forms if (embed := _read_embed(form)))
    if sum(_text_length(embed) for embed in embeds) > TOTAL_TEXT:
        body.fail(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {TOTAL_TEXT}",
        )
    return embeds


def _read_embed(form: Form) -> Json:
    embed: dict[str, Any] = {
        "title": form.text("title", maximum=256),
        "description": form.text("description", maximum=4096),
        "url": form.url("url", schemes=("http", "https")),
        "color": form.integer("color", minimum=0, maximum=0xFFFFFF),
        "timestamp": _read_timestamp(form),
    }
    if footer := form.form("footer"):
        embed["footer"] = _present(
            text=footer.text("text", maximum=2048, required=True),
            icon_url=footer.url("icon_url", schemes=_MEDIA_SCHEMES),
        )
    if author := form.form("author"):
        embed["author"] = _present(
            name=author.text("name", maximum=256, required=True),
            url=author.url("url", schemes=("http", "https")),
            icon_url=author.url("icon_url", schemes=_MEDIA_SCHEMES),
        )
    for part in ("image", "thumbnail"):
        if media := form.form(part):
            embed[part] = _present(url=media.url("url", schemes=_MEDIA_SCHEMES))
    fields = form.forms("fields", maximum=25)
    if fields:
        embed["fields"] = [
            {
                "name": field.text("name", minimum=1, maximum=256, required=True),
                "value": field.text("value", minimum=1, maximum=1024, required=True),
                "inline": field.boolean("inline") or False,
            }
            for field in fields
        ]
    return {key: value for key, value in embed.items() if value not in (None, {}, "")}


def _read_timestamp(form: Form) -> str | None:
    value = form.text("timestamp")
    if value is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        form.fail(
            "timestamp", "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601."
        )
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.isoformat()


def _present(**parts: Any) -> Json:
    return {key: value for key, value in parts.items() if value is not None}


def _text_length(embed: Json) -> int:
    """Return how many characters of an embed count towards the limit."""
    total = len(embed.get("title") or "") + len(embed.get("description") or "")
    total += len((embed.get("footer") or {}).get("text") or "")
    total += len((embed.get("author") or {}).get("name") or "")
    for field in embed.get("fields", []):
        total += len(field["name"] or "") + len(field["value"] or "")
    return total
