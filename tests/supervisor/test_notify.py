"""The sd_notify protocol, over real sockets."""

import os
import socket
from pathlib import Path

import pytest

from supervisor.notify import NotifyListener, notify_ready, notify_status


def test_ready_reaches_the_socket_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = NotifyListener(tmp_path / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))

    assert notify_ready()

    assert listener.receive() == {"READY": "1"}
    listener.close()
    assert not (tmp_path / "n").exists()


def test_ready_reaches_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"newbie-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)

        assert notify_ready()

        assert receiver.recv(100) == b"READY=1"


def test_a_status_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = NotifyListener(tmp_path / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))

    notify_status("loading\nREADY=1")

    assert listener.receive() == {"STATUS": "loading READY=1"}
    listener.close()


def test_the_newest_of_many_messages_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = NotifyListener(tmp_path / "n")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
    notify_status("one")
    notify_status("two")
    notify_ready()

    assert listener.receive() == {"STATUS": "two", "READY": "1"}
    assert listener.receive() == {}
    listener.close()


@pytest.mark.parametrize("address", [None, "", "relative/path", "vsock:2:1234"])
def test_without_a_socket_to_tell_nothing_happens(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)

    assert not notify_ready()


def test_a_listener_that_is_gone_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    NotifyListener(tmp_path / "n").close()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))

    assert not notify_ready()
