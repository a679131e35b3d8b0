"""Plain text without elements: is it a list of tags or a sentence, and which tags does it hold.

- A tag is kept as it is written, its weight and its backslashes included; so a comma between
  brackets that belong together does not part anything: `(blue_hair, red_eyes:1.2)` is one.
- Commas, enumeration commas and line ends part tags. Semicolons, bars and full stops of Chinese
  and Japanese do so only where none of those is there: `;)` and `;d` are tags. Where there is
  nothing of all this, blanks part words with underscores.
"""

import re
import unicodedata
from collections import Counter
from itertools import accumulate, pairwise

from newbie_pipeline.prompt.tag_sorting import element_of

_PRIMARY = re.compile(r"[,，、\n]")
_SECONDARY = re.compile(r"[;；|｜。]")
_BLANK = re.compile(r"\s")
_REFERENCE = re.compile(r"&(?:#?\w+);")
_PARTNERS = {")": "(", "}": "{", "]": "[", "）": "（"}
# An escaped sign is found together with its backslash, so it is none of the brackets.
_BRACKET = re.compile(r"\\.|[()\[\]{}（）]", re.DOTALL)
# More words than this, or more Chinese or Japanese signs, are no tag.
_MOST_WORDS = 4
_MOST_SIGNS = 10
_WORD = re.compile(r"[^\W_]+(?:['’_-][^\W_]+)*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE_END = re.compile(r"""(?<=[\w"'”’)）」]{2})[.!?。！？]+["'”’」]?\s*\Z""")
_FULL_STOP_INSIDE = re.compile(r"[。！？]|(?<=[a-z]{2})[.!?]\s+[A-Z]")


def split_tags(text: str) -> tuple[str, ...]:
    """Give the tags of a list, each as written and without the blanks around it."""
    closed = _bracketed(text)
    for separator in (_PRIMARY, _SECONDARY):
        cuts = [at.start() for at in separator.finditer(text) if not closed[at.start()]]
        if cuts:
            return _cut(text, cuts)
    words = text.split()
    if len(words) > 1 and sum("_" in word or _is_known(word) for word in words) * 2 > len(words):
        return _cut(text, [at.start() for at in _BLANK.finditer(text) if not closed[at.start()]])
    return _cut(text, [])


def is_sentence(text: str) -> bool:
    """Tell whether a text is natural language and no list of tags.

    Most of a list's tags are short, or are known. A sentence ends with a full stop or has a long
    piece between its commas.
    """
    tags = split_tags(text)
    known = sum(_is_known(tag) for tag in tags)
    if known * 2 >= len(tags) and not any(is_phrase(tag) for tag in tags):
        return False
    if _FULL_STOP_INSIDE.search(text.strip()) or _SENTENCE_END.search(text):
        return True
    phrases = sum(is_phrase(tag) for tag in tags)
    return phrases * 2 > len(tags) or (phrases > 0 and known * 2 < len(tags))


def is_phrase(tag: str) -> bool:
    """Tell whether a piece between commas is too long for a tag."""
    wide = len(_WIDE.findall(tag))
    if wide > _MOST_SIGNS:
        return True
    return len(_WORD.findall(_WIDE.sub(" ", tag))) > _MOST_WORDS


def _is_known(tag: str) -> bool:
    return element_of(tag) is not None


def _bracketed(text: str) -> list[bool]:
    """Tell of each sign whether it stands within brackets that belong together or a reference."""
    steps = [0] * (len(text) + 1)
    waiting: list[int] = []
    counts: Counter[str] = Counter()
    for match in _BRACKET.finditer(text):
        at, sign = match.end() - 1, match[0]
        if sign in _PARTNERS.values():
            waiting.append(at)
            counts[sign] += 1
        elif counts[_PARTNERS.get(sign, "")]:
            while (opening := waiting.pop()) is not None:
                counts[text[opening]] -= 1
                if text[opening] == _PARTNERS[sign]:
                    break
            steps[opening] += 1
            steps[at + 1] -= 1
    for match in _REFERENCE.finditer(text):
        steps[match.start()] += 1
        steps[match.end()] -= 1
    return [depth > 0 for depth in accumulate(steps[:-1])]


def _cut(text: str, cuts: list[int]) -> tuple[str, ...]:
    edges = [-1, *cuts, len(text)]
    pieces = (text[a + 1 : b].strip() for a, b in pairwise(edges))
    return tuple(piece for piece in pieces if _is_visible(piece))


def _is_visible(piece: str) -> bool:
    return any(unicodedata.category(sign)[0] not in "CZ" for sign in piece)
