"""Texts that meet every branch of the prompt language: whole, broken and hostile pieces."""

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
]
WILD_PIECES = [
    *("<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!", "<!DOCTYPE", "<![", "&x;", "&#0;", "&#"),
    *("<_<", "<o>_<o>", "<Prompt Start>", "<lora:a:1>", "<$x$>", "</$x$>", "&#13;", "&#xFEFF;"),
    *("\ufeff", "\r\n", "\r", "\t", "\u3000", "\x85", "\x00", "\u200b", "\ud800", "＜", "＞", "／"),
]
fragments = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
known_texts = st.lists(st.sampled_from(KNOWN_PIECES), max_size=24).map("".join)
wild_texts = st.lists(
    st.sampled_from(PIECES + KNOWN_PIECES + WILD_PIECES) | st.text(max_size=3), max_size=14
).map("".join)
texts = st.text() | wild_texts | known_texts
prefixes = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b'<?xml encoding="gbk"?>']
)
codecs = st.sampled_from(
    ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030", "shift_jis", "cp932"]
)
encoded = st.builds(
    lambda prefix, text, codec: prefix + text.encode(codec, "replace"), prefixes, texts, codecs
)

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
