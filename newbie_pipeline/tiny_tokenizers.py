"""The tiny checkpoint's tokenizers, built in place from a list of words of the prompt language.

Both cover every text: what the words do not cover falls back to bytes. Special tokens have the ids
of the real ones: Gemma <pad> 0, <eos> 1, <bos> 2, <unk> 3; Jina <s> 0, <pad> 1, </s> 2, <unk> 3.
"""

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from transformers import PreTrainedTokenizerFast

from newbie_pipeline.text_conditioning import SYSTEM_PROMPT

SPACE = "▁"
BYTES = [f"<0x{value:02X}>" for value in range(256)]
# Elements and common tags of the prompt language; a token each, with and without a space before.
WORDS = """
character_1 character_2 character_3 gender appearance clothing expression action interaction
position general_tags count artists style background environment perspective atmosphere lighting
resolution quality objects other caption img image 1girl 2girls 1boy solo hair eyes long short blue
red green black white pink blonde purple silver teal twintails ponytail smile standing sitting
looking_at_viewer dress skirt shirt uniform school outdoors indoors night day sky city forest sea
masterpiece best_quality high_resolution anime illustration miku
"""
# In the order of their ids.
GEMMA_SPECIAL = {
    "pad_token": "<pad>",
    "eos_token": "<eos>",
    "bos_token": "<bos>",
    "unk_token": "<unk>",
}
# How a conversation is written; at the end, where the real ones have the ids 105 and 106.
GEMMA_TURNS = ("<start_of_turn>", "<end_of_turn>")
JINA_SPECIAL = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
}
GEMMA_MAX_LENGTH = 512
JINA_MAX_LENGTH = 8194


def gemma_tokenizer() -> PreTrainedTokenizerFast:
    """Build a BPE tokenizer that works like Gemma's: spaces become a mark, <bos> comes first."""
    vocabulary, merges = _merged_words([*GEMMA_SPECIAL.values(), *BYTES])
    tokenizer = Tokenizer(
        BPE(
            vocabulary,
            merges,
            unk_token=GEMMA_SPECIAL["unk_token"],
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(SPACE, "merged_with_next")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in GEMMA_TURNS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **GEMMA_SPECIAL,
        padding_side="right",
        model_max_length=GEMMA_MAX_LENGTH,
    )


def jina_tokenizer() -> PreTrainedTokenizerFast:
    """Build a unigram tokenizer that works like XLM-RoBERTa's: <s> text </s>."""
    special = list(JINA_SPECIAL.values())
    vocabulary, _ = _merged_words([*special, *BYTES])
    # Longer pieces get better scores, bytes the worst, so the longest match wins.
    pieces = [
        (piece, 0.0 if piece in special else -20.0 if piece in BYTES else -10.0 / len(piece))
        for piece in vocabulary
    ]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=3, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement=SPACE), decoders.Fuse()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **JINA_SPECIAL,
        padding_side="right",
        model_max_length=JINA_MAX_LENGTH,
    )


def _merged_words(first: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Give a vocabulary and the merges that build each word from left to right."""
    letters = [SPACE, *(chr(code) for code in range(0x21, 0x7F)), "\n"]
    vocabulary = {token: index for index, token in enumerate([*first, *letters])}
    merges: dict[tuple[str, str], None] = {}
    words = [*WORDS.split(), *SYSTEM_PROMPT.split()]
    for word in [*words, *(SPACE + word for word in words)]:
        for end in range(2, len(word) + 1):
            merges.setdefault((word[: end - 1], word[end - 1]))
            vocabulary.setdefault(word[:end], len(vocabulary))
    return vocabulary, list(merges)
