"""Single files: sizes read off the weights, tokenizers out of them, and what is refused."""

import inspect
import json
import re
import shutil
from pathlib import Path

import pytest
import sentencepiece
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from transformers import Gemma3TextConfig, Gemma3TextModel, PreTrainedTokenizerFast

from newbie_pipeline import tiny_tokenizers
from newbie_pipeline.checkpoints import derived_configs
from newbie_pipeline.checkpoints.component_files import in_file
from newbie_pipeline.checkpoints.components import (
    load_gemma,
    load_jina,
    load_transformer,
    load_vae,
)
from newbie_pipeline.checkpoints.headers import TensorEntry
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.checkpoints.tokenizer_files import load_tokenizer
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.models import jina_clip
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

from ..conftest import REFERENCE
from .converted import GEMMA, JINA, VAE, ldm_vae_weights

TEXTS = [
    "1girl, blue_hair",
    "<character_1> <n>miku</n> (smile:1.2) {x} [y]",
    "初音ミク 蓝色头发",
    "ｆｕｌｌ　width，１ｇｉｒｌ ①",
    "🎨 & <3 12345",
    "two  spaces, a line\nand a\ttab",
    "",
]


def save(path, weights, prefix=""):
    save_file({prefix + key: value.contiguous() for key, value in weights.items()}, path)
    return path


def load_file_as(load, component, path):
    return load(in_file(component, path), torch.float32, torch.device("cpu"))


def same_weights(one, other):
    own, theirs = one.state_dict(), other.state_dict()
    return own.keys() == theirs.keys() and all(torch.equal(own[k], theirs[k]) for k in theirs)


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model."])
@pytest.mark.parametrize(
    "sizes",
    [
        {"dim": 192, "n_heads": 2, "n_kv_heads": 1, "axes_dims": (32, 32, 32), "in_channels": 4},
        {"dim": 72, "n_heads": 3, "n_kv_heads": 3, "axes_dims": (8, 8, 8), "multiple_of": 64},
        {"dim": 96, "n_heads": 4, "n_kv_heads": 2, "axes_dims": (8, 8, 8), "n_layers": 3},
        {
            "dim": 96,
            "n_heads": 1,
            "n_kv_heads": 1,
            "axes_dims": (32, 32, 32),
            "multiple_of": 16,
            "ffn_dim_multiplier": 0.7,
        },
        {
            "dim": 96,
            "n_heads": 1,
            "n_kv_heads": 1,
            "axes_dims": (32, 32, 32),
            "qk_norm": False,
            "n_refiner_layers": 1,
        },
    ],
)
def test_the_transformers_sizes_are_read_off_its_weights(tmp_path, sizes, prefix):
    model = NextDiT(**{"n_layers": 2, "cap_feat_dim": 24, "clip_text_dim": 16, **sizes})
    path = save(tmp_path / "x.safetensors", model.state_dict(), prefix)
    own = load_file_as(load_transformer, "transformer", path)
    assert same_weights(own, model)
    for name in ("n_layers", "n_refiner_layers", "n_heads", "n_kv_heads", "axes_dims", "qk_norm"):
        assert getattr(own.config, name) == getattr(model.config, name)


def published(file, name=None):
    """Give the headers' entries of a published model, by its list of keys and shapes."""
    listed = json.loads((REFERENCE / file).read_text())
    shapes = listed[name] if name else listed
    return {key: TensorEntry(Path(file), "BF16", tuple(s), 0, 0) for key, s in shapes.items()}


def test_the_published_models_sizes_are_read_off_their_weights():
    dit = derived_configs.next_dit_config(published("keys.json"))
    defaults = inspect.signature(NextDiT.__init__).parameters
    assert dit == {name: defaults[name].default for name in dit}
    gemma = derived_configs.gemma_config(published("gemma3_4b_text_keys.json"))
    assert gemma["num_hidden_layers"] == 34
    assert (gemma["num_attention_heads"], gemma["num_key_value_heads"]) == (8, 4)
    assert (gemma["hidden_size"], gemma["vocab_size"]) == (2560, 262208)
    comfy = published("jina_clip_v2_keys.json", "comfy_keys")
    own = {jina_clip.own_key(key): entry for key, entry in comfy.items()}
    jina = derived_configs.jina_config(own, {})
    defaults = inspect.signature(JinaClipTextModel.__init__).parameters
    assert jina == {name: defaults[name].default for name in jina}


def test_a_transformer_whose_sizes_cannot_be_read_asks_for_a_config(tmp_path):
    model = NextDiT(
        dim=64, n_heads=4, n_kv_heads=2, axes_dims=(8, 4, 4), n_layers=1, cap_feat_dim=8
    )
    path = save(tmp_path / "odd.safetensors", model.state_dict())
    with pytest.raises(CheckpointError, match=re.escape("odd.config.json")):
        load_file_as(load_transformer, "transformer", path)


def test_gemmas_config_is_the_published_one_at_the_weights_sizes(tmp_path):
    config = Gemma3TextConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=1024,
        rope_scaling={"rope_type": "linear", "factor": 8.0},
    )
    torch.manual_seed(0)
    model = Gemma3TextModel(config).eval()
    path = save(tmp_path / GEMMA, model.state_dict(), "model.")
    own = load_file_as(load_gemma, "text_encoder", path)
    ids = torch.randint(3, 50, (1, 40))
    with torch.no_grad():
        expected = model(ids, output_hidden_states=True).hidden_states[-2]
        assert torch.equal(own(ids).last_hidden_state, expected)
    assert own.config.layer_types == ["sliding_attention"] * 5 + ["full_attention"] + [
        "sliding_attention"
    ]
    assert own.config.rope_parameters["full_attention"]["factor"] == 8.0


def test_jinas_heads_are_64_wide(tmp_path):
    model = JinaClipTextModel(
        vocab_size=40,
        hidden_size=128,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    path = save(tmp_path / JINA, model.state_dict(), "model.")
    own = load_file_as(load_jina, "text_encoder_2", path)
    assert same_weights(own, model)
    assert own.config.num_attention_heads == 2


@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
@pytest.mark.parametrize("quant_conv", [False, True])
def test_the_original_autoencoder_is_the_diffusers_one(tmp_path, prefix, quant_conv):
    blocks = (32, 64, 64)
    model = AutoencoderKL(
        block_out_channels=blocks,
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        layers_per_block=2,
        latent_channels=16,
        use_quant_conv=quant_conv,
        use_post_quant_conv=quant_conv,
    )
    weights = ldm_vae_weights(model.state_dict(), len(blocks))
    assert weights["decoder.mid.attn_1.q.weight"].ndim == 4
    path = save(tmp_path / VAE, weights, prefix)
    own = load_file_as(load_vae, "vae", path)
    assert same_weights(own, model)
    assert (own.config.scaling_factor, own.config.shift_factor) == (0.3611, 0.1159)
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(own.encode(image).latent_dist.mean, model.encode(image).latent_dist.mean)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a sentencepiece model like Gemma's and one like XLM-RoBERTa's."""
    folder = tmp_path_factory.mktemp("sentencepiece")
    corpus = folder / "corpus.txt"
    words = tiny_tokenizers.WORDS.split()
    lines = [" ".join(words[i : i + 5]) for i in range(0, len(words), 3)]
    corpus.write_text("\n".join([*lines, "初音ミク 青い髪", "hello  there, (x:1.2) 12"] * 10))
    common = {"input": str(corpus), "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        **common,
        model_prefix=str(folder / "text_encoder_2"),
        model_type="unigram",
        vocab_size=150,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        normalization_rule_name="nmt_nfkc",
    )
    sentencepiece.SentencePieceTrainer.train(
        **common,
        model_prefix=str(folder / "text_encoder"),
        model_type="bpe",
        vocab_size=520,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        eos_piece="<eos>",
        bos_piece="<bos>",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        user_defined_symbols=["<mask>", "\n", "\t", "▁▁", "<start_of_turn>"],
    )
    return folder


def with_tokenizer(folder, model, target, name=GEMMA):
    """Put a sentencepiece model into a file's weights as ComfyUI's files have it."""
    weights = load_file(folder / name)
    data = torch.frombuffer(bytearray(model.read_bytes()), dtype=torch.uint8)
    return save(target / name, {**weights, "spiece_model": data})


@pytest.mark.parametrize("text", TEXTS)
def test_an_embedded_sentencepiece_model_gives_its_own_ids(layouts, trained, tmp_path, text):
    source = layouts["side by side"]
    for name, part in ((GEMMA, "text_encoder"), (JINA, "text_encoder_2")):
        path = with_tokenizer(source, trained / f"{part}.model", tmp_path, name)
        component = in_file(part, path)
        assert component.tokenizer == path
        own = load_tokenizer(part, component)
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(trained / f"{part}.model"))
        ids = pieces.encode(text)
        if part == "text_encoder":
            expected = [2, *ids]
        else:  # 0 is unknown in the file, and ids are moved by one for the padding
            expected = [0, *(i + 1 if i else 3 for i in ids), 2]
        assert own(text).input_ids == expected
        assert own.pad_token_id == {"text_encoder": 0, "text_encoder_2": 1}[part]


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
def test_a_tokenizer_json_of_the_same_model_gives_the_same_ids(layouts, trained, tmp_path, part):
    name = {"text_encoder": GEMMA, "text_encoder_2": JINA}[part]
    path = with_tokenizer(layouts["side by side"], trained / f"{part}.model", tmp_path, name)
    embedded = load_tokenizer(part, in_file(part, path))
    embedded.save_pretrained(tmp_path / "json")
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path / "json", local_files_only=True)
    assert [embedded(text).input_ids for text in TEXTS] == [again(t).input_ids for t in TEXTS]
    # A tokenizer.json alone says nothing of special tokens: they are known.
    (tmp_path / "json" / "tokenizer_config.json").unlink()
    source = find_checkpoint(
        layouts["side by side"],
        {{"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}[part]: tmp_path / "json"},
    )
    alone = load_tokenizer(part, source.components()[part])
    assert alone.pad_token_id == embedded.pad_token_id
    assert alone(TEXTS[0]).input_ids == embedded(TEXTS[0]).input_ids


def test_files_with_tokenizers_inside_load_and_are_strict_about_everything_else(
    layouts, trained, tmp_path
):
    source = layouts["side by side"]
    folder = tmp_path / "comfy"
    shutil.copytree(source, folder)
    for name in ("tokenizer", "tokenizer_2"):
        shutil.rmtree(folder / name)
    (folder / GEMMA).unlink()
    (folder / JINA).unlink()
    with_tokenizer(source, trained / "text_encoder.model", folder, GEMMA)
    with_tokenizer(source, trained / "text_encoder_2.model", folder, JINA)
    pipe = load_pipeline(folder, torch.float32, "cpu")
    assert pipe.tokenizer("x").input_ids[0] == 2
    assert pipe.tokenizer_2("x").input_ids[0] == 0


def test_a_missing_tokenizer_says_which_file_to_put_where(layouts, tmp_path):
    folder = tmp_path / "comfy"
    shutil.copytree(layouts["side by side"], folder)
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(CheckpointError) as caught:
        load_pipeline(folder, torch.float32, "cpu")
    for part in (GEMMA, "gemma-3-4b-it", "tokenizer.json", str(folder / "tokenizer")):
        assert part in str(caught.value)


def test_a_broken_embedded_tokenizer_is_named(layouts, tmp_path):
    weights = load_file(layouts["side by side"] / GEMMA)
    broken = {**weights, "spiece_model": torch.zeros(10, dtype=torch.uint8)}
    path = save(tmp_path / GEMMA, broken)
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        load_tokenizer("text_encoder", in_file("text_encoder", path))
