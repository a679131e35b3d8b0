"""Whatever JSON arrives, the readers of bodies answer with Discord's error or take it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from playground.attachments import safe_filename
from playground.errors import ApiError
from playground.images import image_size
from playground.validation.commands import read_command
from playground.validation.form import Form, FormErrors
from playground.validation.messages import read_message
from playground.validation.modals import read_modal

FIELDS = st.sampled_from(
    [
        *("content", "embeds", "components", "attachments", "flags", "nonce", "allowed_mentions"),
        *("message_reference", "message_id", "type", "id", "style", "label", "custom_id", "url"),
        *("title", "description", "fields", "name", "value", "image", "footer", "timestamp"),
        *("options", "choices", "required", "min_values", "max_values", "component", "emoji"),
        *("contexts", "integration_types", "default_member_permissions", "parse", "users"),
        *("name_localizations", "autocomplete", "min_length", "max_length", "channel_types"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 23)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["attachment://a.png", "https://x/y", "2024-01-01T00:00:00", "123456789"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=30,
)
BODIES = st.dictionaries(FIELDS, JSON, max_size=8) | JSON


def read(reader, body: object) -> None:
    errors = FormErrors()
    reader(Form(body, errors))
    try:
        errors.raise_if_any()
    except ApiError as refused:
        assert (refused.status, refused.code) == (400, 50035)


@settings(max_examples=150, deadline=None)
@given(BODIES)
def test_any_message_body_is_taken_or_refused(body: object) -> None:
    read(lambda form: read_message(form, ()), body)


@settings(max_examples=150, deadline=None)
@given(BODIES)
def test_any_command_body_is_taken_or_refused(body: object) -> None:
    read(read_command, body)


@settings(max_examples=150, deadline=None)
@given(BODIES)
def test_any_modal_body_is_taken_or_refused(body: object) -> None:
    read(read_modal, body)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF1234WEBPVP8 "]),
    st.binary(max_size=64),
)
def test_any_bytes_have_a_size_or_none(start: bytes, rest: bytes) -> None:
    size = image_size(start + rest)
    assert size is None or all(isinstance(side, int) for side in size)


@given(st.text(max_size=300))
def test_any_file_name_becomes_a_harmless_one(name: str) -> None:
    safe = safe_filename(name)
    assert safe and len(safe) <= 140
    assert not set(safe) & set('/\\"<>\r\n\0') and not safe.startswith(".")
    assert safe_filename(safe) == safe
