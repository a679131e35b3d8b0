"""Which encoding a file without any mark is taken for: right, or told as a doubt, or refused."""

import pytest

from newbie_pipeline.prompt.decoding import Undecodable, decode

CHINESE = (
    "1个女孩，蓝色的头发，双马尾，水手服，微笑，站在樱花树下，夕阳，逆光，高质量，细节丰富。黄昏的"
    "车站，一个女孩在等电车，手里拿着一把红色的伞。雨刚刚停，地面上的积水倒映着橙色的天空。初音未来，"
    "金色的眼睛，猫耳，白色连衣裙，坐在窗边看书，阳光洒进房间，杰作，最高画质"
)
TAIWANESE = (
    "一個女孩，藍色的頭髮，雙馬尾，水手服，微笑，站在櫻花樹下，夕陽，逆光，高品質，細節豐富。黃昏的"
    "車站，一個女孩在等電車，手裡拿著一把紅色的傘。雨剛剛停，地面上的積水倒映著橙色的天空。金色的眼睛，"
    "貓耳，白色洋裝，坐在窗邊看書，陽光灑進房間，傑作，最高畫質"
)
JAPANESE = (
    "一人の少女、青い髪、ツインテール、セーラー服、微笑み、桜の木の下、夕日、逆光、高画質。夕暮れの駅で、"
    "一人の少女が電車を待っている。手には赤い傘。雨は上がったばかりで、水たまりにオレンジ色の空が映っている。"
    "初音ミク、鏡音リン、金色の瞳、猫耳、白いワンピース、窓辺で本を読む、傑作、最高品質"
)
SHORTEST = 8


def pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(len(text) - length + 1)]


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (CHINESE, "gb18030"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (TAIWANESE, "cp950"),
        (TAIWANESE, "utf-16-be"),
        (JAPANESE, "cp932"),
    ],
    ids=lambda value: value[:10],
)
def test_a_few_words_are_enough_to_find_the_encoding(text: str, codec: str) -> None:
    for piece in pieces(text, 2 * SHORTEST):
        decoded = decode(piece.encode(codec))
        assert (decoded.text, decoded.is_guess, decoded.other) == (piece, True, "")


@pytest.mark.parametrize(
    ("text", "codec"),
    [(CHINESE, "gb18030"), (TAIWANESE, "cp950"), (TAIWANESE, "gb18030"), (JAPANESE, "cp932")],
)
def test_even_fewer_words_are_never_read_wrongly(text: str, codec: str) -> None:
    refused = 0
    for piece in pieces(text, SHORTEST):
        try:
            assert decode(piece.encode(codec)).text == piece
        except Undecodable:
            refused += 1
    assert refused < 0.1 * len(text)


@pytest.mark.parametrize("codec", ["euc_jp", "gb18030"])
def test_kana_in_gbk_or_euc_jp_are_refused_or_told_as_a_doubt(codec: str) -> None:
    sentence = JAPANESE[JAPANESE.index("一人の少女が") :]
    for piece in pieces(sentence, 3 * SHORTEST):
        try:
            decoded = decode(piece.encode(codec))
        except Undecodable:
            continue
        assert decoded.text == piece or (decoded.encoding, decoded.other) == ("gb18030", "euc_jp")


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(0x80, 0x100)) * 4,
        b"caf\xe9 au lait, na\xefve, fa\xe7ade",
        "Привет, мир, как дела".encode("koi8-r"),
        "Привет, мир, как дела".encode("cp1251"),
    ],
)
def test_what_is_none_of_them_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)
