"""The demo checkpoint's tokenizers: one byte-pair vocabulary, trained on captions and tags.

- Every text has tokens: what the vocabulary does not cover falls back to bytes.
- A word with the comma after it is mostly one token, so is each mark of the prompt language with
  the white space around it, and so is the whole system prompt: captions stay short, and how a
  prompt is laid out changes nothing.
- Underscores are read as blanks, capitals as small letters, full-width signs as plain ones, runs of
  blanks as one. A text in that normal form is told back by `decode` as it was.
- Special tokens have the ids of the real tokenizers: Gemma <pad> 0, <eos> 1, <bos> 2, <unk> 3;
  Jina <s> 0, <pad> 1, </s> 2, <unk> 3.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from newbie_pipeline.prompt.vocabulary import vocabulary
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT
from newbie_pipeline.tiny_tokenizers import (
    BYTES,
    GEMMA_MAX_LENGTH,
    GEMMA_SPECIAL,
    JINA_MAX_LENGTH,
    JINA_SPECIAL,
    SPACE,
)

ELEMENTS = (
    *(f"character_{number}" for number in range(1, 10)),
    *("n", "gender", "appearance", "clothing", "expression", "action", "interaction", "position"),
    *("general_tags", "count", "artists", "style", "background", "environment", "perspective"),
    *("atmosphere", "lighting", "resolution", "quality", "objects", "other", "caption"),
    *("img", "image"),
)
MARKS = tuple(f"<{slash}{name}>" for name in ELEMENTS for slash in ("", "/"))
# A word keeps the blank before it and the comma after it; other signs stand alone.
PIECES = Regex(rf"{SPACE}?[\p{{L}}\p{{N}}']+,?|{SPACE}?[^\p{{L}}\p{{N}}'{SPACE}]|{SPACE}")
LEAST_FREQUENCY = 2


def train_tokenizers(
    captions: Iterable[str], vocabulary_size: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast]:
    """Train Gemma's and Jina's tokenizer on captions and the prompt language's own tags.

    `vocabulary_size` is the most that each has, special tokens, bytes and marks included.
    """
    merged = _train(captions, vocabulary_size)
    return (
        _gemma(_with_special(merged, tuple(GEMMA_SPECIAL.values()))),
        _jina(_with_special(merged, tuple(JINA_SPECIAL.values()))),
    )


def tag_texts() -> Iterator[str]:
    """Give the tags of the prompt language's vocabulary, as they stand in a field."""
    for field in vocabulary().values():
        for tag in field.tags:
            yield f"{tag}, {tag}"


def _train(captions: Iterable[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Give a vocabulary without special tokens and bytes, and its merges."""
    tokenizer = _empty(BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(BYTES) - len(GEMMA_SPECIAL) - len(MARKS) - 1,
        min_frequency=LEAST_FREQUENCY,
        initial_alphabet=[SPACE, *(chr(code) for code in range(0x21, 0x7F))],
        show_progress=False,
    )

    def texts() -> Iterator[str]:
        for text in (*captions, *tag_texts()):
            for mark in MARKS:
                text = text.replace(mark, "\n")  # noqa: PLW2901
            yield from filter(None, (part.strip() for part in text.split("\n")))

    tokenizer.train_from_iterator(texts(), trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(first, second) for first, second in model["merges"]]


def _with_special(
    merged: tuple[dict[str, int], list[tuple[str, str]]], special: tuple[str, ...]
) -> Tokenizer:
    learnt, merges = merged
    names = [*special, *BYTES, *sorted(learnt, key=learnt.__getitem__)]
    vocab = {name: index for index, name in enumerate(names)}
    tokenizer = _empty(
        BPE(vocab, merges, unk_token=GEMMA_SPECIAL["unk_token"], byte_fallback=True, fuse_unk=True)
    )
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    tokenizer.add_tokens(
        [
            AddedToken(text, normalized=False, lstrip=True, rstrip=True)
            for text in (SYSTEM_PROMPT, *MARKS)
        ]
    )
    return tokenizer


def _empty(model: BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace("_", " "),
            normalizers.Replace("、", ","),
            normalizers.Replace(Regex(r"\s*,\s*"), ", "),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
            normalizers.Prepend(" "),
            normalizers.Replace(" ", SPACE),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(PIECES, "isolated")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def _gemma(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **GEMMA_SPECIAL,
        padding_side="right",
        model_max_length=GEMMA_MAX_LENGTH,
    )


def _jina(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **JINA_SPECIAL,
        padding_side="right",
        model_max_length=JINA_MAX_LENGTH,
    )
