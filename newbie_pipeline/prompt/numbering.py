"""Give every character a number of its own, from 1 on without a gap.

- Numbers that are right stay, so that what other fields say about `character_2` stays true.
- The first character with a number keeps it. Characters without one, and those whose number was
  taken, get the smallest that is free, in the order of the file. Gaps are closed last.
- Where a number changes that only one character had, texts that name it change with it.
"""

import re
from collections.abc import Callable

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.source import Source
from newbie_pipeline.prompt.tree import Node, Tree

_REFERENCE = re.compile(r"(?<!\w)(character_?)([0-9]{1,9})(?!\w)", re.IGNORECASE)
_NUMBERED = re.compile(r"[_-]?\d+")


def renumber(source: Source, tree: Tree) -> tuple[list[int], Callable[[str], str]]:
    """Give the characters' numbers in document order, and what to do with texts that name them.

    Notes the repairs of the tags and texts, each tag with a warning.
    """
    given = [node.meaning.number for node in tree.characters]
    numbers = assign(given)
    if numbers == given:
        return numbers, lambda text: text
    for node, old, new in zip(tree.characters, given, numbers, strict=True):
        if old != new:
            _rename(source, node, new)
    moved = {
        old: new
        for old, new in zip(given, numbers, strict=True)
        if old is not None and old != new and given.count(old) == 1
    }

    def renamed(match: re.Match[str]) -> str:
        return f"{match[1]}{moved.get(int(match[2]), match[2])}"

    if moved:
        for start, end in tree.text_spans:
            for match in _REFERENCE.finditer(source.text, start, end):
                if int(match[2]) in moved:
                    source.replace(*match.span(), renamed(match))
    return numbers, (lambda text: _REFERENCE.sub(renamed, text)) if moved else (lambda text: text)


def assign(given: list[int | None]) -> list[int]:
    """Give numbers from 1 on without a gap, keeping as many of the given ones as can be."""
    numbers: list[int | None] = []
    for number in given:
        numbers.append(None if number in numbers else number)
    free = iter(sorted(set(range(1, len(given) + 1)) - set(numbers)))
    filled = [next(free) if number is None else number for number in numbers]
    rank = {number: k for k, number in enumerate(sorted(filled), 1)}
    return [rank[number] for number in filled]


def _rename(source: Source, node: Node, number: int) -> None:
    """Write the new number into both tags, into the repair of a tag where there is one."""
    dollar = "$" if node.name.endswith("$") else ""
    stem = _NUMBERED.sub("", node.name).removesuffix("$")
    name = f"{stem}_{number}{dollar}"
    values = {"found": quote(f"<{node.name}>"), "read": quote(name)}
    source.warn(Code.RENUMBERED, node.start, **values)
    start_repair = source.repair_at(node.start)
    if start_repair is not None:
        start_repair.text = start_repair.text.replace(node.name, name, 1)
    else:
        source.replace(node.start + 1, node.start + 1 + len(node.name), name)
    end_repair = node.end_repair
    if end_repair is None and node.end_tag is not None:
        end_repair = source.repair_at(node.end_tag)
    if end_repair is not None:
        end_repair.text = end_repair.text.replace(node.name, name, 1)
    elif node.end_tag is not None:
        source.replace(node.end_tag + 2, node.end_tag + 2 + len(node.name), name)
