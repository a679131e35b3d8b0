"""`newbie download` against a server that speaks the Hub's API: complete, resumed, refused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from newbie_cli.__main__ import main
from newbie_pipeline.tiny import make_tiny

from .hub import REPO, Hub, folder_of, serving

ROOT = Path(__file__).parents[2]
BIG = "transformer/diffusion_pytorch_model.safetensors"
SECRET = "hf_secretsecretsecret"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hub") / "tiny"
    make_tiny(directory)
    return folder_of(directory)


@pytest.fixture
def hub(files):
    with serving(Hub(dict(files))) as running:
        yield running


def settings(hub, tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    home = {"HF_HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "data")}
    return {**clean, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", **home}


def command(*arguments):
    return (sys.executable, "-m", "newbie_cli", "download", *map(str, arguments))


def download(hub, tmp_path, *arguments, **environment):
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env={**settings(hub, tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done


def test_it_fetches_what_is_loaded_and_prints_the_line_for_the_settings(hub, files, tmp_path):
    extra = ("pytorch_model.bin", "picture.png", "modeling.py", "transformer/x.ckpt")
    hub.files |= dict.fromkeys(extra, b"not wanted")
    target = tmp_path / "model"
    done = download(hub, tmp_path, REPO, "--to", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"NEWBIE_WORKER_MODEL={target}"
    fetched = folder_of(target)
    assert {k: v for k, v in fetched.items() if not k.startswith(".cache/")} == files
    assert not any(hub.sent(name) for name in extra)


def test_without_gemma_its_files_are_not_fetched_and_the_setting_is_printed(hub, tmp_path):
    extra = ("tokenizer/tokenizer.json", "split_files/text_encoders/gemma_3_4b_it_bf16.safetensors")
    hub.files |= dict.fromkeys(extra, b"{}")
    target = tmp_path / "model"
    done = download(hub, tmp_path, REPO, "--to", target, "--text-encoder", "clip_only")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        f"NEWBIE_WORKER_MODEL={target}",
        "NEWBIE_WORKER_TEXT_ENCODER=clip_only",
    ]
    gemma = [name for name in hub.files if name.startswith("text_encoder/")]
    assert gemma
    assert not any(hub.sent(name) for name in (*gemma, *extra))
    assert hub.sent("clip_model/model.safetensors")
    # Gemma can be fetched later.
    for name in extra:
        del hub.files[name]
    assert download(hub, tmp_path, REPO, "--to", target).returncode == 0
    assert (target / "text_encoder" / "model.safetensors").is_file()


def test_the_second_time_nothing_is_fetched_and_json_says_where_it_lies(hub, tmp_path):
    assert download(hub, tmp_path, REPO, "--to", tmp_path / "model").returncode == 0
    before = len(hub.sent(BIG))
    done = download(hub, tmp_path, REPO, "--to", tmp_path / "model", "--json")
    facts = json.loads(done.stdout)
    assert facts["path"] == str(tmp_path / "model")
    assert facts["layout"] == "official"
    assert len(hub.sent(BIG)) == before


def test_without_a_folder_it_lies_among_the_users_data(hub, tmp_path):
    done = download(hub, tmp_path, REPO, "--json")
    path = Path(json.loads(done.stdout)["path"])
    assert path == tmp_path / "data" / "newbie" / "models" / "newbie-tiny"
    assert (path / BIG).is_file()


def wait_until(true, process):
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_a_download_that_was_killed_goes_on_where_it_stopped(hub, files, tmp_path):
    large = {"x": torch.arange(6_000_000, dtype=torch.float32)}
    name = "extra/large.safetensors"
    hub.files[name] = safetensors.torch.save(large)
    hub.silent_after[name] = 15_000_000  # the library writes 10 MB at a time
    target = tmp_path / "model"
    process = subprocess.Popen(
        command(REPO, "--to", target),
        cwd=ROOT,
        env=settings(hub, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

    def unfinished():
        parts = target.glob(".newbie-download/*.part")
        return max((path.stat().st_size for path in parts), default=0)

    try:
        wait_until(lambda: unfinished() >= 10_000_000, process)
    finally:
        process.kill()
        process.communicate()
    assert not (target / name).exists()
    stopped = unfinished()
    hub.silent_after.clear()
    asked = len(hub.sent(name))
    done = download(hub, tmp_path, REPO, "--to", target)
    assert done.returncode == 0, done.stderr
    assert hub.sent(name)[asked:] == [f"bytes={stopped}-"]
    assert (target / name).read_bytes() == hub.files[name]
    assert not (target / ".newbie-download").exists()


def test_a_file_whose_content_is_not_the_hubs_is_fetched_again(hub, files, tmp_path):
    target = tmp_path / "model"
    (target / BIG).parent.mkdir(parents=True)
    (target / BIG).write_bytes(bytes(len(files[BIG])))
    assert download(hub, tmp_path, REPO, "--to", target).returncode == 0
    assert (target / BIG).read_bytes() == files[BIG]


def test_too_little_disk_is_said_before_anything_is_fetched(hub, tmp_path):
    hub.claimed[BIG] = 10**15
    done = download(hub, tmp_path, REPO, "--to", tmp_path / "model")
    assert done.returncode == 1
    assert "1000000." in done.stderr
    assert "free" in done.stderr
    assert not hub.sent(BIG)


def test_a_private_repository_needs_the_token_and_takes_it(hub, tmp_path):
    hub.token = SECRET
    target = tmp_path / "model"
    for environment in ({}, {"HF_TOKEN": "hf_wrong"}):
        done = download(hub, tmp_path, REPO, "--to", target, **environment)
        assert done.returncode == 1
        assert REPO in done.stderr
        assert "HF_TOKEN" in done.stderr
    assert download(hub, tmp_path, REPO, "--to", target, HF_TOKEN=SECRET).returncode == 0


def test_a_gated_repository_says_that_its_terms_come_first(hub, tmp_path):
    hub.gated = True
    done = download(hub, tmp_path, REPO)
    assert done.returncode == 1
    assert "terms" in done.stderr


def test_an_unknown_repository_and_an_unknown_revision_are_named(hub, tmp_path):
    done = download(hub, tmp_path, "someone/else")
    assert done.returncode == 1
    assert "someone/else does not exist" in done.stderr
    done = download(hub, tmp_path, REPO, "--revision", "v9")
    assert done.returncode == 1
    assert "no revision v9" in done.stderr


@pytest.mark.parametrize("name", ["../outside.json", "a/../../outside.json"])
def test_a_name_that_leads_out_of_the_folder_is_refused(hub, tmp_path, name):
    hub.files[name] = b"{}"
    done = download(hub, tmp_path, REPO, "--to", tmp_path / "deep" / "model")
    assert done.returncode == 1
    assert name in done.stderr
    assert not list(tmp_path.rglob("outside.json"))


def test_a_repository_with_only_pickles_is_refused_unfetched(hub, tmp_path):
    hub.files = {"pytorch_model.bin": b"\x80\x04.", "config.json": b"{}"}
    done = download(hub, tmp_path, REPO)
    assert done.returncode == 1
    assert "safetensors" in done.stderr
    assert not hub.sent("pytorch_model.bin")


def test_what_is_no_complete_checkpoint_is_said_with_the_missing_part(hub, tmp_path):
    hub.files = {k: v for k, v in hub.files.items() if not k.startswith("vae/")}
    done = download(hub, tmp_path, REPO, "--to", tmp_path / "model")
    assert done.returncode == 1
    assert "vae" in done.stderr


def test_no_hub_at_all_is_said(hub, tmp_path):
    done = download(hub, tmp_path, REPO, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "connection to the Hub failed" in done.stderr


@pytest.mark.parametrize("arguments", [["a/b/c"], ["--", "-x"], [REPO, "--to", __file__]])
def test_a_wrong_command_line_is_exit_code_2(arguments, capsys):
    assert main(["download", *arguments]) == 2
    assert "newbie download" in capsys.readouterr().err
