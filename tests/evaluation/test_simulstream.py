"""The engine inside the real toolkit: its command, its server, and its scores, on a shipped recording."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.errors import SettingsError
from s2t2_live.live.events import Event, Final, Partial
from s2t2_live.live.session import EngineSettings, Session
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.training.recordings import Recording as Row
from s2t2_live.training.recordings import read_table, split_sentences

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install 's2t2-live[simulstream]'")
pytest.importorskip("mweralign", reason="mweralign is not installed: pip install 's2t2-live[simulstream]'")

from simulstream.config import yaml_config
from simulstream.server.message_processor import MessageProcessor
from simulstream.server.speech_processors import build_speech_processor
from simulstream.server.speech_processors.incremental_output import IncrementalOutput
from websockets.sync.client import connect

from s2t2_live.evaluation.latency import cut_at_sentences, score
from s2t2_live.evaluation.simulstream import CONFIGURATION, LiveSpeechProcessor

PATIENCE = 300.0
"""Seconds that a machine under load may take."""


def configuration(**changes: Any) -> SimpleNamespace:
    config = yaml_config(str(CONFIGURATION))
    for name, value in changes.items():
        setattr(config, name, value)
    return config


@pytest.fixture(scope="module")
def recording(recordings: dict[Path, Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first two sentences of a shipped recording as the WAV that the toolkit reads."""
    samples, rate = soundfile.read(next(path for path in recordings if path.stem == "hotel"), dtype="int16")
    path = tmp_path_factory.mktemp("audio") / "hotel.wav"
    soundfile.write(path, samples[: round(6.3 * rate)], rate)
    return path


@pytest.fixture(scope="module")
def processor(demo_model: Path) -> LiveSpeechProcessor:
    built = build_speech_processor(configuration())
    assert isinstance(built, LiveSpeechProcessor)
    return built


@pytest.fixture(scope="module")
def events(recording: Path, demo_model: Path) -> list[Event]:
    """What a session makes of the recording."""
    found: list[Event] = []
    model = SpeechTranslationModel.load("demo-en-de", device="cpu", precision="auto", threads=None, offline=True)
    sink = SimpleNamespace(handle=found.append, close=lambda: None)
    session = Session(Recording(recording, pace="max"), model, settings=EngineSettings(), sinks=[sink])
    session.start()
    assert session.wait(PATIENCE)
    return found


def stream(processor: LiveSpeechProcessor, recording: Path, chunk: float) -> Iterator[IncrementalOutput]:
    """The outputs, chunk by chunk, through the toolkit's own processor of messages."""
    samples, _ = soundfile.read(recording, dtype="int16")
    messages = MessageProcessor(0, processor)
    size = round(chunk * SAMPLE_RATE)
    for at in range(0, len(samples), size):
        output = messages.process_speech(samples[at : at + size].tobytes())
        if output is not None:
            yield output
    yield messages.end_of_stream()


def follow(outputs: Iterator[IncrementalOutput]) -> list[str]:
    """The texts that a reader sees, one after the other; what is taken back must have been there."""
    text, seen = "", []
    for output in outputs:
        assert text.endswith(output.deleted_string)
        text = text[: len(text) - len(output.deleted_string)] + output.new_string
        if output.new_tokens or output.deleted_tokens:
            seen.append(" ".join(text.split()))
    return seen


def finals(events: list[Event]) -> str:
    return " ".join(event.text for event in events if isinstance(event, Final))


def test_the_captions_are_those_of_a_session(
    processor: LiveSpeechProcessor, recording: Path, events: list[Event]
) -> None:
    seen = follow(stream(processor, recording, 0.1))
    assert seen[-1] == finals(events)
    assert len(seen) > sum(isinstance(event, Final) for event in events), "some words come before their sentence ends"
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen)), "nothing is taken back"


def test_the_next_stream_begins_afresh_and_the_size_of_the_chunks_changes_nothing(
    processor: LiveSpeechProcessor, recording: Path, events: list[Event]
) -> None:
    assert follow(stream(processor, recording, 1.7))[-1] == finals(events)


def test_everything_shows_the_tentative_words_too(recording: Path, events: list[Event], demo_model: Path) -> None:
    seen = follow(stream(build_speech_processor(configuration(stability="everything")), recording, 0.1))
    assert seen[-1] == finals(events)
    tentative = [event for event in events if isinstance(event, Partial) and event.tentative]
    assert tentative
    assert f"{tentative[0].committed} {tentative[0].tentative}".strip() in seen


def test_sentences_shows_finals_alone(recording: Path, events: list[Event], demo_model: Path) -> None:
    seen = follow(stream(build_speech_processor(configuration(stability="sentences")), recording, 0.1))
    assert seen[-1] == finals(events)
    assert len(seen) == sum(isinstance(event, Final) for event in events)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stabilty": "committed"}, "no setting stabilty"),
        ({"stability": "calm"}, "everything, committed, sentences"),
        ({"translation": SimpleNamespace(polcy="alignatt")}, "did you mean translation.policy"),
        ({"translation": SimpleNamespace(step=0)}, "translation.step"),
    ],
)
def test_a_wrong_configuration_is_an_error_that_says_so(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        LiveSpeechProcessor(configuration(**changes))


@pytest.fixture(scope="module")
def log(recording: Path, demo_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of the toolkit's own command."""
    folder = tmp_path_factory.mktemp("inference")
    (folder / "list.txt").write_text(f"{recording}\n", encoding="utf-8")
    command = [
        *(
            str(Path(sys.executable).with_name("simulstream_inference")),
            "--speech-processor-config",
            str(CONFIGURATION),
        ),
        *("--wav-list-file", "list.txt", "--metrics-log-file", "log.jsonl"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return folder / "log.jsonl"


def said() -> list[str]:
    """The German of the two sentences."""
    [row] = [row for row in read_table(asset("recordings") / "recordings.tsv") if row.file == "hotel.flac"]
    return split_sentences(row.german)[:2]


def reference(folder: Path, recording: Path, sentences: list[str]) -> tuple[Path, Path]:
    """Definition and text of two sentences, in the toolkit's formats."""
    definition, text = folder / "definition.yaml", folder / "reference.txt"
    spans = [(0.5, 1.6), (3.1, 2.7)]
    entries = [{"wav": recording.name, "offset": start, "duration": duration} for start, duration in spans]
    definition.write_text(json.dumps(entries), encoding="utf-8")
    text.write_text("".join(f"{sentence}\n" for sentence in sentences), encoding="utf-8")
    return definition, text


def test_the_inference_command_gives_the_same_captions(log: Path, events: list[Event], recording: Path) -> None:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tokens = [token for line in lines for token in line.get("generated_tokens", ())]
    assert "".join(tokens).replace("▁", " ").strip() == finals(events)
    assert not any(line.get("deleted_tokens") for line in lines)


def test_scores_of_the_log(log: Path, recording: Path, tmp_path: Path) -> None:
    scores = score(log, *reference(tmp_path, recording, said()))
    assert scores.bleu > 50
    assert 0 < scores.stream_laal < 5
    assert scores.stream_laal_computation_aware > scores.stream_laal
    assert scores.normalized_erasure == 0
    assert scores.real_time_factor > 0


def test_scores_are_those_of_the_toolkits_commands(log: Path, recording: Path, tmp_path: Path) -> None:
    definition, text = reference(tmp_path, recording, said())
    common = ["--eval-config", str(CONFIGURATION), "--log-file", str(log)]
    printed = ""
    for command in (
        ["score_latency", "--scorer", "stream_laal", "--audio-definition", str(definition), "--reference", str(text)],
        ["stats"],
    ):
        module = f"simulstream.metrics.{command[0]}"
        done = subprocess.run(
            [sys.executable, "-m", module, *common, *command[1:]], capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    scores = score(log, definition, text)
    assert f"ideal_latency={scores.stream_laal}" in printed
    assert f"computational_aware_latency={scores.stream_laal_computation_aware}" in printed
    assert f'"value": {scores.real_time_factor}' in printed


def test_what_was_taken_back_counts_as_erasure(tmp_path: Path, recording: Path) -> None:
    log = tmp_path / "log.jsonl"
    words = [([], ["▁Wir", "▁blieben"]), (["▁blieben"], ["▁bleiben", "▁bis", "▁Mittwoch."]), ([], ["▁Ihre", "▁280."])]
    lines: list[dict[str, Any]] = [{"id": 0, "metadata": {"wav_name": recording.name}}]
    for second, (deleted, new) in enumerate(words, start=1):
        line = {"id": 0, "total_audio_processed": second, "computation_time": 0.5}
        lines.append({**line, "generated_tokens": new, "deleted_tokens": deleted})
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    scores = score(log, *reference(tmp_path, recording, ["Wir bleiben bis Mittwoch.", "Ihre Zimmernummer ist 280."]))
    assert scores.normalized_erasure == pytest.approx(1 / 6)
    assert scores.real_time_factor == pytest.approx(0.5)
    # The first sentence's words come 0.5, 1.5, 1.5 and 1.5 s after its beginning, ideally one every 0.4 s; those of the
    # second, which should have four in 2.7 s, both 0.1 s before it.
    assert scores.stream_laal == pytest.approx(((0.5 + 1.1 + 0.7 + 0.3) / 4 + (-0.1 - 0.775) / 2) / 2)


def test_a_text_is_cut_at_the_sentences_of_the_reference() -> None:
    references = ["Wir bleiben bis Mittwoch.", "Ihre Zimmernummer ist 280."]
    assert cut_at_sentences("Wir bleiben Mittwoch. Ihre Nummer ist 280.", references) == [
        "Wir bleiben Mittwoch.",
        "Ihre Nummer ist 280.",
    ]


@pytest.mark.slow
def test_the_server_gives_the_captions_to_a_client(
    recording: Path, events: list[Event], demo_model: Path, tmp_path: Path
) -> None:
    """The web demo is a page that talks to this server as the client here does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server_config = {"hostname": "127.0.0.1", "port": port, "pool_size": 1, "acquire_timeout": round(PATIENCE)}
    metrics = {"enabled": False, "filename": "none.jsonl"}
    (tmp_path / "server.yaml").write_text(json.dumps({**server_config, "metrics": metrics}), encoding="utf-8")
    command = [sys.executable, "-u", "-m", "simulstream.server.websocket_server"]
    options = ["--server-config", "server.yaml", "--speech-processor-config", str(CONFIGURATION)]
    with subprocess.Popen([*command, *options], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        watchdog = threading.Timer(PATIENCE, server.kill)
        watchdog.start()
        try:
            assert server.stderr is not None
            # So says websockets when it listens; the toolkit's own message comes before.
            said = []
            for line in server.stderr:
                said.append(line)
                if "server listening on" in line:
                    break
            else:
                pytest.fail("the server did not come up:\n" + "".join(said))
            threading.Thread(target=server.stderr.read, daemon=True).start()
            text = converse(f"ws://127.0.0.1:{port}/", recording)
        finally:
            watchdog.cancel()
            server.terminate()
    assert text == finals(events)


def converse(address: str, recording: Path) -> str:
    """Send a recording in pieces of 100 ms; the text that a page shows at the end."""
    samples, rate = soundfile.read(recording, dtype="int16")
    with connect(address, open_timeout=PATIENCE, ping_interval=None) as server:
        server.send(json.dumps({"sample_rate": rate, "source_lang": "en", "target_lang": "de"}))
        for at in range(0, len(samples), rate // 10):
            server.send(samples[at : at + rate // 10].tobytes())
        server.send(json.dumps({"end_of_stream": True}))
        text = ""
        while "end_of_processing" not in (message := json.loads(server.recv(timeout=PATIENCE))):
            assert text.endswith(message["deleted"])
            text = text[: len(text) - len(message["deleted"])] + message["new"]
    return text.strip()
