"""Writes a tiny official checkpoint in the other layouts, with names made here by other means.

The loader maps names of other layouts to its own; this file maps them the other way round, and
`test_layouts.py` holds these names against diffusers'.
"""

import json
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from newbie_pipeline.models import jina_clip

DIT = "NewBie-Image-Exp0.1-bf16.safetensors"
GEMMA = "gemma_3_4b_it_bf16.safetensors"
JINA = "jina_clip_v2_bf16.safetensors"
VAE = "ae.safetensors"

LUMINA_TOP = {
    "cap_embedder.": "time_caption_embed.caption_embedder.",
    "t_embedder.mlp.0.": "time_caption_embed.timestep_embedder.linear_1.",
    "t_embedder.mlp.2.": "time_caption_embed.timestep_embedder.linear_2.",
    "final_layer.adaLN_modulation.1.": "norm_out.linear_1.",
    "final_layer.linear.": "norm_out.linear_2.",
}
LUMINA_BLOCK = {
    "attention.out.": "attn.to_out.0.",
    "attention.q_norm.": "attn.norm_q.",
    "attention.k_norm.": "attn.norm_k.",
    "feed_forward.w1.": "feed_forward.linear_1.",
    "feed_forward.w2.": "feed_forward.linear_2.",
    "feed_forward.w3.": "feed_forward.linear_3.",
    "adaLN_modulation.1.": "norm1.linear.",
    "attention_norm2.": "norm2.",
}


def lumina_weights(weights, dim, kv_rows):
    """Rename official weights as diffusers does for Lumina 2; `norm_final` is dropped there."""
    converted = {}
    for key, value in weights.items():
        if key == "norm_final.weight":
            continue
        if ".attention.qkv." in key:
            parts = value.split([dim, kv_rows, kv_rows])
            for part, name in zip(parts, ("to_q", "to_k", "to_v"), strict=True):
                renamed = key.replace("attention.qkv", f"attn.{name}")
                converted[renamed] = part.contiguous()
            continue
        norm = "norm1." if key.startswith("context_refiner.") else "norm1.norm."
        renamed = key.replace("attention_norm1.", norm)
        for official, theirs in {**LUMINA_TOP, **LUMINA_BLOCK}.items():
            renamed = renamed.replace(official, theirs)
        converted[renamed] = value
    return converted


def lumina_config(config):
    names = {
        "dim": "hidden_size",
        "n_layers": "num_layers",
        "n_refiner_layers": "num_refiner_layers",
        "n_heads": "num_attention_heads",
        "n_kv_heads": "num_kv_heads",
        "axes_dims": "axes_dim_rope",
    }
    kept = {k: v for k, v in config.items() if k not in ("qk_norm", "clip_text_dim")}
    renamed = {names.get(key, key): value for key, value in kept.items()}
    return {**renamed, "_class_name": "Lumina2Transformer2DModel"}


def ldm_vae_weights(weights, blocks):
    """Give the original autoencoder's names to diffusers' weights."""
    converted = {}
    for key, value in weights.items():
        name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.down.\1.block.", key)
        name = re.sub(
            r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", name
        )
        if match := re.match(r"decoder\.up_blocks\.(\d+)\.", name):
            rest = (
                name[match.end() :]
                .replace("resnets.", "block.")
                .replace("upsamplers.0", "upsample")
            )
            name = f"decoder.up.{blocks - 1 - int(match[1])}.{rest}"
        name = name.replace("mid_block.resnets.0.", "mid.block_1.")
        name = name.replace("mid_block.resnets.1.", "mid.block_2.")
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if "mid_block.attentions.0." in name:
            for theirs, own in (
                ("group_norm", "norm"),
                ("to_q", "q"),
                ("to_k", "k"),
                ("to_v", "v"),
                ("to_out.0", "proj_out"),
            ):
                name = name.replace(f"mid_block.attentions.0.{theirs}.", f"mid.attn_1.{own}.")
        is_linear = ".attn_1." in name and value.ndim == 2
        converted[name] = (value[:, :, None, None] if is_linear else value).contiguous()
    return converted


def merged_jina(weights):
    merged = jina_clip.merged_tensors(weights, weights.__getitem__)
    return {f"model.{own}": tensor for own, _, tensor in merged}


def parts(tiny):
    """Give a tiny checkpoint's weights by ComfyUI's file names."""
    config = json.loads((tiny / "vae" / "config.json").read_text())
    vae = load_file(tiny / "vae" / "diffusion_pytorch_model.safetensors")
    gemma = load_file(tiny / "text_encoder" / "model.safetensors")
    gemma = {key.removeprefix("language_"): value for key, value in gemma.items()}
    gemma = {key.replace("model.model.", "model."): value for key, value in gemma.items()}
    gemma["vision_model.encoder.layers.0.mlp.fc1.weight"] = torch.zeros(2, 2)
    gemma["multi_modal_projector.mm_input_projection_weight"] = torch.zeros(2, 2)
    return {
        DIT: load_file(tiny / "transformer" / "diffusion_pytorch_model.safetensors"),
        GEMMA: gemma,
        JINA: merged_jina(load_file(tiny / "clip_model" / "model.safetensors")),
        VAE: ldm_vae_weights(vae, len(config["block_out_channels"])),
    }


def write_diffusers(tiny, target):
    shutil.copytree(tiny, target)
    config = json.loads((tiny / "transformer" / "config.json").read_text())
    weights = load_file(tiny / "transformer" / "diffusion_pytorch_model.safetensors")
    kv_rows = config["dim"] // config["n_heads"] * config["n_kv_heads"]
    (target / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    save_file(
        lumina_weights(weights, config["dim"], kv_rows),
        target / "transformer" / "diffusion_pytorch_model.safetensors",
    )
    (target / "transformer" / "config.json").write_text(json.dumps(lumina_config(config)))
    (target / "clip_model").rename(target / "text_encoder_2")
    for encoder, tokenizer in (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")):
        (target / tokenizer).mkdir()
        for path in (target / encoder).glob("tokenizer*.json"):
            path.rename(target / tokenizer / path.name)


def write_single_files(tiny, target, folders=("", "", "", "")):
    """Write the four files; what their weights do not show lies beside them as NAME.config.json."""
    for folder, (name, weights) in zip(folders, parts(tiny).items(), strict=True):
        (target / folder).mkdir(parents=True, exist_ok=True)
        prefix = "model.diffusion_model." if name == DIT and folder else ""
        save_file({prefix + k: v for k, v in weights.items()}, target / folder / name)
        copy_config(tiny, name, target / folder / name)
    for encoder, tokenizer in (("text_encoder", "tokenizer"), ("clip_model", "tokenizer_2")):
        (target / tokenizer).mkdir()
        for path in (tiny / encoder).glob("tokenizer*.json"):
            shutil.copy(path, target / tokenizer / path.name)


def copy_config(tiny, name, beside: Path):
    folder = {DIT: "transformer", GEMMA: "text_encoder", JINA: "clip_model", VAE: "vae"}[name]
    shutil.copy(tiny / folder / "config.json", beside.with_suffix(".config.json"))


def write_models_folder(tiny, target):
    folders = ("diffusion_models", "text_encoders", "text_encoders", "vae")
    write_single_files(tiny, target, folders)
