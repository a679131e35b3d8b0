r"""Read the weights that people write into prompts: `(tag:1.2)`, `(tag)`, `{tag}`, `[tag]`.

- `(x:1.2)` multiplies the weight of x by the number, `(x)` by 1.1, `{x}` by 1.2 and `[x]` by 0.9.
  Inside of one another they multiply. A number counts only in parentheses, behind the last colon.
- A backslash before `( ) [ ] { } \` makes it a sign of the text; every other backslash is text.
- A bracket without its partner, and a pair with nothing in it, are text.
- In XML, weights stand inside the text of one element: a bracket never pairs with one beyond a tag,
  and tags, comments and sections stay as they are.
- A text without brackets and backslashes comes back unchanged and without spans.
- Time is linear in the length of the text.
"""

import re
from collections import Counter
from typing import NamedTuple

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.scan import scan
from newbie_pipeline.prompt.source import Source

FACTORS = {"(": 1.1, "{": 1.2, "[": 0.9}
MAX_WEIGHT = 10.0

_PARTNERS = {")": "(", "}": "{", "]": "["}
_SIGN = re.compile(r"\\[()\[\]{}\\]|[()\[\]{}]")
_NUMBER = re.compile(r":\s*+([+-]?+(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++))\s*+\Z")
# Deeply nested brackets must not multiply up to infinity, which zero could not bring back.
_LARGEST_PRODUCT = 1e9


class WeightSpan(NamedTuple):
    """Hold the weight of the characters from `start` up to `end` of the plain text."""

    start: int
    end: int
    weight: float

    def moved(self, by: int) -> "WeightSpan":
        """Give the same span in a text that has so many characters more before it."""
        return self._replace(start=self.start + by, end=self.end + by)


class WeightedText(NamedTuple):
    """Hold the text without weights, and the spans whose weight is not 1, in order."""

    text: str
    spans: tuple[WeightSpan, ...]


def read_weights(text: str) -> WeightedText:
    """Take the weights out of a prompt, as `Prompt.source` gives it, or of a negative prompt.

    Weights are between 0 and `MAX_WEIGHT`; what is beyond counts as that.
    """
    if _SIGN.search(text) is None:
        return WeightedText(text, ())
    plain = _Plain()
    offset = 0
    for start, end in _markup(text):
        _read_text(plain, text[offset:start])
        plain.add(text[start:end], 1.0)
        offset = end
    _read_text(plain, text[offset:])
    return WeightedText("".join(plain.pieces), tuple(plain.spans))


class _Plain:
    """The plain text so far."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.spans: list[WeightSpan] = []
        self.length = 0

    def add(self, piece: str, weight: float) -> None:
        """Append a piece; the last span grows where the weight stays the same."""
        start, self.length = self.length, self.length + len(piece)
        self.pieces.append(piece)
        weight = min(weight, MAX_WEIGHT)
        if not piece or weight == 1.0:
            return
        if self.spans and self.spans[-1].end == start and self.spans[-1].weight == weight:
            start = self.spans.pop().start
        self.spans.append(WeightSpan(start, self.length, weight))


def _markup(text: str) -> list[tuple[int, int]]:
    """Find the tags, comments and sections; a negative prompt need not be well formed."""
    try:
        return [(markup.start, markup.end) for markup in scan(Source(text))]
    except PromptError:
        return []


def _read_text(plain: _Plain, text: str) -> None:
    """Append the text between two pieces of markup."""
    signs = list(_SIGN.finditer(text))
    factors, ends = _pair_up(text, signs)
    products = [1.0]
    offset = 0
    for sign in signs:
        start = sign.start()
        if start in factors:
            plain.add(text[offset:start], products[-1])
            products.append(min(products[-1] * factors[start], _LARGEST_PRODUCT))
        elif start in ends:
            plain.add(text[offset : ends[start]], products.pop())
        elif len(sign[0]) == 2:
            plain.add(text[offset:start] + sign[0][1], products[-1])
        else:
            continue
        offset = sign.end()
    plain.add(text[offset:], products[-1])


def _pair_up(text: str, signs: list[re.Match[str]]) -> tuple[dict[int, float], dict[int, int]]:
    """Find brackets that belong together.

    Gives the factor for each opening bracket's offset, and for each closing bracket's offset where
    the text before it ends, which is before its number.
    """
    factors: dict[int, float] = {}
    ends: dict[int, int] = {}
    unpaired: list[re.Match[str]] = []
    waiting: Counter[str] = Counter()
    before = 0
    for sign in signs:
        kind = sign[0]
        if kind in FACTORS:
            unpaired.append(sign)
            waiting[kind] += 1
        elif kind in _PARTNERS and waiting[_PARTNERS[kind]]:
            while (opening := unpaired.pop())[0] != _PARTNERS[kind]:
                waiting[opening[0]] -= 1
            waiting[opening[0]] -= 1
            factor, end = FACTORS[opening[0]], sign.start()
            if kind == ")" and (number := _NUMBER.search(text, before, end)):
                factor, end = max(0.0, float(number[1])), number.start()
            if text[opening.end() : end].strip():
                factors[opening.start()], ends[sign.start()] = factor, end
        before = sign.end()
    return factors, ends
