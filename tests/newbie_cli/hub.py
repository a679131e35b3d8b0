"""A small stand-in for the Hub's API over real HTTP: info, tree, and files with ranges.

It can fall silent in the middle of a file, ask for a token, and claim sizes.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "someone/newbie-tiny"


@dataclass
class Hub:
    """The repository's files by path, and how the server behaves."""

    files: dict[str, bytes]
    token: str | None = None
    gated: bool = False
    silent_after: dict[str, int] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    claimed: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sent(self, path: str) -> list[str | None]:
        """List the ranges that a file was asked for in, None for all of it."""
        return [r for method, p, r in self.requests if method == "GET" and p.endswith(f"/{path}")]


def folder_of(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.state.requests.append((self.command, path, self.headers.get("Range")))
        if self.state.gated:
            return self._error(403, "GatedRepo")
        if self.state.token and self.headers.get("Authorization") != f"Bearer {self.state.token}":
            return self._error(401, "RepoNotFound")
        if path.startswith(f"/api/models/{REPO}/tree/"):
            return self._json([self._tree_entry(name) for name in self.state.files])
        if path in (f"/api/models/{REPO}", f"/api/models/{REPO}/revision/main"):
            siblings = [self._sibling(name) for name in self.state.files]
            return self._json({"id": REPO, "sha": COMMIT, "siblings": siblings})
        if path.startswith(f"/api/models/{REPO}/revision/"):
            return self._error(404, "RevisionNotFound")
        name = path.removeprefix(f"/{REPO}/resolve/{COMMIT}/")
        if name in self.state.files:
            return self._file(name)
        return self._error(404, "RepoNotFound")

    def _sibling(self, name: str) -> dict[str, object]:
        entry = self._tree_entry(name)
        known = {"rfilename": name, "size": entry["size"], "blobId": entry["oid"]}
        return {**known, "lfs": entry["lfs"]} if "lfs" in entry else known

    def _tree_entry(self, name: str) -> dict[str, object]:
        data = self.state.files[name]
        size = self.state.claimed.get(name, len(data))
        entry = {"type": "file", "path": name, "size": size, "oid": hashlib.sha1(data).hexdigest()}
        if name.endswith(".safetensors"):
            sha256 = hashlib.sha256(data).hexdigest()
            # The API writes `oid` in a tree and `sha256` in a model's siblings.
            entry["lfs"] = {"oid": sha256, "sha256": sha256, "size": size, "pointerSize": 134}
        return entry

    def _file(self, name: str) -> None:
        data = self.state.files[name]
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        size = self.state.claimed.get(name, len(data))
        self.send_response(206 if wanted else 200)
        entry = self._tree_entry(name)
        etag = entry["lfs"]["sha256"] if "lfs" in entry else entry["oid"]
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        end = max(self.state.silent_after.get(name, len(data)), start)
        self.wfile.write(data[start:end])
        if end < len(data):
            self.wfile.flush()
            self.state.closing.wait()

    def _json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {})

    def _error(self, status: int, code: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        self._send(status, b'{"error": "no"}', headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
