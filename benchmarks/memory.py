"""What the full model takes on a GPU under memory fractions that stand for 8, 12, 16 and 24 GB.

Weights are random and made on the device, so no checkpoint is needed: memory and time do not depend
on what the numbers are. Each card's row is drawn in a process of its own. Without CUDA nothing is
measured and nothing written.
"""

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.record import ROOT, Table, add_row

CARDS = (8, 12, 16, 24)
STEPS = 28
TOKENS = 512
GIB = 1024**3

MEMORY = Table(
    f"Memory and time of the full model, 1024 x 1024, bfloat16, guidance, {STEPS} steps",
    (
        "card (GB)",
        "GPU",
        "plan",
        "text: predicted / measured (GiB)",
        "denoise",
        "decode",
        "seconds a picture",
    ),
    "make bench",
)


def run() -> list[str]:
    """Measure every card that this machine's GPU can stand for, and write the rows."""
    import torch  # noqa: PLC0415

    if not torch.cuda.is_available():
        return ["memory of the full model: skipped, there is no CUDA device"]
    name, total = torch.cuda.get_device_name(), torch.cuda.get_device_properties(0).total_memory
    rows = []
    for card in CARDS:
        if card * GIB > total:
            rows.append(f"a card of {card} GB: skipped, the {name} is smaller")
            continue
        command = (sys.executable, "-m", "benchmarks.memory", str(card))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.splitlines() or ["no reason given"])[-1]
            rows.append(f"a card of {card} GB: nothing measured: {reason}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        stages = [
            f"{found[stage][0] / GIB:.2f} / {found[stage][1] / GIB:.2f}"
            for stage in ("text", "denoise", "decode")
        ]
        figures = (str(card), name, found["plan"], *stages, f"{found['seconds']:.1f}")
        rows.append(add_row(MEMORY, figures))
    return rows


def _measure(card: int) -> dict[str, Any]:
    """Draw two pictures under the plan for a card; the second one is timed."""
    import torch  # noqa: PLC0415

    from newbie_pipeline.memory.budget import Budget, card_budget  # noqa: PLC0415
    from newbie_pipeline.memory.machine import available_host_bytes  # noqa: PLC0415
    from newbie_pipeline.memory.measuring import STAGE_TITLES, Meter  # noqa: PLC0415
    from newbie_pipeline.memory.plan import PlanRequest, Stage  # noqa: PLC0415
    from newbie_pipeline.memory.planner import make_plan  # noqa: PLC0415
    from newbie_pipeline.memory.published import PUBLISHED  # noqa: PLC0415

    device = torch.device("cuda", 0)
    total = torch.cuda.get_device_properties(device).total_memory
    plan = make_plan(PUBLISHED, PlanRequest(), Budget(card_budget(card), available_host_bytes()))
    meter = Meter(device)
    meter.process_start()
    pipeline = _random_pipeline(plan, device)
    pipeline.apply_memory_plan(plan, device)
    # Only now: making the weights may take more. The fraction is the allocator's, and what the
    # context takes of a card comes off first.
    allowed = card_budget(card) - meter.rows["process start"].bytes
    torch.cuda.set_per_process_memory_fraction(allowed / total, device)
    pipeline.meter = meter
    seconds = 0.0
    for seed in (0, 1):
        torch.cuda.synchronize()
        started = time.perf_counter()
        pipeline(
            "word " * TOKENS,
            num_inference_steps=STEPS,
            generator=torch.Generator().manual_seed(seed),
        )
        torch.cuda.synchronize()
        seconds = time.perf_counter() - started
        pipeline.meter = None
    stages = {
        stage.value: (plan.stage(stage).peak_bytes, meter.rows[STAGE_TITLES[stage]].bytes)
        for stage in Stage
    }
    places = ", ".join(f"{part.component} {part.placement}" for part in plan.components)
    return {"plan": places, "seconds": seconds, **stages}


def _random_pipeline(plan: Any, device: Any) -> Any:
    """Build the published sizes one component at a time, each sent where its plan wants it."""
    import torch  # noqa: PLC0415
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler  # noqa: PLC0415
    from transformers import Gemma3TextConfig  # noqa: PLC0415

    from newbie_pipeline.memory.plan import Placement  # noqa: PLC0415
    from newbie_pipeline.memory.sizes import Component  # noqa: PLC0415
    from newbie_pipeline.models.gemma_text import GemmaTextEncoder  # noqa: PLC0415
    from newbie_pipeline.models.jina_clip import JinaClipTextModel  # noqa: PLC0415
    from newbie_pipeline.models.next_dit import NextDiT  # noqa: PLC0415
    from newbie_pipeline.pipeline import NewbiePipeline  # noqa: PLC0415

    # Gemma 3 4B without the layer that conditioning never reads.
    gemma = Gemma3TextConfig(
        vocab_size=262_208,
        hidden_size=2560,
        intermediate_size=10_240,
        num_hidden_layers=33,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        use_cache=False,
    )
    makers = {
        Component.TRANSFORMER: lambda: NextDiT(
            dim=2304,
            n_layers=36,
            n_refiner_layers=2,
            n_heads=24,
            n_kv_heads=8,
            cap_feat_dim=2560,
            clip_text_dim=1024,
        ),
        Component.TEXT_ENCODER: lambda: GemmaTextEncoder(gemma),
        Component.TEXT_ENCODER_2: JinaClipTextModel,
        Component.VAE: lambda: AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
            scaling_factor=0.3611,
            shift_factor=0.1159,
        ),
    }
    parts: dict[str, Any] = {}
    torch.set_default_dtype(torch.bfloat16)
    # Those that stay come last, so that making one that goes never meets a full device.
    for part in sorted(plan.components, key=lambda p: p.placement is Placement.RESIDENT):
        with device:
            model = makers[part.component]().eval().requires_grad_(False)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.normal_(std=0.02)
        stays = part.placement is Placement.RESIDENT
        parts[part.component.value] = model if stays else model.to("cpu")
        torch.cuda.empty_cache()
    torch.set_default_dtype(torch.float32)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=6.0)
    pipeline = NewbiePipeline(
        **parts, scheduler=scheduler, tokenizer=_Words(), tokenizer_2=_Words()
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


class _Words:
    """Stands in for both tokenizers: one id for every word."""

    pad_token_id = 0

    def __call__(
        self, texts: list[str] | str, max_length: int | None = None, **_kwargs: Any
    ) -> Any:
        from types import SimpleNamespace  # noqa: PLC0415

        def ids(text: str) -> list[int]:
            return [2, *(5 for _ in text.split())][:max_length]

        found = ids(texts) if isinstance(texts, str) else [ids(text) for text in texts]
        return SimpleNamespace(input_ids=found)

    def decode(self, ids: list[int], **_kwargs: Any) -> str:
        """Give as many words as there are ids."""
        return " ".join("word" for _ in ids)


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]))))
