"""From a checkpoint on disk to a ready `NewbiePipeline`: the official repository's layout.

`model_index.json`, `transformer/`, `text_encoder/` (Gemma with its tokenizer), `clip_model/` (Jina
CLIP with its tokenizer), `vae/`, and `scheduler/`, which may be absent. The tiny checkpoint has the
same layout and is loaded by the same code. Loading is strict and runs nothing from a checkpoint.
"""

import inspect
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from torch import nn
from transformers import PreTrainedTokenizerFast

from newbie_pipeline.checkpoints.weight_files import (
    WeightReader,
    fill_strictly,
    find_weight_files,
    read_json,
    without_storage,
)
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.models import gemma_text, jina_clip
from newbie_pipeline.models.gemma_text import GemmaTextEncoder, truncated_config
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.pipeline import NewbiePipeline

DIFFUSERS_STEM = "diffusion_pytorch_model"
TRANSFORMERS_STEM = "model"
OFFICIAL_SHIFT = 6.0
JINA_HEAD_DIM = 64
COMPONENT_FOLDERS = ("transformer", "text_encoder", "clip_model", "vae")


def load_pipeline(
    directory: Path, dtype: torch.dtype, device: torch.device | str
) -> NewbiePipeline:
    """Load every component of a checkpoint folder onto one device in one dtype.

    Raises CheckpointError when the folder is not a checkpoint, a file is missing, truncated or a
    pickle, or a key is missing, unexpected or of the wrong shape.
    """
    directory = Path(directory)
    device = torch.device(device)
    check_official_layout(directory)
    return NewbiePipeline(
        transformer=load_transformer(directory / "transformer", dtype, device),
        vae=load_vae(directory / "vae", dtype, device),
        scheduler=load_scheduler(directory / "scheduler"),
        text_encoder=load_gemma(directory / "text_encoder", dtype, device),
        tokenizer=load_tokenizer(directory / "text_encoder"),
        text_encoder_2=load_jina(directory / "clip_model", dtype, device),
        tokenizer_2=load_tokenizer(directory / "clip_model"),
    )


def check_official_layout(directory: Path) -> None:
    """Raise CheckpointError unless the folder looks like the official repository."""
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is not a folder")
    missing = [name for name in COMPONENT_FOLDERS if not (directory / name).is_dir()]
    if missing:
        raise CheckpointError(f"{directory} is not a checkpoint: it has no {', '.join(missing)}")


def load_transformer(folder: Path, dtype: torch.dtype, device: torch.device) -> NextDiT:
    """Load the Next-DiT; what its config leaves out is as in the 3.5 B model."""
    config = read_json(folder / "config.json")
    known = set(inspect.signature(NextDiT.__init__).parameters) - {"self"}
    arguments = {name: value for name, value in config.items() if name in known}
    with WeightReader(find_weight_files(folder, DIFFUSERS_STEM)) as reader:
        # The official config says neither width of the captions: the weights do.
        arguments["cap_feat_dim"] = reader.shape("cap_embedder.0.weight")[0]
        arguments["clip_text_dim"] = reader.shape("clip_text_pooled_proj.0.weight")[0]
        with without_storage():
            model = NextDiT(**arguments)
        tensors = ((key, key, reader.read(key)) for key in reader.keys)
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def load_vae(folder: Path, dtype: torch.dtype, device: torch.device) -> AutoencoderKL:
    """Load diffusers' AutoencoderKL."""
    config = read_json(folder / "config.json")
    with WeightReader(find_weight_files(folder, DIFFUSERS_STEM)) as reader:
        with without_storage():
            model = AutoencoderKL.from_config(config)
        tensors = ((key, key, reader.read(key)) for key in reader.keys)
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def load_gemma(folder: Path, dtype: torch.dtype, device: torch.device) -> GemmaTextEncoder:
    """Load Gemma 3's text model without its last layer, final norm and vision parts."""
    config = truncated_config(read_json(folder / "config.json"))
    with WeightReader(find_weight_files(folder, TRANSFORMERS_STEM)) as reader:
        with without_storage():
            model = GemmaTextEncoder(config)
        tensors = (
            (own, key, reader.read(key))
            for key in reader.keys
            if (own := gemma_text.own_key(key, config.num_hidden_layers)) is not None
        )
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def load_jina(folder: Path, dtype: torch.dtype, device: torch.device) -> JinaClipTextModel:
    """Load Jina CLIP's text tower; its sizes are read off the weights, which its config omits."""
    config = read_json(folder / "config.json")
    with WeightReader(find_weight_files(folder, TRANSFORMERS_STEM)) as reader:
        shapes = {
            own: reader.shape(key)
            for key in reader.keys
            if "lora_" not in key and (own := jina_clip.own_key(key)) is not None
        }
        try:
            vocab_size, hidden_size = shapes["embeddings.word_embeddings.weight"]
            intermediate_size = shapes["encoder.layers.0.mlp.fc1.weight"][0]
        except KeyError as error:
            raise CheckpointError(
                f"{folder}: the text tower's key {error.args[0]} is missing"
            ) from error
        heads = config.get("text_config", {}).get("num_attention_heads")
        with without_storage():
            model = JinaClipTextModel(
                vocab_size=vocab_size,
                hidden_size=hidden_size,
                intermediate_size=intermediate_size,
                num_hidden_layers=sum(key.endswith(".mlp.fc1.weight") for key in shapes),
                num_attention_heads=heads or hidden_size // JINA_HEAD_DIM,
            )
        fill_strictly(
            model, jina_clip.merged_tensors(reader.keys, reader.read), reader, dtype, device
        )
    return _ready(model)


def load_scheduler(folder: Path) -> FlowMatchEulerDiscreteScheduler:
    """Load the flow-matching Euler scheduler, or the official one where the folder is absent."""
    if not folder.is_dir():
        return FlowMatchEulerDiscreteScheduler(shift=OFFICIAL_SHIFT)
    return FlowMatchEulerDiscreteScheduler.from_config(read_json(folder / "scheduler_config.json"))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer from its `tokenizer.json`, whatever class its config names."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    try:
        return PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _ready(model: nn.Module) -> Any:
    return model.eval().requires_grad_(False)
