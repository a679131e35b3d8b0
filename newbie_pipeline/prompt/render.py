"""Write a prompt down in its canonical form.

The order is free text, characters, general tags, caption, other elements; fields stand in the
schema's order, one a line. `parse(render(prompt)) == prompt` holds for every prompt that `parse`
gave; the canonical form can be a little longer than what was read, so a prompt near the limit of
size reads again with `max_bytes=None`.

The model is shown `Prompt.source`, the member's own text. This form is for prompts that were put
together or completed by a program, and for comparing two prompts.
"""

import re

from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text

# Signs are escaped only where they would be read as markup: `<3`, `>_<` and `R&B` stay as they are.
_ESCAPED = re.compile(r"&(?=\#?\w[\w.:$\-]*;|\$)|<(?![0-9<=\-]|\s+(?![^\W\d]|[$/／])|\Z)|＜")
_ESCAPES = {"&": "&amp;", "<": "&lt;", "＜": "&#xFF1C;"}


def render(prompt: Prompt) -> str:
    """Give the canonical XML, without a line end after it.

    Texts of a prompt that a program put together must be such as a prompt can hold: no control
    characters, and no blanks at their edges.
    """
    lines = [] if prompt.text is None else [_escape(prompt.text)]
    for number, character in enumerate(prompt.characters, 1):
        lines += _block(f"character_{number}", character)
    if prompt.general_tags is not None:
        lines += _block("general_tags", prompt.general_tags)
    if prompt.caption is not None:
        lines.append(_element("caption", prompt.caption))
    lines += [_element(extra.name, extra) for extra in prompt.extras]
    return "\n".join(lines)


def _block(name: str, part: Character | GeneralTags) -> list[str]:
    lines = [] if part.text is None else [f"  {_escape(part.text)}"]
    lines += [f"  {_element(tag, element)}" for tag, element in part.elements()]
    return [f"<{name}>", *lines, f"</{name}>"]


def _element(name: str, element: Element) -> str:
    content = " ".join(
        _escape(each) if isinstance(each, Text) else _element(each.name, each)
        for each in element.content
    )
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def _escape(text: Text) -> str:
    return _ESCAPED.sub(lambda sign: _ESCAPES[sign[0]], text.text)
