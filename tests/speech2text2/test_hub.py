"""Finding model folders: local, shipped, and from a small hub on loopback, with a transfer that is cut off."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from s2t2_live.assets import asset
from s2t2_live.errors import ModelNotFoundError
from s2t2_live.speech2text2.hub import resolve_model_folder, split_hub_options
from tests.loopback_hub import COMMIT, Hub, client_environment

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"config.json": b'{"model_type": "x"}', "vocab.json": b"{}", "merges.txt": b"a b\n"}
CLIENT = """
import json, sys
from s2t2_live.errors import ModelNotFoundError
from s2t2_live.speech2text2.hub import resolve_model_folder
try:
    folder = resolve_model_folder(sys.argv[1], **json.loads(sys.argv[2]))
except ModelNotFoundError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({"folder": str(folder), "files": sorted(file.name for file in folder.iterdir())}))
"""

WATCHED_CLIENT = """
import json, sys
from s2t2_live.errors import DownloadCancelledError
from s2t2_live.speech2text2.hub import resolve_model_folder
seen, limit = [], int(sys.argv[2])
try:
    resolve_model_folder(
        sys.argv[1],
        progress=lambda *progress: seen.append(progress),
        cancelled=lambda: limit >= 0 and bool(seen) and seen[-1][0] >= limit,
    )
except DownloadCancelledError as error:
    print(json.dumps({"error": str(error), "exit_code": error.exit_code, "seen": seen}))
else:
    print(json.dumps({"seen": seen}))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    weights = os.urandom(2000)
    server = Hub(
        {
            "owner/both": {**SMALL, "model.safetensors": weights, "pytorch_model.bin": weights, "README.md": b"#",
                           "tf_model.h5": weights},
            "owner/bin": {**SMALL, "pytorch_model.bin": weights, "flax_model.msgpack": weights},
            "owner/sharded": {
                **SMALL,
                "model.safetensors.index.json": json.dumps(
                    {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
                ).encode(),
                "model-00001-of-00002.safetensors": weights,
                "model-00002-of-00002.safetensors": weights[::-1],
                "pytorch_model.bin": weights,
            },
            "owner/no-weights": dict(SMALL),
            "owner/tokenizer": {"vocab.json": b"{}", "tokenizer_config.json": b"{}", "README.md": b"#"},
            "owner/nothing": {"README.md": b"#"},
            "owner/inner": {
                **{f"deep/inner/{name}": content for name, content in SMALL.items()},
                "deep/inner/model.safetensors": weights, "deep/inner/model.fp16.safetensors": weights[::-1],
                "deep/inner/pytorch_model.half.bin": weights, "deep/model.safetensors": weights, "README.md": b"#",
            },
        }
    )  # fmt: skip
    with server.serving():
        yield server


class Client:
    """The function under test in a process of its own, because huggingface_hub reads its environment at import."""

    def __init__(self, endpoint: str, cache: Path) -> None:
        self.environment = client_environment(endpoint, cache)

    def watched(self, name: str, cancel_at: int = -1) -> dict[str, Any]:
        """What the progress was, in a download that is cancelled when so many bytes are there."""
        command = [sys.executable, "-c", WATCHED_CLIENT, name, str(cancel_at)]
        output = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, check=True, text=True).stdout
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer

    def start(self, name: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CLIENT, name, json.dumps(options)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background jobs ignore interrupts.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    def __call__(self, name: str, **options: Any) -> dict[str, Any]:
        process = self.start(name, **options)
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(hub.endpoint, tmp_path / "cache")


def test_an_existing_folder_is_returned_as_it_is(tmp_path: Path) -> None:
    assert resolve_model_folder(tmp_path) == tmp_path
    assert resolve_model_folder(str(tmp_path)) == tmp_path


def test_a_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve_model_folder("owner/name") == Path("owner/name")


def test_the_shipped_model_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if not (ROOT / "assets" / "demo-en-de").is_dir():
        pytest.skip("assets/demo-en-de has not been trained yet")
    assert resolve_model_folder("demo-en-de") == asset("demo-en-de") == ROOT / "assets" / "demo-en-de"


def test_a_missing_asset_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-thing"):
        asset("no-such-thing")


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "./folder",
        "a/b/c",
        "/no/such/folder",
        "",
        "owner/name?",
        "out/ck-",
        "out/b--c",
        "out/ck..3",
        "owner/name.git",
        f"owner/{'x' * 97}",
    ],
)
def test_what_is_no_folder_and_no_hub_id_is_refused_without_a_network(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=re.escape(repr(name))):
        resolve_model_folder(name)


def test_a_file_is_not_a_model_folder(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")
    with pytest.raises(ModelNotFoundError, match="is a file"):
        resolve_model_folder(path)


def test_a_subfolder_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    assert resolve_model_folder(tmp_path, subfolder="inner") == tmp_path / "inner"
    with pytest.raises(ModelNotFoundError, match="no subfolder 'outer'"):
        resolve_model_folder(tmp_path, subfolder="outer")


def test_hub_options_are_told_from_the_others() -> None:
    given = {"revision": "v1", "do_lower_case": True, "token": None, "trust_remote_code": True, "resume_download": True}
    hub, others = split_hub_options(given)
    assert (hub, others) == ({"revision": "v1", "token": None}, {"do_lower_case": True})


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("owner/both", {"model.safetensors"}),
        ("owner/bin", {"pytorch_model.bin"}),
        (
            "owner/sharded",
            {"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
        ),
    ],
)
def test_only_the_files_that_are_needed_are_fetched(hub: Hub, client: Client, name: str, weights: set[str]) -> None:
    assert set(client(name)["files"]) == {*SMALL, *weights}
    assert hub.fetched() == {*SMALL, *weights}
    folder = Path(client(name)["folder"])
    for file in folder.iterdir():
        assert file.read_bytes() == hub.repositories[name][file.name]


def test_a_processor_needs_no_weights(hub: Hub, client: Client) -> None:
    assert set(client("owner/both", weights=False)["files"]) == set(SMALL)
    assert "no complete weights" in client("owner/both", local_files_only=True)["error"]
    assert "model.safetensors" in client("owner/both")["files"]


def test_a_tokenizer_needs_no_configuration_of_a_model(client: Client) -> None:
    assert set(client("owner/tokenizer", weights=False)["files"]) == {"vocab.json", "tokenizer_config.json"}
    assert "choose one that holds a model" in client("owner/nothing", weights=False)["error"]
    client.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert set(client("owner/tokenizer", weights=False)["files"]) == {"vocab.json", "tokenizer_config.json"}


def test_a_subfolder_of_a_repository(hub: Hub, client: Client) -> None:
    answer = client("owner/inner", subfolder="deep/inner")
    assert set(answer["files"]) == {*SMALL, "model.safetensors"}
    assert Path(answer["folder"]).parts[-2:] == ("deep", "inner")
    assert client("owner/inner", subfolder="deep/inner/", local_files_only=True) == answer
    assert "has no model.safetensors" in client("owner/inner")["error"]
    assert "has no deep/config.json" in client("owner/inner", subfolder="deep")["error"]
    assert "not in the cache" in client("owner/inner", subfolder="other", local_files_only=True)["error"]


def test_a_variant_of_the_weights(hub: Hub, client: Client) -> None:
    options = {"subfolder": "deep/inner", "variant": "fp16"}
    answer = client("owner/inner", **options)
    assert set(answer["files"]) == {*SMALL, "model.fp16.safetensors"}
    assert client("owner/inner", **options, local_files_only=True) == answer
    assert "no complete weights" in client("owner/inner", subfolder="deep/inner", local_files_only=True)["error"]
    assert "pytorch_model.half.bin" in client("owner/inner", subfolder="deep/inner", variant="half")["files"]
    assert "no model.bf16.safetensors" in client("owner/both", variant="bf16")["error"]


def test_the_cache_of_older_programs(hub: Hub, client: Client, tmp_path: Path) -> None:
    client.environment["TRANSFORMERS_CACHE"] = str(tmp_path / "older")
    folder = Path(client("owner/both")["folder"])
    assert folder.is_relative_to(tmp_path / "older")
    assert Path(client("owner/both", cache_dir=str(tmp_path / "named"))["folder"]).is_relative_to(tmp_path / "named")
    hub.requests.clear()
    assert client("owner/both", local_files_only=True)["folder"] == str(folder)
    assert hub.requests == []


def test_a_second_call_fetches_nothing_and_force_download_all(hub: Hub, client: Client) -> None:
    client("owner/both")
    hub.requests.clear()
    client("owner/both")
    assert hub.fetched() == set()
    client("owner/both", force_download=True)
    assert hub.fetched() == {*SMALL, "model.safetensors"}


def test_a_commit_in_the_cache_needs_no_network(hub: Hub, client: Client) -> None:
    online = client("owner/both", revision=COMMIT)
    hub.requests.clear()
    assert client("owner/both", revision=COMMIT) == online
    assert hub.requests == []


def test_an_interrupted_transfer_goes_on_where_it_stopped_and_serves_offline(hub: Hub, client: Client) -> None:
    weights = os.urandom(26 * 2**20)
    hub.repositories["owner/both"]["model.safetensors"] = weights
    hub.stall_after["model.safetensors"] = 21 * 2**20
    process = client.start("owner/both")
    assert hub.stalled.wait(60), process.communicate(timeout=10)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert "not in the cache" in client("owner/both", local_files_only=True)["error"]

    hub.requests.clear()
    answer = client("owner/both")
    ranges = [wanted for method, path, wanted in hub.requests if method == "GET" and path.endswith("model.safetensors")]
    assert len(ranges) == 1
    assert ranges[0] is not None
    assert int(ranges[0].removeprefix("bytes=").rstrip("-")) >= 10 * 2**20
    assert Path(answer["folder"], "model.safetensors").read_bytes() == weights

    hub.requests.clear()
    assert client("owner/both", local_files_only=True) == answer
    client.environment["HF_HUB_OFFLINE"] = "1"
    assert client("owner/both") == answer
    assert hub.requests == []


def test_a_download_tells_its_size_and_how_far_it_is(hub: Hub, client: Client) -> None:
    files = hub.repositories["owner/both"]
    files["model.safetensors"] = os.urandom(25 * 2**20)
    total = sum(len(files[name]) for name in (*SMALL, "model.safetensors"))
    seen = client.watched("owner/both")["seen"]
    assert {of for _, of in seen} == {total}
    done = [count for count, _ in seen]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, total)
    assert len(set(done)) > 4
    assert client.watched("owner/both") == {"seen": []}


def test_a_cancelled_download_is_kept_and_goes_on(hub: Hub, client: Client) -> None:
    weights = os.urandom(35 * 2**20)
    hub.repositories["owner/both"]["model.safetensors"] = weights
    answer = client.watched("owner/both", cancel_at=15 * 2**20)
    assert "download of 'owner/both' was stopped; what has come is kept" in answer["error"]
    assert answer["exit_code"] == 4
    reached = answer["seen"][-1][0]
    assert 15 * 2**20 <= reached < 35 * 2**20
    assert "not in the cache" in client("owner/both", local_files_only=True)["error"]

    hub.requests.clear()
    seen = client.watched("owner/both")["seen"]
    ((_, _, wanted),) = [request for request in hub.requests if request[0] == "GET" and "safetensors" in request[1]]
    assert wanted is not None
    assert int(wanted.removeprefix("bytes=").rstrip("-")) >= 15 * 2**20
    assert [done for done, _ in seen if 0 < done < 15 * 2**20] == []
    folder = Path(client("owner/both")["folder"])
    assert (folder / "model.safetensors").read_bytes() == weights


def test_a_download_that_is_not_wanted_does_not_begin(hub: Hub, client: Client) -> None:
    assert "was stopped" in client.watched("owner/both", cancel_at=0)["error"]
    assert hub.fetched() == set()


def test_progress_is_shown_on_a_terminal_only(client: Client) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-c", CLIENT, "owner/both", "{}"]
    subprocess.run(command, env=client.environment, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux ends the reading of a terminal that is closed
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    assert b"model.safetensors: 100%" in shown

    process = client.start("owner/bin")
    assert "%" not in process.communicate()[1]


def test_a_partial_file_that_does_not_fit_is_not_used(hub: Hub, client: Client, tmp_path: Path) -> None:
    weights = hub.repositories["owner/both"]["model.safetensors"]
    blobs = tmp_path / "cache" / "models--owner--both" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(weights).hexdigest()}.partial").write_bytes(bytes(1000))
    assert "damaged on its way" in client("owner/both")["error"]
    answer = client("owner/both")
    assert Path(answer["folder"], "model.safetensors").read_bytes() == weights


def test_a_connection_that_breaks_off_is_resumed_in_the_same_call(hub: Hub, client: Client) -> None:
    weights = os.urandom(12 * 2**20)
    hub.repositories["owner/both"]["model.safetensors"] = weights
    hub.cut_after["model.safetensors"] = 11 * 2**20
    answer = client("owner/both")
    assert Path(answer["folder"], "model.safetensors").read_bytes() == weights


def test_without_a_network_the_cache_serves(hub: Hub, client: Client) -> None:
    online = client("owner/both")
    client.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert client("owner/both") == online
    answer = client("owner/bin")
    assert "could not be downloaded" in answer["error"]
    assert "check the network" in answer["error"]


def test_offline_and_not_in_the_cache(client: Client) -> None:
    answer = client("owner/both", local_files_only=True)
    assert "'owner/both'" in answer["error"]
    assert "not in the cache" in answer["error"]
    assert "--offline" in answer["error"]


def test_an_incomplete_set_of_shards_is_not_taken_for_the_model(hub: Hub, client: Client) -> None:
    folder = Path(client("owner/sharded")["folder"])
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "no complete weights" in client("owner/sharded", local_files_only=True)["error"]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("owner/missing", {}, "There is no model 'owner/missing'"),
        ("owner/both", {"revision": "v9"}, "no revision 'v9'"),
        ("owner/no-weights", {}, "no model.safetensors and no pytorch_model.bin"),
        ("owner/gated", {}, "gated"),
        ("owner/broken", {}, "could not be downloaded"),
    ],
)
def test_each_failure_is_one_sentence(
    hub: Hub, client: Client, name: str, options: dict[str, Any], expected: str
) -> None:
    hub.status = {"owner/gated": (403, "GatedRepo"), "owner/broken": (500, "")}
    error = client(name, **options)["error"]
    assert expected in error
    assert "\n" not in error
