"""Loading holds one tensor beside the model, not the whole file: seen from outside, by the kernel.

A child process tells by how much its resident memory grew at most; reading the file whole beside
the loaded model then shows that the measure would see it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from newbie_pipeline.models.next_dit import NextDiT

ROOT = Path(__file__).parents[3]
SIZES = {
    "dim": 384,
    "n_layers": 12,
    "n_heads": 4,
    "n_kv_heads": 4,
    "cap_feat_dim": 64,
    "clip_text_dim": 64,
}
LIMIT = 1.4

CHILD = """
import sys
from pathlib import Path
import torch
from newbie_pipeline import pipeline
from newbie_pipeline.checkpoints.loading import load_pipeline
from safetensors.torch import load

def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))

before = resident("VmRSS")
pipe = load_pipeline(sys.argv[1], torch.float32, "cpu")
print(resident("VmHWM") - before)
everything = load(Path(sys.argv[2]).read_bytes())
print(resident("VmHWM") - before)
"""
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def larger(tiny_checkpoint, tmp_path_factory):
    """Give a checkpoint with a transformer large enough to measure, and its bytes."""
    folder = tmp_path_factory.mktemp("memory") / "larger"
    shutil.copytree(tiny_checkpoint, folder)
    weights = {k: v.clone() for k, v in NextDiT(**SIZES).state_dict().items()}
    (folder / "transformer" / WEIGHTS).unlink()
    save_file(weights, folder / "transformer" / WEIGHTS)
    (folder / "transformer" / "config.json").write_text(json.dumps(SIZES))
    return folder, sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_loading_never_holds_the_weights_twice(larger):
    folder, size = larger
    assert size > 100e6
    command = (sys.executable, "-c", CHILD, str(folder), str(folder / "transformer" / WEIGHTS))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loading, everything_beside = (int(line) for line in done.stdout.split())
    assert size * 0.8 < loading < size * LIMIT < everything_beside


def test_each_tensor_is_reported_as_it_is_read(larger):
    from newbie_pipeline.checkpoints.loading import load_components

    steps = []
    folder, _ = larger
    load_components(
        folder,
        torch.float32,
        "cpu",
        progress=lambda name, done, _: steps.append(done) if name == "transformer" else None,
    )
    largest = max(later - done for done, later in zip([0, *steps], steps, strict=False))
    assert largest < 0.05 * steps[-1]
