"""Text in EXIF's UserComment: eight bytes that name the character code, then the text."""

_UNICODE = b"UNICODE\0"


def write_user_comment(text: str) -> bytes:
    """Encode a text as the value of UserComment."""
    return _UNICODE + text.encode("utf-16-be")


def read_user_comment(value: object) -> str | None:
    """Decode what `write_user_comment` wrote; None for anything else."""
    if not isinstance(value, bytes) or not value.startswith(_UNICODE):
        return None
    try:
        return value.removeprefix(_UNICODE).decode("utf-16-be")
    except UnicodeDecodeError:
        return None
