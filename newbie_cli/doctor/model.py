"""The checkpoint and adapters that a worker would load, and whether they fit into this machine.

Looked at is what the worker's settings name, under these settings; a checkpoint from the command
line is looked at by default settings.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from newbie_cli.doctor.findings import Finding, failure, ok, skipped

if TYPE_CHECKING:
    from newbie_pipeline.checkpoints.layouts import Checkpoint
    from newbie_pipeline.checkpoints.sources import Source
    from newbie_pipeline.memory.sizes import ModelSizes
    from worker.settings import WorkerSettings

GIB = 2**30
NO_MODEL = "NEWBIE_WORKER_MODEL: field required"


def check_model(named: str | None) -> list[Finding]:
    """Look whether the checkpoint is complete and strict, and whether a memory plan fits it."""
    if find_spec("safetensors") is None:
        detail = "the worker's packages are not installed: this machine cannot be a worker"
        return [skipped("checkpoint", detail)]
    from jobs.errors import SettingsError
    from jobs.settings import read
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.errors import CheckpointError
    from worker.settings import WorkerSettings

    try:
        settings = (
            read(WorkerSettings) if named is None else WorkerSettings.model_construct(model=named)
        )
    except SettingsError as error:
        if str(error) == NO_MODEL:
            detail = "NEWBIE_WORKER_MODEL is not set: `newbie run` draws with the small demo model"
            return [skipped("checkpoint", detail)]
        return [failure("worker", str(error), "Correct it in the environment or in .env.")]
    try:
        return _look(parse_source(settings.model), settings)
    except CheckpointError as error:
        fix = "`newbie download` fetches a complete one; a damaged file must be fetched again."
        return [failure("checkpoint", str(error), fix)]


def _look(source: "Source", settings: "WorkerSettings") -> list[Finding]:
    from newbie_pipeline.checkpoints.layouts import find_checkpoint
    from newbie_pipeline.errors import AdapterError
    from newbie_pipeline.lora.adapter_file import parse_adapter_files
    from newbie_pipeline.memory.reading import checkpoint_sizes

    clip_only = settings.text_encoder == "clip_only"
    checkpoint = find_checkpoint(source, clip_only=clip_only)
    findings = [_complete(source, checkpoint), *_tokenizers(checkpoint)]
    try:
        files = parse_adapter_files(settings.loras or "")
        sizes = checkpoint_sizes(source, clip_only=clip_only, adapters=files)
    except AdapterError as error:
        fix = "Correct NEWBIE_WORKER_LORAS: the worker does not start with such a file."
        return [*findings, failure("adapters", str(error), fix)]
    if sizes.adapters:
        names = ", ".join(one.name for one in sizes.adapters)
        findings.append(ok("adapters", f"every key and shape fits: {names}"))
    return [*findings, _memory(sizes, settings)]


def _complete(source: "Source", checkpoint: "Checkpoint") -> Finding:
    """Where torch is there, build each model on paper and compare its keys."""
    files = {path for part in checkpoint.components().values() for path in part.weights}
    size = sum(path.stat().st_size for path in files) / GIB
    what = f"{checkpoint.layout}, {size:.1f} GiB"
    if checkpoint.text_encoder is None:
        what += ", without Gemma (clip_only)"
    if find_spec("torch") is None:
        return ok("checkpoint", f"{what}; its keys need torch to check")
    import torch

    from newbie_pipeline.checkpoints.components import load_language_head
    from newbie_pipeline.checkpoints.loading import load_components

    given = {"tokenizer": None, "tokenizer_2": None}
    if checkpoint.text_encoder is None:
        given["text_encoder"] = None
    # On the meta device everything is checked but the numbers themselves, and none is read.
    load_components(source, torch.bfloat16, "meta", progress=lambda *_: None, components=given)
    if checkpoint.text_encoder is not None:
        load_language_head(checkpoint.text_encoder, torch.bfloat16, torch.device("meta"))
    return ok("checkpoint", f"{what}; every key and shape")


def _tokenizers(checkpoint: "Checkpoint") -> list[Finding]:
    """Read both tokenizers, as loading does."""
    if find_spec("transformers") is None or find_spec("torch") is None:
        return []
    from newbie_pipeline.checkpoints.tokenizer_files import TOKENS, load_tokenizer
    from newbie_pipeline.errors import CheckpointError

    found = []
    for name, component in checkpoint.components().items():
        if name not in TOKENS:
            continue
        try:
            found.append(f"{name} knows {len(load_tokenizer(name, component))} tokens")
        except CheckpointError as error:
            fix = "`newbie download` fetches it; other layouts take it from its own repository."
            return [failure("tokenizers", str(error), fix)]
    return [ok("tokenizers", ", ".join(found))]


def _memory(sizes: "ModelSizes", settings: "WorkerSettings") -> Finding:
    """Plan one picture of the usual size on this machine."""
    from newbie_cli.machine_memory import find_gpu, gpu_budget
    from newbie_pipeline.errors import MemoryPlanError
    from newbie_pipeline.memory.activations import Picture
    from newbie_pipeline.memory.budget import limited
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.planner import affordable, make_plan
    from newbie_pipeline.memory.quantization import parse_quantize
    from newbie_pipeline.memory.sizes import Precision
    from newbie_pipeline.tokens import most_caption_tokens

    gpu = None if settings.device == "cpu" else find_gpu()
    default = Precision.FLOAT32 if gpu is None else Precision.BFLOAT16
    request = PlanRequest(
        picture=Picture(tokens=most_caption_tokens(settings.character_encoding)),
        precision=Precision(settings.dtype or default),
        clip_only=sizes.text_encoder is None,
        writes_prompts=settings.assist,
    )
    try:
        budget = limited(gpu_budget(gpu), settings.memory, settings.max_memory)
        quantize = parse_quantize(settings.quantize)
        plan = make_plan(sizes, affordable(sizes, request, budget, quantize), budget, quantize)
        if plan.quantized and find_spec("torch") is not None:
            from newbie_pipeline.memory.quantizing import check_quantizer

            for part in plan.components:
                if part.quantization is not None:
                    check_quantizer(part.component)
    except MemoryPlanError as error:
        return failure("memory", str(error), "`newbie plan --help` lists what can be allowed.")
    where = ", ".join(f"{part.component.value} {part.placement.value}" for part in plan.components)
    return ok(
        "memory", f"a picture needs {plan.peak_bytes / GIB:.1f} GiB on the {plan.device}: {where}"
    )
