"""Forks renderers from a process that has loaded what every renderer loads first.

A renderer takes ten seconds of a core to import torch and its kin, and less than two for all else.
Where renderers are killed all the time these ten seconds are most of what a run takes, so here they
are spent once: the nursery has imported the modules, and a renderer is a fork of it that runs
`worker.renderer` as ever. What the worker supervises in its place is `tests.chaos.changeling`, a
few lines that live exactly as long as the renderer does: whichever dies, the other one dies.

`python -m tests.chaos.nursery SOCKET MODEL` writes a tiny checkpoint into the folder MODEL and
listens on the socket; a connection is a renderer.
"""

import gc
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import torch
from diffusers import AutoencoderKL

import newbie_pipeline.pipeline  # noqa: F401 - all that a renderer needs
from newbie_pipeline.tiny import VAE_CONFIG, make_tiny
from supervisor.notify import notify_ready
from worker import renderer

END = b"\n"
STOP = b"T"


def make_model(directory: Path) -> None:
    """Write a tiny checkpoint whose decoder is cheaper still; its pictures are nearly grey."""
    make_tiny(directory)
    torch.manual_seed(0)
    small = {"layers_per_block": 0, "block_out_channels": [1, 1, 2, 4, 8, 16]}
    vae = AutoencoderKL(**{**VAE_CONFIG, **small})
    with torch.no_grad():
        vae.decoder.conv_out.weight.mul_(0.02)
    vae.save_pretrained(directory / "vae")


def main() -> int:
    """Fork a renderer for each connection."""
    path, model = sys.argv[1:]
    make_model(Path(model))
    # Ended renderers leave nothing to be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        notify_ready()
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    become_renderer(connection)


def become_renderer(connection: socket.socket) -> None:
    """Be a renderer with the environment and the output of whoever is connected."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        environment, outputs = receive(connection)
        for number, output in zip((1, 2), outputs, strict=True):
            os.dup2(output, number)
        os.environ.clear()
        os.environ.update(environment)
        threading.Thread(target=obey, args=(connection,), daemon=True).start()
        code = renderer.main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([code]))
        os._exit(code)


def receive(connection: socket.socket) -> tuple[dict[str, str], list[int]]:
    """Read the environment, and the descriptors of standard output and error."""
    data, descriptors, _, _ = socket.recv_fds(connection, 65536, 2)
    while not data.endswith(END):
        data += connection.recv(65536)
    return json.loads(data), descriptors


def obey(connection: socket.socket) -> None:
    """Stop when told to, and die with whoever is connected."""
    while connection.recv(1) == STOP:
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
