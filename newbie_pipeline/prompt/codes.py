"""Every code that the prompt language can answer with: its sentences and an example.

- `CATALOGUE` is the one list of codes. Each entry has one sentence for what is wrong or was done,
  one for what to write instead, and an example that gives exactly this code (a test runs them all).
- A code never changes its meaning and is never given out twice. E refuses a prompt: E1xx reading
  the text, E2xx a single piece of markup, E3xx the structure, E4xx what is refused on principle.
  W accepts it: W1xx, W2xx and W3xx say in the same order what was repaired or kept although it is
  unknown, W4xx what is well formed and yet hardly meant.
"""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Name the kinds of refusal and warning; the value is what members and tools see."""

    EMPTY = "E101"
    TOO_LARGE = "E102"
    BINARY = "E103"
    UNDECODABLE = "E104"
    UNKNOWN_ENCODING = "E105"
    CONTROL_CHARACTER = "E106"
    BAD_CHARACTER_REFERENCE = "E107"

    TAG_NOT_FINISHED = "E201"
    BAD_END_TAG = "E202"
    UNEXPECTED_IN_TAG = "E203"
    ATTRIBUTE_WITHOUT_VALUE = "E204"
    QUOTE_NOT_CLOSED = "E205"
    REPEATED_ATTRIBUTE = "E206"
    SECTION_NOT_FINISHED = "E207"
    LORA_TAG = "E208"

    NEVER_CLOSED = "E301"
    CROSSED = "E302"
    CLOSES_NOTHING = "E303"
    WRONG_END = "E304"
    TOO_DEEP = "E305"
    TOO_MANY_CHARACTERS = "E306"
    TOO_MANY_ELEMENTS = "E307"
    TOO_MANY_REPAIRS = "E308"

    DTD = "E401"
    ENTITY = "E402"

    MORE_OF_THESE = "W100"
    ENCODING_GUESSED = "W101"
    ENCODING_AMBIGUOUS = "W102"
    DECLARATION_WRONG = "W103"

    FULL_WIDTH_TAG = "W201"
    TAG_REPAIRED = "W202"
    ATTRIBUTE_UNUSED = "W203"

    CLOSED_FOR_YOU = "W301"
    ENDS_SWAPPED = "W302"
    END_REMOVED = "W303"
    END_RENAMED = "W304"
    RENUMBERED = "W305"
    UNKNOWN_ELEMENT = "W306"
    MISSPELT_ELEMENT = "W307"
    MISPLACED = "W308"
    REPEATED_FIELD = "W309"
    NESTED = "W310"
    INSIDE_FIELD = "W311"
    TAG_AS_TEXT = "W312"

    CONTRADICTION = "W401"
    COUNT_MISMATCH = "W402"
    TOO_LONG = "W403"
    MANY_CHARACTERS = "W404"
    GENDER_MISMATCH = "W405"

    @property
    def is_warning(self) -> bool:
        """Tell whether a prompt with this finding is accepted."""
        return self.value.startswith("W")

    @property
    def is_repair(self) -> bool:
        """Tell whether the text that the model is shown differs there from the file."""
        return self in _REPAIRS


_REPAIRS = {
    *(Code.ENCODING_GUESSED, Code.ENCODING_AMBIGUOUS, Code.DECLARATION_WRONG),
    *(Code.FULL_WIDTH_TAG, Code.TAG_REPAIRED, Code.CLOSED_FOR_YOU, Code.ENDS_SWAPPED),
    *(Code.END_REMOVED, Code.END_RENAMED, Code.RENUMBERED),
}


@dataclass(frozen=True)
class Entry:
    """Describe one code: sentences with named places for values, and an example that gives it."""

    message: str
    hint: str
    example: str | bytes


CATALOGUE: dict[Code, Entry] = {
    Code.EMPTY: Entry(
        "The prompt holds no text.",
        "Write tags, a sentence, or XML elements with text in them.",
        "<general_tags></general_tags>",
    ),
    Code.TOO_LARGE: Entry(
        "The prompt takes {size} bytes, and {limit} are allowed.",
        "Shorten it.",
        "1girl, " * 10_000,
    ),
    Code.BINARY: Entry(
        "This is {kind}, not a text.",
        "Send the prompt as an .xml or .txt file.",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    ),
    Code.UNDECODABLE: Entry(
        "The byte {byte} found here is not valid {encoding}.",
        "Save the file as UTF-8.",
        b"<n>caf\xe9</n>",
    ),
    Code.UNKNOWN_ENCODING: Entry(
        "The encoding {encoding} is not known here.",
        "Save the file as UTF-8 and write UTF-8 in its first line.",
        b'<?xml version="1.0" encoding="martian"?><n>miku</n>',
    ),
    Code.CONTROL_CHARACTER: Entry(
        "The control character {character} cannot be part of a prompt.",
        "Delete it; editors often show it as a box or not at all.",
        "blue_hair,\x1b long_hair",
    ),
    Code.BAD_CHARACTER_REFERENCE: Entry(
        "{reference} stands for no character that a prompt can hold.",
        "Write the character itself.",
        "<n>miku&#0;</n>",
    ),
    Code.TAG_NOT_FINISHED: Entry(
        "The tag {tag} is not finished with >.",
        "Finish the tag, or write &lt; if you mean a less-than sign.",
        "1girl, smile <caption",
    ),
    Code.BAD_END_TAG: Entry(
        "This end tag is not written correctly.",
        "Write </, the element's name and > with nothing else between them.",
        "<n>miku</>",
    ),
    Code.UNEXPECTED_IN_TAG: Entry(
        "{found} is out of place inside the tag {tag}.",
        'Write attributes as name="value" with spaces between, or &lt; for a less-than sign.',
        "<n 1>miku</n>",
    ),
    Code.ATTRIBUTE_WITHOUT_VALUE: Entry(
        "The attribute {attribute} of {tag} has no value in quotes.",
        'Write it as name="value", or write &lt; if you mean a less-than sign.',
        "<n lang=ja>miku</n>",
    ),
    Code.QUOTE_NOT_CLOSED: Entry(
        "The value of the attribute {attribute} has no closing quote.",
        "Write the same quote at its end, and &lt; for every < inside it.",
        '<n lang="ja>miku</n>',
    ),
    Code.REPEATED_ATTRIBUTE: Entry(
        "The attribute {attribute} appears twice in {tag}.",
        "Keep one of the two.",
        '<n lang="ja" lang="en">miku</n>',
    ),
    Code.SECTION_NOT_FINISHED: Entry(
        "The {section} that starts here never ends.",
        "Write {end} where it ends.",
        "<n>miku</n> <!-- a note",
    ),
    Code.LORA_TAG: Entry(
        "{tag} is not part of this prompt language.",
        "Remove it; a prompt cannot load a LoRA.",
        "1girl, <lora:lineart:0.8>, smile",
    ),
    Code.NEVER_CLOSED: Entry(
        "The element {tag} is never closed.",
        "Write {end} where it ends, or &lt; if no tag is meant.",
        "<n>hatsune miku",
    ),
    Code.CROSSED: Entry(
        "{found} comes before {expected}, so the two elements cross.",
        "Close the element that was opened last first: {expected}, then {found}.",
        "<a>a girl <b>and a cat</a> on a roof</b>",
    ),
    Code.CLOSES_NOTHING: Entry(
        "{found} closes an element that is not open.",
        "Remove it, or write the start tag that belongs to it.",
        "<n>miku</n></character_1>",
    ),
    Code.WRONG_END: Entry(
        "{found} does not close {tag}, the element that is open here.",
        "Write the end tag with exactly the name of its start tag.",
        "<appearance>blue_hair</clothing>",
    ),
    Code.TOO_DEEP: Entry(
        "{tag} is nested more than {limit} elements deep.",
        "Take it out of some of the elements around it.",
        "<a>" * 9 + "miku" + "</a>" * 9,
    ),
    Code.TOO_MANY_CHARACTERS: Entry(
        "This is character number {count}, and {limit} are allowed.",
        "Leave out some characters; the model was trained on one or two.",
        "<character_1><n>miku</n></character_1>" * 17,
    ),
    Code.TOO_MANY_ELEMENTS: Entry(
        "There are more than {limit} elements.",
        "Write several tags into one element, with commas between them.",
        "<n>x</n>" * 1_025,
    ),
    Code.TOO_MANY_REPAIRS: Entry(
        "There are more than {limit} mistakes up to here.",
        "Write the tags as the prompt guide shows.",
        "<n>x</ n>" * 257,
    ),
    Code.DTD: Entry(
        "Document types and declarations ({found}) are not allowed in a prompt.",
        "Remove the declaration.",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ),
    Code.ENTITY: Entry(
        "The entity {reference} is not known: only &lt; &gt; &amp; &quot; and &apos; are.",
        "Write the character itself, or &amp; for an ampersand.",
        "<n>miku&nbsp;hatsune</n>",
    ),
    Code.MORE_OF_THESE: Entry(
        "{code} was found {count} more times.",
        "Change the places that are named, then look again.",
        "<a>b</a>" * 12,
    ),
    Code.ENCODING_GUESSED: Entry(
        "The file does not say how it is encoded; it is read as {encoding}.",
        "Save the file as UTF-8.",
        "<n>初音未来</n>，蓝色的头发".encode("gbk"),
    ),
    Code.ENCODING_AMBIGUOUS: Entry(
        "The file can be read as {encoding} and as {other}; it is read as {encoding}.",
        "Save the file as UTF-8.",
        b"\x82\xa0\x82\xa0\xb0\xa1\xb0\xa1",
    ),
    Code.DECLARATION_WRONG: Entry(
        "The first line names the encoding {declared}, but the file is in {encoding}.",
        "Write the encoding that the file has into the first line, or leave the line out.",
        '<?xml version="1.0" encoding="GBK"?><n>初音未来</n>'.encode(),
    ),
    Code.FULL_WIDTH_TAG: Entry(
        "{found} is written with full-width signs; it is read as {read}.",
        "Write tags with the signs < / > of the ASCII keyboard.",
        "＜n＞初音ミク＜／n＞",
    ),
    Code.TAG_REPAIRED: Entry(
        "{found} is not written correctly; it is read as {read}.",
        "Write {read}.",
        "<character 1><n>miku</ n></character 1>",
    ),
    Code.ATTRIBUTE_UNUSED: Entry(
        "The model does not know the attribute {attribute} of {tag}.",
        "Write what it says into the element.",
        '<character_1 side="left"><n>miku</n></character_1>',
    ),
    Code.CLOSED_FOR_YOU: Entry(
        "The element {tag} is never closed; {end} was added where it must end.",
        "Write {end} there.",
        "<character_1><n>miku <gender>1girl</gender></character_1>",
    ),
    Code.ENDS_SWAPPED: Entry(
        "{found} comes before {expected}; the two were swapped.",
        "Close the element that was opened last first.",
        "<character_1><n>miku</character_1></n>",
    ),
    Code.END_REMOVED: Entry(
        "{found} stands here twice; the second one was removed.",
        "Remove it.",
        "<character_1><n>miku</n></n></character_1>",
    ),
    Code.END_RENAMED: Entry(
        "{found} closes {tag}; its name was corrected.",
        "Write the end tag with exactly the name of its start tag.",
        "<character_1><appearance>blue_hair</appearence></character_1>",
    ),
    Code.RENUMBERED: Entry(
        "{found} is read as {read}, so that each character has a number of its own, from 1 on.",
        "Number the characters 1, 2, 3 and so on.",
        "<character_1><n>miku</n></character_1><character_1><n>luka</n></character_1>",
    ),
    Code.UNKNOWN_ELEMENT: Entry(
        "The model does not know the element {tag}; it is kept.",
        "Use an element of the prompt guide.",
        "<character_1><n>miku</n><zodiac>virgo</zodiac></character_1>",
    ),
    Code.MISSPELT_ELEMENT: Entry(
        "The model does not know the element {tag}; it is kept.",
        "Write {nearest} if you mean that.",
        "<character_1><n>miku</n><apearance>blue_hair</apearance></character_1>",
    ),
    Code.MISPLACED: Entry(
        "{tag} belongs into {parent}.",
        "Move it there.",
        "<character_1><n>miku</n><quality>masterpiece</quality></character_1>",
    ),
    Code.REPEATED_FIELD: Entry(
        "{tag} appears more than once; all of it counts.",
        "Write it once, with all tags in it.",
        "<character_1><n>miku</n><action>run</action><action>wave</action></character_1>",
    ),
    Code.NESTED: Entry(
        "{tag} stands inside of {parent}; it is read as if it stood after it.",
        "Close {parent} first.",
        "<character_1><n>miku</n><character_2><n>rin</n></character_2></character_1>",
    ),
    Code.INSIDE_FIELD: Entry(
        "{tag} stands inside of {parent} and counts as part of its text.",
        "Move it out of {parent}.",
        "<character_1><appearance>blue_hair <action>run</action></appearance></character_1>",
    ),
    Code.TAG_AS_TEXT: Entry(
        "{tag} is no whole tag, and no element has this name; it is read as text.",
        "Write {nearest} if you mean that.",
        "<character_1><n>miku</n><apearance blue_hair</character_1>",
    ),
    Code.CONTRADICTION: Entry(
        "{first} and {second} contradict each other in {tag}.",
        "Keep one of the two.",
        "<character_1><n>miku</n><appearance>blue_hair, red_hair</appearance></character_1>",
    ),
    Code.COUNT_MISMATCH: Entry(
        "{given} is written under <count>, and the prompt describes {found} characters.",
        "Let <count> name as many as there are characters.",
        "<character_1><n>miku</n></character_1><general_tags><count>2girls</count></general_tags>",
    ),
    Code.TOO_LONG: Entry(
        "The prompt has about {tokens} tokens, and the model reads {limit} of them.",
        "Shorten it: what comes last may be cut off.",
        "blue_hair, " * 300,
    ),
    Code.MANY_CHARACTERS: Entry(
        "The prompt describes {count} characters, and the model was trained mostly on one or two.",
        "Expect that it mixes their attributes up, or leave some out.",
        "<character_1>miku</character_1><character_2>rin</character_2><character_3>len</character_3>",
    ),
    Code.GENDER_MISMATCH: Entry(
        "{given} is written under <count>; by each <gender>, girls: {girls}, boys: {boys}.",
        "Let <count> and each <gender> say the same.",
        "<character_1><gender>1boy</gender></character_1>"
        "<general_tags><count>1girl</count></general_tags>",
    ),
}
