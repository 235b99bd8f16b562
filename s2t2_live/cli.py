"""The command: its exit codes, and what is done in which order. Knows neither flags nor audio."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from s2t2_live.captions.files import caption_files, caption_paths, live_name, make_directory, new_caption_files
from s2t2_live.errors import DeviceError, OutputError, RecordingError, S2T2Error, UsageError
from s2t2_live.flags import Arguments, read_command_line
from s2t2_live.settings import Settings

if TYPE_CHECKING:
    from s2t2_live.audio.chunk import Source
    from s2t2_live.audio.recording import Pace, Recording
    from s2t2_live.terminal import Display

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""Exit code after a second Ctrl-C, 128 + SIGINT."""


def command() -> NoReturn:
    """The whole process: `main`, and no wait for what an abort or a closed window left running."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        # Python has None for what was closed by whoever started the command.
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
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
    """List the inputs, show the window, listen, or replay the recordings: the exit code."""
    if arguments.list_devices:
        return list_devices(json=arguments.json)
    if arguments.window:
        return show_window(arguments, settings)

    from s2t2_live.standard_streams import messages, own_standard_error
    from s2t2_live.terminal import Display

    # PortAudio and ALSA write about each outage what the program itself says better.
    quiet = arguments.verbosity > logging.DEBUG and not arguments.files
    with own_standard_error() if quiet else contextlib.nullcontext(), messages(arguments.verbosity) as handler:
        display = Display(handler, json=arguments.json, quiet=arguments.verbosity >= logging.ERROR)
        return replay(arguments, settings, display) if arguments.files else listen(arguments, settings, display)


def list_devices(*, json: bool) -> int:
    """Print the inputs. Raises DeviceError where there is none."""
    from s2t2_live.audio.devices import list_inputs
    from s2t2_live.captions.device_table import print_devices
    from s2t2_live.standard_streams import prepare_output

    inputs = list_inputs()
    if not inputs:
        raise DeviceError("There is no audio input; connect a microphone, and check that the sound server runs.")
    prepare_output(json=json)
    print_devices(inputs, json=json)
    return 0


def show_window(arguments: Arguments, settings: Settings) -> int:
    """Run the window to its end. Raises UsageError where there can be none."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in screens):
        raise UsageError("There is no display for the window; add --no-gui to have the captions in the terminal.")
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"The window needs PySide6, which cannot be loaded ({error}); pip install PySide6-Essentials, or add "
            "--no-gui to have the captions in the terminal."
        ) from error
    from ui.app import run as show

    return show(arguments, settings)


def listen(arguments: Arguments, settings: Settings, display: Display) -> int:
    """Translate what an input gives until the user stops it."""
    from s2t2_live.assembly import chosen_input, engine_settings, live_source, load_model
    from s2t2_live.terminal import show

    device = chosen_input(settings.input)
    directory, formats = settings.output.directory or Path(), settings.output.wanted
    if formats:
        make_directory(directory)
    files = partial(new_caption_files, live_name(), directory, formats)
    model = load_model(settings)
    with saved(live_source(device), arguments.save_audio) as source:
        log.info("Ctrl-C ends the session and finishes what was heard.")
        outcome = show(source, model, engine_settings(settings), display, files=files)
    # What an input lost has been told, and is no failure of the session.
    return outcome.code if outcome.error is not None else 0


def replay(arguments: Arguments, settings: Settings, display: Display) -> int:
    """Replay the recordings one after the other; 1 if any of them failed."""
    from s2t2_live.assembly import engine_settings, load_model
    from s2t2_live.terminal import show

    paths = caption_paths(arguments.files, settings.output.directory or Path(), settings.output.wanted)
    recordings = open_recordings(arguments.files, arguments.speed)
    failed = len(recordings) < len(arguments.files)
    if not recordings:
        return 1
    if settings.output.wanted:
        make_directory(settings.output.directory or Path())
    model = load_model(settings)
    for number, recording in enumerate(recordings, start=1):
        count = f", {number} of {len(recordings)}" if len(recordings) > 1 else ""
        length = "" if recording.duration is None else f", {recording.duration:.0f} s"
        log.info("%s%s%s", recording.path, length, count)
        try:
            with saved(recording, arguments.save_audio) as source:
                files = partial(caption_files, paths[recording.path])
                outcome = show(source, model, engine_settings(settings), display, files=files)
        except OutputError as error:
            log.error("%s", error)
            failed = True
            continue
        failed = failed or outcome.code > 0
        if outcome.stopped:
            break
    return 1 if failed else 0


@contextlib.contextmanager
def saved(source: Source, path: Path | None) -> Iterator[Source]:
    """The source, its audio written to the file if there is one. Raises OutputError."""
    if path is None:
        yield source
        return
    from s2t2_live.audio.saving import SavingSource

    saving = SavingSource(source, path)
    with contextlib.closing(saving):
        yield saving
    if saving.failed:
        raise OutputError(f"{path} lacks a part of the audio.")


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
