"""How much memory loading takes: a random checkpoint of about 500 MB, in a process of its own.

The figure is what the process's resident memory grew by at most, from just before the load, over
the bytes of the weights: 1.0 would be the model alone.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.record import ROOT, Table, add_row

REPEATS = 3

LOADING = Table(
    "Loading a random checkpoint of about 500 MB",
    (
        "weights",
        "bytes (MB)",
        "loaded as",
        "peak over weights, min",
        "median",
        "max",
        "load, min (s)",
    ),
    "make bench",
)
TRANSFORMER = {
    "dim": 768,
    "n_layers": 10,
    "n_heads": 8,
    "n_kv_heads": 4,
    "cap_feat_dim": 512,
    "clip_text_dim": 512,
}
GEMMA = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 9,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "vocab_size": 65536,
}
JINA = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "vocab_size": 50000,
}


def write_random_checkpoint(directory: Path) -> int:
    """Write bf16 weights in the official layout; gives the bytes of what will be loaded."""
    import torch  # noqa: PLC0415 - the measured process shares this module
    from safetensors.torch import save_file  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415
    from transformers import Gemma3TextConfig, Gemma3TextModel  # noqa: PLC0415

    from newbie_pipeline.checkpoints.weight_files import without_storage  # noqa: PLC0415
    from newbie_pipeline.models.jina_clip import JinaClipTextModel  # noqa: PLC0415
    from newbie_pipeline.models.next_dit import NextDiT  # noqa: PLC0415
    from newbie_pipeline.tiny import make_tiny  # noqa: PLC0415

    make_tiny(directory)  # its VAE, tokenizers and scheduler are taken
    with without_storage():
        models: dict[str, tuple[nn.Module, str, dict[str, object]]] = {
            "transformer": (
                NextDiT(**TRANSFORMER),
                "diffusion_pytorch_model",
                dict(TRANSFORMER),
            ),
            "text_encoder": (Gemma3TextModel(Gemma3TextConfig(**GEMMA)), "model", dict(GEMMA)),
            "clip_model": (JinaClipTextModel(**JINA), "model", dict(JINA)),
        }
    loaded = 0
    for folder, (model, stem, config) in models.items():
        weights = {
            key: torch.empty(value.shape, dtype=torch.bfloat16).uniform_(-0.1, 0.1)
            for key, value in model.state_dict().items()
        }
        path = directory / folder / f"{stem}.safetensors"
        path.unlink()
        save_file(weights, path)
        (directory / folder / "config.json").write_text(json.dumps(config))
        last = f"layers.{GEMMA['num_hidden_layers'] - 1}."
        skipped = ("norm.weight", last) if folder == "text_encoder" else ()
        loaded += sum(2 * v.numel() for k, v in weights.items() if not k.startswith(skipped))
    return loaded


def measured(directory: Path, dtype: str) -> dict[str, float]:
    """Load a checkpoint in a fresh process; gives `grown` in bytes and `seconds`."""
    command = (sys.executable, "-m", "benchmarks.loading", str(directory), dtype)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def run() -> list[str]:
    """Measure loading in the type on disk and write its row."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "random"
        size = write_random_checkpoint(directory)
        runs = [measured(directory, "bfloat16") for _ in range(REPEATS)]
    shares = sorted(one["grown"] / size for one in runs)
    return [
        add_row(
            LOADING,
            (
                "bfloat16",
                f"{size / 1e6:.0f}",
                "bfloat16, CPU",
                f"{shares[0]:.3f}",
                f"{shares[len(shares) // 2]:.3f}",
                f"{shares[-1]:.3f}",
                f"{min(one['seconds'] for one in runs):.2f}",
            ),
        )
    ]


def _resident(name: str) -> int:
    """Read VmRSS (now) or VmHWM (the highest so far) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def _load(directory: Path, dtype: str) -> None:
    import torch  # noqa: PLC0415

    from newbie_pipeline import pipeline as _  # noqa: F401, PLC0415 - counted before the load
    from newbie_pipeline.checkpoints.loading import load_pipeline  # noqa: PLC0415

    before, started = _resident("VmRSS"), time.perf_counter()
    pipe = load_pipeline(directory, getattr(torch, dtype), "cpu")
    seconds = time.perf_counter() - started
    print(json.dumps({"grown": _resident("VmHWM") - before, "seconds": seconds}))
    del pipe


if __name__ == "__main__":
    _load(Path(sys.argv[1]), sys.argv[2])
