"""What a caption that the language model wrote must be like: a few plain sentences.

It is the one free text, so it holds letters, digits and ordinary punctuation and nothing else: no
sign that means something in a prompt (tags, weights, escapes), no line end, no address.
"""

import re

MOST_CAPTION_CHARACTERS = 320
MOST_SENTENCES = 3
MOST_LETTERS_OF_A_WORD = 40

PUNCTUATION = ".,!?;:'\"-"
_WIDE_PUNCTUATION = "。，！？；：、’‘“”…·ー「」"
_SENTENCE_END = re.compile(r"[.!?。！？…]+[\"'”’」]?(?=\s|\Z|(?<=[。！？]))")
_ENDS = re.compile(r"[.!?。！？…][\"'”’」]?\Z")
# What mail and web addresses, and references to a user or a channel, look like without their signs.
_ADDRESS = re.compile(r"https?:|www|[a-z0-9-]\.[a-z]{2,}|\bdiscord\b", re.IGNORECASE)


def passes_caption(text: str) -> bool:
    """Tell whether a text may be added as a caption: one to three whole sentences."""
    if not text or len(text) > MOST_CAPTION_CHARACTERS or text != " ".join(text.split()):
        return False
    if not all(is_caption_sign(sign) for sign in text) or _ADDRESS.search(text):
        return False
    if max(map(len, text.split())) > MOST_LETTERS_OF_A_WORD and text.isascii():
        return False
    if not _ENDS.search(text) or not any(sign.isalpha() for sign in text):
        return False
    return 1 <= count_sentences(text) <= MOST_SENTENCES


def is_caption_sign(sign: str) -> bool:
    """Tell whether a caption may hold this character."""
    if sign == " " or sign.isalpha():
        return True
    return sign in "0123456789" or sign in PUNCTUATION or sign in _WIDE_PUNCTUATION


def count_sentences(text: str) -> int:
    """Count the ends of sentences in a text."""
    return len(_SENTENCE_END.findall(text))


def whole_sentences(text: str) -> str:
    """Cut what follows the last end of a sentence off; nothing where there is none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""
