"""The command: its exit codes, and which recording is replayed when. Knows neither flags nor audio."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from s2t2_live.captions.files import caption_paths, make_directory
from s2t2_live.errors import OutputError, RecordingError, S2T2Error
from s2t2_live.flags import Arguments, read_command_line
from s2t2_live.settings import Settings

if TYPE_CHECKING:
    from s2t2_live.audio.recording import Pace, Recording
    from s2t2_live.live.translation import SpeechTranslationModel

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""Exit code after a second Ctrl-C, 128 + SIGINT."""


def command() -> NoReturn:
    """The whole process: `main`, and no wait for what an abort or a closed window left running."""
    code = main()
    if threading.active_count() > 1:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        # The model's thread may be inside torch, and C++ ends a process from which such a thread is torn.
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        arguments, settings = read_command_line(sys.argv[1:] if argv is None else argv)
        return run(arguments, settings)
    except S2T2Error as error:
        print(f"s2t2-live: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def run(arguments: Arguments, settings: Settings) -> int:
    """Show the window, or replay the recordings one after the other; 1 if any of them failed."""
    if arguments.window:
        from ui.app import run as show

        return show(arguments, settings)
    paths = caption_paths(arguments.files, settings.output.directory or Path(), settings.output.wanted)

    from s2t2_live.live.policy import PolicySettings
    from s2t2_live.live.session import EngineSettings
    from s2t2_live.replay import Display, messages, replay

    engine = EngineSettings(
        policy=PolicySettings(name=settings.translation.policy, step=settings.translation.step),
        beam_size=settings.translation.beam_size,
    )
    with messages(arguments.verbosity) as handler:
        recordings = open_recordings(arguments.files, arguments.speed)
        failed = len(recordings) < len(arguments.files)
        if not recordings:
            return 1
        if settings.output.wanted:
            make_directory(settings.output.directory or Path())
        model = load_model(settings)
        display = Display(handler, json=arguments.json, quiet=arguments.verbosity >= logging.ERROR)
        for number, recording in enumerate(recordings, start=1):
            count = f", {number} of {len(recordings)}" if len(recordings) > 1 else ""
            length = "" if recording.duration is None else f", {recording.duration:.0f} s"
            log.info("%s%s%s", recording.path, length, count)
            try:
                outcome = replay(recording, model, engine, display, files=paths[recording.path])
            except OutputError as error:
                log.error("%s", error)
                failed = True
                continue
            failed = failed or outcome.failed
            if outcome.stopped:
                break
    return 1 if failed else 0


def open_recordings(files: Sequence[Path], pace: Pace) -> list[Recording]:
    """Those that can be read; one sentence in the log for each of the others."""
    from s2t2_live.audio.recording import Recording

    recordings = []
    for file in files:
        try:
            recording = Recording(file, pace=pace)
            if recording.duration == 0:
                raise RecordingError(f"{file} has no audio in it (0 samples).")
            recordings.append(recording)
        except RecordingError as error:
            log.error("%s", error)
    return recordings


def load_model(settings: Settings) -> SpeechTranslationModel:
    """The model, with a word to the user, because importing torch alone takes seconds."""
    log.info("Loading the model %s", settings.model.name)
    from s2t2_live.live.translation import SpeechTranslationModel

    return SpeechTranslationModel.load(
        settings.model.name,
        device=settings.model.device,
        precision=settings.model.precision,
        threads=settings.model.threads,
        offline=settings.model.offline,
    )
