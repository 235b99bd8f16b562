"""A small Hugging Face hub on loopback, whose transfers stall or break off when they are told to."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """As much of the Hugging Face hub as a download needs."""

    daemon_threads = True

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = repositories
        self.requests: list[tuple[str, str, str | None]] = []
        self.stall_after: dict[str, int] = {}
        self.stalled = threading.Event()
        self.cut_after: dict[str, int] = {}
        self.status: dict[str, tuple[int, str]] = {}

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Answer requests, on a thread of its own."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fetched(self) -> set[str]:
        return {path.rpartition("/")[2] for method, path, _ in self.requests if method == "GET" and "/resolve/" in path}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        wanted = self.headers.get("Range")
        self.server.requests.append((self.command, path, wanted))
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = api or file
        repository = found[1] if found else ""
        if repository in self.server.status:
            status, code = self.server.status[repository]
            return self.send(status, b"", {"X-Error-Code": code, "X-Error-Message": "no"})
        if repository not in self.server.repositories:
            return self.send(401 if api else 404, b"", {"X-Error-Code": "RepoNotFound"})
        files = self.server.repositories[repository]
        revision = found[3] if api else found[2] if file else ""
        if revision not in ("main", COMMIT):
            return self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if api and api[2] == "revision":
            siblings = [{"rfilename": name, "size": len(body)} for name, body in files.items()]
            body = {"_id": "1", "id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings,
                    "private": False, "tags": [], "downloads": 0, "likes": 0}  # fmt: skip
            return self.send(200, json.dumps(body).encode())
        if api:
            tree = [{"type": "file", "path": n, "size": len(b), "oid": hashlib.sha1(b).hexdigest()}
                    for n, b in files.items()]  # fmt: skip
            return self.send(200, json.dumps(tree).encode())
        assert file is not None
        if file[3] not in files:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        body = files[file[3]]
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send(206 if wanted else 200, body[start:], headers, name=file[3])

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, name: str = "") -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if name in self.server.stall_after:
            self.wfile.write(body[: self.server.stall_after.pop(name)])
            self.wfile.flush()
            self.server.stalled.set()
            self.close_connection = True
            with contextlib.suppress(ConnectionError):
                self.rfile.read(1)  # until the client is gone
        elif name in self.server.cut_after:
            self.wfile.write(body[: self.server.cut_after.pop(name)])
            self.close_connection = True
        else:
            self.wfile.write(body)


def client_environment(endpoint: str, cache: Path) -> dict[str, str]:
    """For a process of its own: huggingface_hub reads its environment when it is imported."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        **client_variables(endpoint, cache), "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def client_variables(endpoint: str, cache: Path) -> dict[str, str]:
    """What leads huggingface_hub here."""
    return {
        "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0",
        "HF_TOKEN_PATH": str(cache / "no-token"), "NO_PROXY": "*",
    }  # fmt: skip
