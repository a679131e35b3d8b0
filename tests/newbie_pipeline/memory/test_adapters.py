"""The plan counts adapters: as many bytes as are there once they are loaded, where they are."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from newbie_pipeline.checkpoints.headers import read_header
from newbie_pipeline.checkpoints.layouts import component_entries, find_checkpoint
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.adapter_file import AdapterFile
from newbie_pipeline.lora.loader import load_adapters
from newbie_pipeline.lora.resolving import linear_layers as loaded_layers
from newbie_pipeline.memory.adapters import with_adapters
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.plan import Placement, PlanRequest
from newbie_pipeline.memory.planner import every_plan, make_plan
from newbie_pipeline.memory.published import PUBLISHED, published_layers
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.memory.reading import checkpoint_sizes, linear_layers, read_adapters
from newbie_pipeline.memory.shapes import TRANSFORMER_BLOCK
from newbie_pipeline.memory.sizes import Component, Precision
from newbie_pipeline.memory.table import plan_data, plan_lines
from newbie_pipeline.render import LoadOptions, Renderer
from tests.newbie_pipeline.checkpoints.converted import write_diffusers

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "tests" / "data" / "reference"
DIT = Component.TRANSFORMER
ROOMY = Budget(80 * GIB, 80 * GIB)
# One of each kind of layer that the community's trainer adapts; the last two lie outside blocks.
TARGETS = (
    "layers.0.attention.qkv",
    "layers.1.attention.out",
    "context_refiner.0.feed_forward.w2",
    "time_text_embed.1",
    "clip_text_pooled_proj.1",
)


def lora(layers, prefix="base_model.model.", dtype=torch.float32):
    state = {}
    for rank, name in enumerate(TARGETS, 2):
        rows, columns = layers[name]
        state[f"{prefix}{name}.lora_A.weight"] = torch.ones(rank, columns, dtype=dtype)
        state[f"{prefix}{name}.lora_B.weight"] = torch.ones(rows, rank, dtype=dtype)
    return state


def lokr(layers, decomposed=False):
    """Factors of 8, whole or with w2 stored as a product, which is loaded whole."""
    state = {}
    for name in TARGETS:
        rows, columns = (side // 8 for side in layers[name])
        key = f"lycoris_{name.replace('.', '_')}"
        state[f"{key}.lokr_w1"] = torch.ones(8, 8)
        if decomposed:
            state[f"{key}.lokr_w2_a"] = torch.ones(rows, 3)
            state[f"{key}.lokr_w2_b"] = torch.ones(3, columns)
            state[f"{key}.alpha"] = torch.tensor(1.0)
        else:
            state[f"{key}.lokr_w2"] = torch.ones(rows, columns)
    return state


KINDS = {
    "lora": lora,
    "lora of another type": lambda layers: lora(layers, dtype=torch.float16),
    "lokr": lokr,
    "lokr of products": lambda layers: lokr(layers, decomposed=True),
}


@pytest.fixture(scope="module")
def layers(pipe):
    return loaded_layers(pipe.transformer)


def written(folder, state, name="style"):
    save_file(state, folder / f"{name}.safetensors")
    return AdapterFile(folder / f"{name}.safetensors", 0.5)


def held_bytes(transformer, inside=None):
    """Bytes of the loaded parameters: all, or those inside blocks."""
    return sum(
        parameter.numel() * parameter.element_size()
        for name, parameter in transformer.named_parameters()
        if inside is None or bool(TRANSFORMER_BLOCK.search(name)) is inside
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_the_plans_dit_is_as_large_as_the_loaded_one(
    tiny_checkpoint, layers, tmp_path, kind, precision
):
    file = written(tmp_path, KINDS[kind](layers))
    sizes = checkpoint_sizes(tiny_checkpoint, adapters=[file])
    plan = make_plan(sizes, PlanRequest(precision=precision), ROOMY)
    plain = make_plan(checkpoint_sizes(tiny_checkpoint), PlanRequest(precision=precision), ROOMY)
    pipeline = load_pipeline(tiny_checkpoint, getattr(torch, precision.value), "cpu")
    assert plain.component(DIT).weight_bytes == held_bytes(pipeline.transformer)
    load_adapters(pipeline, [file])
    loaded = held_bytes(pipeline.transformer)
    assert plan.component(DIT).weight_bytes == plan.component(DIT).device_bytes == loaded
    size = sizes.components[DIT]
    assert size.block_parameters * precision.bytes == held_bytes(pipeline.transformer, inside=True)
    assert size.outside_blocks * precision.bytes == held_bytes(pipeline.transformer, inside=False)
    (adapter,) = plan.adapters
    assert adapter.name == "style:0.5"
    grown = loaded - plain.component(DIT).weight_bytes
    assert adapter.added.parameters * precision.bytes == grown > 0


def test_adapters_of_both_kinds_add_up(tiny_checkpoint, layers, tmp_path):
    files = [
        written(tmp_path, lora(layers), "one"),
        written(tmp_path, lora(layers, prefix="diffusion_model."), "two"),
        written(tmp_path, lokr(layers), "three"),
    ]
    sizes = checkpoint_sizes(tiny_checkpoint, adapters=files)
    pipeline = load_pipeline(tiny_checkpoint, torch.float32, "cpu")
    load_adapters(pipeline, files)
    assert sizes.components[DIT].parameters * 4 == held_bytes(pipeline.transformer)
    largest = max(
        sum(parameter.numel() for parameter in block.parameters())
        for name in ("layers", "noise_refiner", "context_refiner")
        for block in getattr(pipeline.transformer, name)
    )
    assert largest <= sizes.components[DIT].largest_block


@pytest.mark.parametrize("layout", ["official", "diffusers"])
def test_a_header_names_the_layers_that_the_loaded_model_has(
    tiny_checkpoint, layers, tmp_path, layout
):
    source = tiny_checkpoint
    if layout == "diffusers":
        source = tmp_path / "tiny"
        write_diffusers(tiny_checkpoint, source)
    component = find_checkpoint(source).transformer
    assert linear_layers(component_entries(component), component.naming) == layers
    file = written(tmp_path, lora(layers))
    pipeline = load_pipeline(source, torch.float32, "cpu")
    load_adapters(pipeline, [file])
    sizes = checkpoint_sizes(source, adapters=[file])
    assert sizes.components[DIT].parameters * 4 == held_bytes(pipeline.transformer)


def test_the_published_layers_are_those_of_the_published_names():
    names = json.loads((REFERENCE / "keys.json").read_text())
    assert published_layers() == {
        name.removesuffix(".weight"): tuple(shape)
        for name, shape in names.items()
        if name.endswith(".weight") and len(shape) == 2
    }


def test_where_the_dit_streams_adapters_in_blocks_stream_and_the_others_stay(
    tiny_checkpoint, layers, tmp_path
):
    file = written(tmp_path, lora(layers))
    sizes = checkpoint_sizes(tiny_checkpoint, adapters=[file])
    added = sizes.adapters[0].added
    outside = added.parameters - added.block_parameters
    assert outside > 0 < added.largest_block
    pairs = zip(
        every_plan(sizes, PlanRequest(), ROOMY),
        every_plan(checkpoint_sizes(tiny_checkpoint), PlanRequest(), ROOMY),
        strict=True,
    )
    seen = set()
    for plan, plain in pairs:
        part, bare = plan.component(DIT), plain.component(DIT)
        seen.add(part.placement)
        assert part.weight_bytes == bare.weight_bytes + 2 * added.parameters
        more = 2 * added.parameters
        if part.placement is Placement.STREAMED:
            more = 2 * (outside + 2 * added.largest_block)
        assert part.device_bytes == bare.device_bytes + more
        if part.placement is not Placement.RESIDENT:
            assert part.host_bytes >= bare.host_bytes + 2 * added.parameters
    assert seen == {Placement.RESIDENT, Placement.MOVED, Placement.STREAMED}


def test_quantising_leaves_adapters_alone(layers, tiny_checkpoint, tmp_path):
    file = written(tmp_path, lokr(layers))
    choice = parse_quantize("transformer:int8!")
    with_it = make_plan(
        checkpoint_sizes(tiny_checkpoint, adapters=[file]), PlanRequest(), ROOMY, choice
    )
    without = make_plan(checkpoint_sizes(tiny_checkpoint), PlanRequest(), ROOMY, choice)
    added = with_it.adapters[0].added.parameters * 2
    grown = with_it.component(DIT).weight_bytes - without.component(DIT).weight_bytes
    assert grown == added


def test_the_table_and_the_data_name_each_adapters_bytes(tmp_path):
    layers = published_layers()
    rank = 4
    state = {}
    for name in layers:
        if name.endswith(("attention.qkv", "attention.out", "feed_forward.w2")):
            rows, columns = layers[name]
            state[f"{name}.lora_A.weight"] = torch.zeros(rank, columns, dtype=torch.bfloat16)
            state[f"{name}.lora_B.weight"] = torch.zeros(rows, rank, dtype=torch.bfloat16)
    files = [replace(written(tmp_path, state, f"{n}-{'long-' * 8}name"), weight=n) for n in (1, 2)]
    sizes = with_adapters(PUBLISHED, read_adapters(files, layers))
    plan = make_plan(sizes, PlanRequest(), ROOMY)
    # bfloat16 in the file and in the plan: the header's own bytes.
    size = sum(entry.length for entry in read_header(files[0].path).values())
    lines = plan_lines(plan)
    assert all(len(line) <= 100 for line in lines)
    shown = " ".join(line.strip() for line in lines)
    for file in files:
        assert f"{file} {size / 2**20:.1f} MiB" in shown
    assert plan_data(plan)["adapters"] == [
        {"name": str(file), "weight_bytes": size} for file in files
    ]
    bare = make_plan(PUBLISHED, PlanRequest(), ROOMY)
    assert "adapters" not in "\n".join(plan_lines(bare))
    assert plan_data(bare)["adapters"] == []
    assert plan.peak_bytes >= bare.peak_bytes + 2 * size


def test_a_renderers_plan_counts_its_adapters(tiny_checkpoint, layers, tmp_path):
    file = written(tmp_path, lora(layers))
    renderer = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", adapters=(file,)))
    transformer = renderer._model.pipeline.transformer
    assert renderer.plan.component(DIT).weight_bytes == held_bytes(transformer)
    assert [adapter.name for adapter in renderer.plan.adapters] == list(renderer.info.adapters)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.update({"layers.99.attention.qkv.lora_A.weight": torch.ones(1, 1)}), "fit"),
        (lambda s: s.pop("base_model.model.layers.0.attention.qkv.lora_B.weight"), "needs both"),
        (
            lambda s: s.update(
                {"base_model.model.layers.0.attention.qkv.lora_A.weight": torch.ones(2, 5)}
            ),
            "needs",
        ),
        (
            lambda s: s.update(
                {"base_model.model.layers.0.attention.qkv.lora_A.weight": torch.ones(2)}
            ),
            "two dimensions",
        ),
        (lambda s: s.clear(), "no tensors"),
    ],
)
def test_a_file_that_loading_refuses_has_no_size_either(
    tiny_checkpoint, layers, pipe, tmp_path, change, reason
):
    state = lora(layers)
    change(state)
    file = written(tmp_path, state)
    with pytest.raises(AdapterError, match=reason) as caught:
        checkpoint_sizes(tiny_checkpoint, adapters=[file])
    assert str(file.path) in str(caught.value)
    with pytest.raises(AdapterError, match=reason):
        load_adapters(pipe, [file])


def test_files_that_are_missing_damaged_or_named_twice_are_told(tiny_checkpoint, layers, tmp_path):
    def measure(*files):
        checkpoint_sizes(tiny_checkpoint, adapters=files)

    with pytest.raises(AdapterError, match="does not exist"):
        measure(AdapterFile(tmp_path / "gone.safetensors"))
    file = written(tmp_path, lora(layers))
    with pytest.raises(AdapterError, match="more than once"):
        measure(file, replace(file, weight=1.0))
    file.path.write_bytes(file.path.read_bytes()[:-3])
    with pytest.raises(AdapterError, match="not copied completely"):
        measure(file)
    torch.save({}, tmp_path / "style.pt")
    with pytest.raises(AdapterError, match="pickle"):
        measure(AdapterFile(tmp_path / "style.pt"))


def test_measuring_adapters_loads_no_torch(tiny_checkpoint, layers, tmp_path):
    file = written(tmp_path, lora(layers))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from newbie_pipeline.lora.adapter_file import AdapterFile\n"
        "from newbie_pipeline.memory.reading import checkpoint_sizes\n"
        "file = AdapterFile(Path(sys.argv[2]))\n"
        "assert checkpoint_sizes(Path(sys.argv[1]), adapters=[file]).adapters\n"
        "assert not {'torch', 'diffusers', 'transformers', 'peft'} & set(sys.modules)\n"
    )
    command = (sys.executable, "-c", code, str(tiny_checkpoint), str(file.path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
