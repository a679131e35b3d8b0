"""What this machine has for a plan: the card's free memory, and the host's within a container."""

import pytest
import torch

from newbie_pipeline.memory.activations import CONTEXT_BYTES
from newbie_pipeline.memory.budget import GIB, free_budget
from newbie_pipeline.memory.machine import available_host_bytes, cgroup_room, machine_budget


def make_group(folder, limit, used, inactive):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\nactive_file 7\n")


def test_a_containers_limit_counts_less_what_it_uses_and_cannot_drop(tmp_path):
    make_group(tmp_path, 8 * GIB, 3 * GIB, GIB)
    assert cgroup_room(tmp_path, "/") == 6 * GIB


def test_the_narrowest_group_around_counts(tmp_path):
    make_group(tmp_path / "pod", 4 * GIB, GIB, 0)
    make_group(tmp_path / "pod" / "container", "max", GIB, 0)
    assert cgroup_room(tmp_path, "/pod/container") == 3 * GIB
    make_group(tmp_path / "pod" / "container", 2 * GIB, GIB, 0)
    assert cgroup_room(tmp_path, "/pod/container") == GIB


@pytest.mark.parametrize("own", ["/", "/not/there", "/../.."])
def test_without_a_limit_there_is_none(tmp_path, own):
    assert cgroup_room(tmp_path, own) is None
    make_group(tmp_path, "max", GIB, 0)
    assert cgroup_room(tmp_path, own) is None


def test_the_hosts_memory_can_be_asked_for():
    available = available_host_bytes()
    assert available is None or available > 0


def test_the_context_of_the_process_that_asks_counts_once(monkeypatch):
    card = {"mem_get_info": (10 * GIB, 12 * GIB), "memory_reserved": GIB}
    for name, answer in card.items():
        monkeypatch.setattr(torch.cuda, name, lambda _device, answer=answer: answer)
    device = torch.device("cuda", 0)
    assert machine_budget(device).device_bytes == free_budget(11 * GIB + CONTEXT_BYTES)
    assert machine_budget(device, memory="8GiB").device_bytes == 8 * GIB
    assert machine_budget(device, max_memory='{0: "9GiB", "cpu": "1GiB"}').host_bytes == GIB
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (11 * GIB, 12 * GIB))
    assert machine_budget(device).device_bytes == free_budget(12 * GIB)
