"""Texts that meet every branch of the prompt language: whole, broken and hostile pieces.

- `texts`: pieces of markup in any order, most of them refused.
- `mangled`: whole prompts with a few tags lost, doubled, swapped or misspelt; most of them need
  repairs and many get them.
- `encoded`: either of them as the bytes of a file, with and without mark and declaration.
"""

import re

from hypothesis import strategies as st

from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS

PIECES = [
    *("<a>", "</a>", "<b x='1'>", "</b>", "<c/>", "< c>", "</ a>", "<", ">", "/", "&", "=", "'"),
    *("&lt;", "&#65;", "&#x41;", ";", "<!-- n -->", "<![CDATA[ <n> & ]]>", "<?p i?>", "]]>"),
    *(" ", "\n", "miku", "3", ' x="', '"', ">_<", "<3", "初音", "🌸"),
]
KNOWN_PIECES = [
    *("<character_1>", "</character_1>", "<character_2>", "</character_2>", "<character>"),
    *("</character>", "<character 3>", "</character 3>", "<$character_1$>", "</$character_1$>"),
    *("<general_tags>", "</general_tags>", "<caption>", "</caption>", "<img>", "</img>"),
    *("<n>", "</n>", "<gender>", "</gender>", "<appearance>", "</appearence>", "<count>"),
    *("</count>", "</N>", "< n >", "</ n >", "</n", "<n", "<n/ >", "＜n＞", "＜／n＞", "<ｎ>"),
    *("<zodiac>", "</zodiac>", "character_2", "1girl, 2girls", "blue_hair, red_hair", "\n", " "),
    *("<name>", "</name>", "<N>", "<n>a</n>", "<gender>b</gender>", ", ", "，", "x", "line\nline"),
    *(
        "<general tags>",
        "</general tags>",
        "＜general　tags＞",
        "＜ｃｈａｒａｃｔｅｒ＿１＞",
        "<n x</n>",
    ),
    *("a<b", "<caption a", "</x", "</her and", "2girls, 1boy", "long_hair, short_hair", "<general"),
]
WILD_PIECES = [
    *("<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!", "<!DOCTYPE", "<![", "&x;", "&#0;", "&#"),
    *(
        "<_<",
        "<_>",
        "<_ x='1'>",
        "</_>",
        "<o>_<o>",
        "<Prompt Start>",
        "<lora:a:1>",
        "<$x$>",
        "</$x$>",
        "&#13;",
        "&#xFEFF;",
    ),
    *(
        "<a:bc:123456789012345678>",
        "<a:bc:123456789012345678 x=''>",
        "<t:1700000000:R>",
        '<?xml version="1.0">',
        "<?xml",
        "\u202e",
    ),
    *(
        "(x:1.2)",
        "((((",
        "\\(",
        "{[",
        "]}",
        "'\"",
        "<!---->",
        "&lt",
        "&amp;lt;",
        "<n" * 9,
        "</a" * 9,
    ),
    *("\ufeff", "\r\n", "\r", "\t", "\u3000", "\x85", "\x00", "\u200b", "\ud800", "＜", "＞", "／"),
]
fragments = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
known_texts = st.lists(st.sampled_from(KNOWN_PIECES), max_size=24).map("".join)
wild_texts = st.lists(
    st.sampled_from(PIECES + KNOWN_PIECES + WILD_PIECES) | st.text(max_size=3), max_size=14
).map("".join)
texts = st.text() | wild_texts | known_texts
# Prompts that nobody wrote: what a program can put together.
values = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)
    | st.lists(st.sampled_from(PIECES + KNOWN_PIECES), min_size=1, max_size=5).map("".join)
).map(lambda text: text.strip().strip("\ufeff\ufffe\uffff").strip())
a_text = values.filter(lambda text: text and "\ufeff" not in text).filter(str.isprintable).map(Text)


def contents(name: str) -> st.SearchStrategy[Element]:
    inner = st.builds(Element, st.sampled_from(["b", "mood", "名前"]), st.tuples(a_text))
    content = st.just(()) | st.tuples(a_text) | st.tuples(a_text, inner) | st.tuples(inner, a_text)
    return st.builds(Element, st.just(name), content)


extras = st.lists(st.sampled_from(["zodiac", "mood", "星座"]).flatmap(contents), max_size=2)
characters = st.builds(
    Character,
    **{field: st.none() | contents(tag) for field, tag in CHARACTER_FIELDS.items()},
    extras=extras.map(tuple),
    text=st.none() | a_text,
)
general_tags = st.builds(
    GeneralTags,
    **{field: st.none() | contents(tag) for field, tag in GENERAL_FIELDS.items()},
    extras=extras.map(tuple),
    text=st.none() | a_text,
)
prompts = st.builds(
    Prompt,
    characters=st.lists(characters, max_size=3).map(tuple),
    general_tags=st.none() | general_tags,
    caption=st.none() | contents("caption"),
    text=a_text,
    extras=extras.map(tuple),
)


# Every tag, and what lies between two of them.
_PIECE = re.compile(r"<[^<>]*>|[^<]+|<")


def _lose(pieces: list[str], at: int, to: int) -> None:
    del pieces[at]


def _double(pieces: list[str], at: int, to: int) -> None:
    pieces.insert(to, pieces[at])


def _swap(pieces: list[str], at: int, to: int) -> None:
    pieces[at], pieces[to] = pieces[to], pieces[at]


def _misspell(pieces: list[str], at: int, to: int) -> None:
    middle = len(pieces[at]) // 2
    pieces[at] = pieces[at][:middle] + pieces[at][middle + 1 :]


def _cut_sign(pieces: list[str], at: int, to: int) -> None:
    pieces[at] = pieces[at].rstrip(">")


def _change_case(pieces: list[str], at: int, to: int) -> None:
    pieces[at] = pieces[at].swapcase()


def _make_full_width(pieces: list[str], at: int, to: int) -> None:
    pieces[at] = pieces[at].translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})


def _blank(pieces: list[str], at: int, to: int) -> None:
    pieces[at] = pieces[at].replace("</", "</ ").replace("_", " ")


def _cut_off(pieces: list[str], at: int, to: int) -> None:
    del pieces[at:]


_CHANGES = (_lose, _double, _swap, _misspell, _cut_sign, _change_case, _make_full_width, _blank)


_texts = st.sampled_from(
    [
        *("miku", "1girl", "1boy", "blue_hair, red_hair", "蓝色的头发，长发", "青い髪", "<3 & >_<"),
        *(
            "with character_2",
            "a\nb",
            "2girls",
            "",
            " ",
            "(smile:1.2)",
            "<b>x</b>",
            "a<b",
            "&lt;n>",
        ),
    ]
)
_fields = st.builds(
    "  <{0}>{1}</{0}>".format,
    st.sampled_from([*CHARACTER_FIELDS.values(), *GENERAL_FIELDS, "caption", "zodiac"]),
    _texts,
)
_blocks = (
    st.builds(
        lambda name, fields: "\n".join((f"<{name}>", *fields, f"</{name}>")),
        st.sampled_from(["character_1", "character_2", "character", "general_tags", "img", "x"]),
        st.lists(_fields, max_size=4),
    )
    | _fields
    | _texts
)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """Whole prompts with a few mistakes of the kinds that people make."""
    pieces = _PIECE.findall("\n".join(draw(st.lists(_blocks, min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        if not pieces:
            break
        at, to = (draw(st.integers(0, len(pieces) - 1)) for _ in range(2))
        draw(st.sampled_from((*_CHANGES, _cut_off)))(pieces, at, to)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(pieces)))
        pieces.insert(at, draw(st.sampled_from(PIECES + KNOWN_PIECES + WILD_PIECES)))
    return "".join(pieces)


prefixes = st.sampled_from(
    [
        *(b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"),
        *(b'<?xml encoding="gbk"?>', b'<?xml encoding="Shift_JIS"?>', b"<?xml encoding='x-user'?>"),
        *(
            b'<?xml version="1.0" encoding="UTF-16"?>',
            b'<?xml encoding="UTF-8">',
            b"BM",
            b"PK\x03\x04",
        ),
    ]
)
codecs = st.sampled_from(
    [
        *("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030", "shift_jis"),
        *("cp932", "cp950", "euc_jp", "cp949", "latin-1", "utf-7", "iso2022_jp"),
    ]
)
encoded = st.builds(
    lambda prefix, text, codec: prefix + text.encode(codec, "replace"),
    prefixes,
    texts | mangled(),
    codecs,
)
