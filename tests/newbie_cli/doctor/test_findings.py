"""`newbie doctor` shows one line a finding, and judges cards and disks without owning them."""

import json
from dataclasses import replace

import pytest

from newbie_cli.__main__ import main
from newbie_cli.doctor import machine
from newbie_cli.doctor.findings import LINE_WIDTH, Status, as_lines, failure, ok
from newbie_cli.doctor.machine import check_disk, judge_card
from newbie_cli.doctor.software import check_software
from newbie_pipeline.device import DeviceFacts

CARD = DeviceFacts(
    torch_version="2.13.0+cu130",
    runtime=(13, 0),
    driver="580.65",
    driver_cuda=(13, 0),
    architectures=("sm_80", "sm_90"),
    name="NVIDIA L40S",
    capability=(8, 9),
    total_memory=48 * 2**30,
    free_memory=47 * 2**30,
    flash_attn="2.8.3",
)


def statuses(findings):
    return {finding.name: finding.status for finding in findings}


def test_lines_are_no_wider_than_a_terminal_and_say_what_to_do():
    lines = as_lines(failure("Redis", "cannot be reached " * 12, "Start it. " * 12))
    assert max(len(line) for line in lines) <= LINE_WIDTH
    assert lines[0].startswith("FAIL Redis")
    assert any("-> Start it." in line for line in lines)


def test_a_card_that_fits_is_ok_in_every_line():
    assert set(statuses(judge_card(CARD)).values()) == {Status.OK}


@pytest.mark.parametrize(
    ("change", "name", "status"),
    [
        ({"name": None}, "card", Status.WARNING),
        ({"capability": (7, 0)}, "no kernel image", Status.FAILURE),
        ({"driver_cuda": (12, 1)}, "driver too old", Status.FAILURE),
        ({"runtime": None, "capability": None}, "cpu build", Status.WARNING),
        ({"capability": (7, 5), "architectures": ("sm_75",)}, "no bf16", Status.WARNING),
        ({"flash_attn": None}, "flash-attn", Status.SKIPPED),
        ({"flash_attn": None, "flash_attn_error": "boom"}, "flash attn broken", Status.WARNING),
    ],
)
def test_what_is_wrong_with_a_card_has_a_line_of_its_own(change, name, status):
    assert statuses(judge_card(replace(CARD, **change)))[name] is status


def test_a_capability_without_kernels_is_not_ok_in_another_line():
    assert "capability" in statuses(judge_card(CARD))
    assert "capability" not in statuses(judge_card(replace(CARD, capability=(7, 0))))


def test_a_full_disk_is_a_failure_and_a_roomy_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "LEAST_FREE", 0)
    assert statuses(check_disk(tmp_path / "not" / "made" / "yet")) == {"disk": Status.OK}
    monkeypatch.setattr(machine, "LEAST_FREE", 2**80)
    assert statuses(check_disk(tmp_path)) == {"disk": Status.FAILURE}


def test_the_packages_of_this_installation_are_as_wanted():
    findings = check_software()
    assert {finding.status for finding in findings} == {Status.OK}, findings
    assert any("torch" in finding.detail for finding in findings)


def test_a_finding_that_is_ok_has_nothing_to_fix():
    assert as_lines(ok("disk", "9 GiB free")) == ["ok   disk           9 GiB free"]


def test_the_command_ends_with_1_on_a_failure_and_prints_json(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    assert main(["doctor", "--json"]) == 1
    output = capsys.readouterr().out
    document = json.loads(output)
    assert document["ok"] is False
    failed = [one for one in document["findings"] if one["status"] == "failure"]
    assert [one["name"] for one in failed] == ["Redis"]
    assert all(
        one["fix"] for one in document["findings"] if one["status"] in ("failure", "warning")
    )
    assert "hunter2" not in output


def test_the_command_ends_with_0_on_a_machine_that_is_ready(
    tmp_path, capsys, monkeypatch, tiny_model
):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--model", str(tiny_model)]) == 0
    output = capsys.readouterr().out
    assert "0 failures" in output
    assert "checkpoint" in output
