"""One tiny checkpoint and one loaded renderer for the whole directory."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import attention_backend
from safetensors.torch import load_file

from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.render import LoadOptions, Renderer
from newbie_pipeline.tiny import make_tiny

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
# cases.json lists derived sizes beside the constructor's arguments.
DERIVED = ("ffn_hidden", "head_dim", "rope_theta", "rope_axes_dims")


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Several test runs share the machine's cores; one thread each is the fastest."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _attention_as_it_was():
    """In diffusers, choosing a backend for one model changes what all others use by default."""
    with attention_backend("native"):
        yield


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoint") / "newbie-tiny"
    make_tiny(directory)
    return directory


@pytest.fixture(scope="session")
def pipe(tiny_checkpoint) -> NewbiePipeline:
    pipeline = load_pipeline(tiny_checkpoint, torch.float32, "cpu")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="session")
def renderer(tiny_checkpoint) -> Renderer:
    return Renderer.load(tiny_checkpoint, LoadOptions(device="cpu"))


@pytest.fixture(scope="session")
def reference_dit() -> NextDiT:
    """The transformer whose outputs the reference vectors were recorded from."""
    config = json.loads((REFERENCE / "cases.json").read_text())["config"]
    model = NextDiT(**{key: value for key, value in config.items() if key not in DERIVED})
    model.load_state_dict(load_file(REFERENCE / "tiny_nextdit_clip.safetensors"), strict=True)
    return model.eval().requires_grad_(False)
