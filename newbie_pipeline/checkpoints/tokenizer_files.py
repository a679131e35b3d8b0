"""Tokenizers: a tokenizer.json, or the sentencepiece model that ComfyUI's files carry inside.

A sentencepiece model is converted by transformers' own extraction, with the special tokens and
offsets of the model that it belongs to: XLM-RoBERTa's ids are those of the sentencepiece model plus
one (<s> 0, <pad> 1, </s> 2, <unk> 3), Gemma's are the same, and <bos> stands first.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import processors
from tokenizers.models import BPE, Unigram
from transformers import GemmaTokenizer, PreTrainedTokenizerFast, XLMRobertaTokenizer
from transformers.convert_slow_tokenizer import SentencePieceExtractor, XLMRobertaConverter

from newbie_pipeline.checkpoints.component_files import Component
from newbie_pipeline.checkpoints.headers import read_header
from newbie_pipeline.checkpoints.key_names import embedded_tokenizer_key
from newbie_pipeline.errors import CheckpointError

GEMMA_TOKENS = {
    "pad_token": "<pad>",
    "eos_token": "<eos>",
    "bos_token": "<bos>",
    "unk_token": "<unk>",
}
JINA_TOKENS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
TOKENS = {"text_encoder": GEMMA_TOKENS, "text_encoder_2": JINA_TOKENS}
FOLDERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
ORIGINS = {"text_encoder": "gemma-3-4b-it", "text_encoder_2": "jina-clip-v2"}


def load_tokenizer(name: str, component: Component) -> PreTrainedTokenizerFast:
    """Load the tokenizer of the text encoder `name`; runs nothing from the checkpoint.

    Raises CheckpointError naming the file when it is missing or cannot be read; where there is
    none, it says which file to add, and where.
    """
    path = component.tokenizer
    if path is None:
        raise _missing(name, component)
    try:
        if path.name.endswith(".json"):
            return _from_json(name, path)
        if path.suffix == ".safetensors":
            return _from_sentencepiece(name, _embedded(path, component.prefix))
        return _from_sentencepiece(name, path.read_bytes())
    except CheckpointError:
        raise
    except Exception as error:  # the libraries raise whatever a broken file runs into
        raise CheckpointError(f"{path} cannot be read as a tokenizer: {error}") from error


def _missing(name: str, component: Component) -> CheckpointError:
    weights = component.weights[0]
    if component.config is not None and component.config.name == "config.json":
        return CheckpointError(f"{component.config.parent / 'tokenizer.json'} is missing")
    part = FOLDERS[name]
    return CheckpointError(
        f"{weights} has no tokenizer inside. Put {ORIGINS[name]}'s tokenizer.json (or its "
        f"sentencepiece model as tokenizer.model) into {weights.parent / part}, or name it with "
        f"{part}=PATH"
    )


def _from_json(name: str, path: Path) -> PreTrainedTokenizerFast:
    beside = path.parent / "tokenizer_config.json"
    if path.name == "tokenizer.json" and beside.is_file():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(path.parent), local_files_only=True)
    else:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), **TOKENS[name])
    if tokenizer.pad_token_id is None:
        raise CheckpointError(f"{path} knows no padding token")
    return tokenizer


def _embedded(path: Path, prefix: str) -> bytes:
    header = read_header(path)
    key = embedded_tokenizer_key(prefix, header)
    if key is None:
        raise CheckpointError(f"{path} has no sentencepiece model inside")
    entry = header[key]
    with path.open("rb") as file:
        file.seek(entry.start)
        return file.read(entry.length)


def _from_sentencepiece(name: str, model: bytes) -> PreTrainedTokenizerFast:
    convert: Callable[[str], Any] = _gemma if name == "text_encoder" else _jina
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentencepiece.model"
        path.write_bytes(model)
        backend = convert(str(path))
    return PreTrainedTokenizerFast(tokenizer_object=backend, padding_side="right", **TOKENS[name])


def _jina(path: str) -> Any:
    extracted = SentencePieceExtractor(path).extract(Unigram)
    extracted.pop("unk_id")  # the model's own; <unk> has another id here
    extracted.pop("additional_special_tokens")  # <s> and </s>, which the class adds
    arguments = XLMRobertaConverter.convert_from_spm(**extracted)
    return XLMRobertaTokenizer(**arguments).backend_tokenizer


def _gemma(path: str) -> Any:
    extracted = SentencePieceExtractor(path).extract(BPE)
    converted = GemmaTokenizer(vocab=extracted["vocab"], merges=extracted["merges"])
    backend = converted.backend_tokenizer
    backend.add_tokens(extracted["additional_special_tokens"])
    bos = GEMMA_TOKENS["bos_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, backend.token_to_id(bos))]
    )
    return backend
