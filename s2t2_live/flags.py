"""The flags: their help, and what the user asked for with them. Knows not what is done with it."""

from __future__ import annotations

import argparse
import difflib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, NoReturn

from s2t2_live.errors import UsageError
from s2t2_live.settings import (
    ENVIRONMENT_PREFIX,
    TYPES,
    InputSettings,
    ModelSettings,
    OutputSettings,
    Setting,
    Settings,
    WindowSettings,
    load_settings,
    parse,
    user_file,
)
from s2t2_live.version import __version__

if TYPE_CHECKING:
    from s2t2_live.audio.recording import Pace

DESCRIPTION = """\
Translate speech while it is spoken, from a microphone, from what the computer plays or from a recording: the captions
appear with the words, on this machine, without a cloud.
"""

EPILOG = """\
examples:
  s2t2-live
      the window: choose a source there, read the captions, save them
  s2t2-live --no-gui
      listen to the microphone, until Ctrl-C
  s2t2-live --no-gui --system-audio -o captions --save-audio talk.flac
      listen to what the computer plays; keep captions and sound
  s2t2-live --no-gui talk.flac
      play the recording at its own pace and show the captions
  s2t2-live --no-gui --speed max -o captions -f srt,vtt *.flac
      subtitles for several recordings, as fast as this machine can
  s2t2-live --no-gui -m facebook/s2t-wav2vec2-large-en-de talk.mp3
      with a published model, downloaded on first use
  s2t2-live --no-gui --json talk.flac | jq -r 'select(.type == "final").text'
      every event as one JSON object a line

standard output has the captions only, standard error everything else. Words that may still change are dim on a
terminal; in a pipe there are finished captions only. Ctrl-C stops and finishes what was heard, twice drops it; where
the status line is shown the space bar pauses, and goes on.

settings:
  Defaults, then the configuration file, then the environment, then the flags: the last one wins. The file is
      {file}
  and looks like this, with the names of the variables of the environment beside it:
{settings}

exit codes:
  0 done   1 a recording could not be read or a file not written (the other recordings are done first)
  2 wrong usage   3 no audio device   4 the model is missing or unusable   130 interrupted by a second Ctrl-C
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for, apart from the settings."""

    files: list[Path]
    """The recordings; without any it is live."""
    speed: Pace
    json: bool
    verbosity: int
    """A level of `logging`."""
    config: Path | None = None
    """Where the settings came from; None is the user's own file."""
    window: bool = False
    """Whether the captions are shown in the window, not in the terminal."""
    list_devices: bool = False
    save_audio: Path | None = None


AUDIO_SUFFIXES = (".wav", ".flac")
"""Of files that --save-audio writes."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError in place of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}; see s2t2-live --help.")


def read_command_line(argv: Sequence[str]) -> tuple[Arguments, Settings]:
    """What the user asked for. Raises UsageError; leaves the program for --help and --version."""
    parser = make_parser()
    end = argv.index("--") if "--" in argv else len(argv)
    known, unknown = parser.parse_known_intermixed_args(argv[:end])
    files = [*known.files, *map(Path, argv[end + 1 :])]
    for word in unknown:
        close = difflib.get_close_matches(word.partition("=")[0], parser._option_string_actions, n=1)
        hint = f"did you mean {close[0]}?" if close else "see s2t2-live --help."
        raise UsageError(f"There is no flag {word}; {hint}")
    given = vars(known)
    flags = [Setting(key, parse(key, given[key]), flag) for key, flag in FLAGS.items() if key in given]
    if given.keys() >= {"input.device", "input.system_audio"}:
        raise UsageError("Give either --input or --system-audio: one of them is listened to.")
    settings = load_settings(given["config"], os.environ, flags)
    arguments = Arguments(
        files=files,
        speed=given["speed"],
        json=given["json"],
        verbosity=given["verbosity"],
        config=given["config"],
        window=not (given["no_gui"] or given["list_devices"]),
        list_devices=given["list_devices"],
        save_audio=given["save_audio"],
    )
    check(arguments, given)
    return arguments, settings


def check(arguments: Arguments, given: Mapping[str, Any]) -> None:
    """Raises UsageError for flags that do not go together."""
    live = FLAGS["input.device"] if "input.device" in given else FLAGS["input.system_audio"]
    if arguments.files and given.keys() & {"input.device", "input.system_audio"}:
        raise UsageError(f"Give either recordings or {live}; {arguments.files[0]} is not listened to but read.")
    if not arguments.files and arguments.speed == "max":
        raise UsageError("--speed max is for recordings; nobody speaks that fast.")
    if arguments.window and len(arguments.files) > 1:
        raise UsageError("The window replays one recording; add --no-gui to translate several.")
    if arguments.window and arguments.speed == "max":
        raise UsageError("The window plays a recording at a listener's speed; add --no-gui for --speed max.")
    if arguments.save_audio is not None:
        if arguments.window:
            raise UsageError("The window has several sessions, and --save-audio writes one file; add --no-gui.")
        if len(arguments.files) > 1:
            raise UsageError("--save-audio writes one file; give one recording.")
        if arguments.save_audio.suffix.lower() not in AUDIO_SUFFIXES:
            raise UsageError(f"--save-audio writes {' and '.join(AUDIO_SUFFIXES)} files, not {arguments.save_audio}.")
        if arguments.save_audio.exists():
            raise UsageError(
                f"{arguments.save_audio} is there already, and a recording cannot be made again; remove it, or choose "
                "another --save-audio."
            )


EXAMPLE = Settings(
    input=InputSettings(device="USB"),
    model=ModelSettings(threads=2),
    output=OutputSettings(directory=Path("captions"), formats=("srt", "vtt")),
    window=WindowSettings(font="DejaVu Sans"),
)

FLAGS = {
    "input.device": "--input",
    "input.system_audio": "--system-audio",
    "model.name": "--model",
    "model.offline": "--offline",
    "model.device": "--device",
    "model.precision": "--precision",
    "model.threads": "--threads",
    "translation.beam_size": "--beam-size",
    "translation.policy": "--policy",
    "translation.step": "--step",
    "translation.certainty": "--certainty",
    "translation.threshold": "--threshold",
    "translation.vad": "--vad",
    "output.directory": "--output-dir",
    "output.formats": "--format",
    "window.theme": "--theme",
    "window.contrast": "--contrast",
    "window.font": "--font",
    "window.font_size": "--font-size",
    "window.line_spacing": "--line-spacing",
    "window.stability": "--stability",
}
"""The flag of each setting."""


def make_parser() -> Parser:
    """The flags; those of a setting are given as text under the setting's key, and only if the user gives them."""
    parser = Parser(
        prog="s2t2-live",
        usage="s2t2-live [FILE ...] [options]",
        description=DESCRIPTION,
        epilog=EPILOG.format(file=user_file(), settings=indent(_example_file(), " " * 6)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )

    def setting(group: argparse._ArgumentGroup, key: str, *short: str, metavar: str, help: str) -> None:
        group.add_argument(
            *short, FLAGS[key], dest=key, metavar=metavar, default=argparse.SUPPRESS, help=f"{help} {_default(key)}"
        )

    def switch(group: argparse._ArgumentGroup, key: str, *, help: str) -> None:
        group.add_argument(
            FLAGS[key],
            dest=key,
            action="store_const",
            const="true",
            default=argparse.SUPPRESS,
            help=f"{help} {_default(key)}",
        )

    group = parser.add_argument_group("what to translate")
    group.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="a recording: WAV, FLAC, MP3, Ogg Vorbis or Opus; several are translated one after the other; without any "
        "the microphone is listened to",
    )
    setting(
        group, "input.device", "-i", metavar="NAME", help="the input to listen to: its name, a part of that, or its id"
    )
    switch(group, "input.system_audio", help="listen to what the computer plays")
    group.add_argument(
        "-L", "--list-devices", action="store_true", help="list the inputs, as JSON with --json, and leave"
    )
    group.add_argument(
        "--speed",
        choices=("realtime", "max"),
        default="realtime",
        help="as fast as the recording plays, or, with --no-gui, as fast as the machine can (default: realtime)",
    )

    group = parser.add_argument_group("captions")
    group.add_argument("--no-gui", action="store_true", help="captions in the terminal, not in the window")
    group.add_argument("--json", action="store_true", help="every event as one JSON object a line")
    setting(
        group,
        "output.directory",
        "-o",
        metavar="DIR",
        help="also write caption files, named after the recording or the time, into this folder",
    )
    setting(
        group,
        "output.formats",
        "-f",
        metavar="LIST",
        help="their formats, with commas between: txt, srt, vtt, jsonl",
    )
    group.add_argument(
        "--save-audio",
        type=Path,
        metavar="FILE",
        help="with --no-gui: also write what was heard into this WAV or FLAC file, which must be a new one",
    )

    group = parser.add_argument_group("model")
    setting(
        group,
        "model.name",
        "-m",
        metavar="NAME",
        help="a shipped model, a folder, or the id of a repository on the Hugging Face hub",
    )
    switch(group, "model.offline", help="download nothing")
    setting(group, "model.device", metavar="NAME", help="auto, cpu, cuda or mps")
    setting(group, "model.precision", metavar="NAME", help="auto, fp32, int8, bf16 or fp16")
    setting(group, "model.threads", metavar="N", help="threads of one operation on the CPU")

    group = parser.add_argument_group("translation")
    setting(group, "translation.beam_size", metavar="N", help="hypotheses that a finished caption is chosen from")
    setting(
        group,
        "translation.policy",
        metavar="NAME",
        help="when words are shown: local-agreement (once two looks agree), alignatt (once the audio they come from "
        "is past) or final-only (after each pause)",
    )
    setting(group, "translation.step", metavar="SECONDS", help="audio between two looks at unfinished speech")
    setting(
        group,
        "translation.certainty",
        metavar="P",
        help="the probability, 0 to 1, that a word needs to be shown before its sentence is over",
    )
    setting(
        group,
        "translation.threshold",
        metavar="MS",
        help="milliseconds before the end of the audio from which alignatt takes nothing for good",
    )
    setting(group, "translation.vad", metavar="NAME", help="what tells speech from silence: webrtc or silero")

    group = parser.add_argument_group("window")
    setting(group, "window.theme", metavar="NAME", help="system, light or dark")
    setting(group, "window.contrast", metavar="NAME", help="of the captions: normal or high")
    setting(group, "window.font", metavar="NAME", help="font of the captions")
    setting(group, "window.font_size", metavar="POINTS", help="its size")
    setting(group, "window.line_spacing", metavar="FACTOR", help="distance of the lines, as a multiple of the font's")
    setting(
        group,
        "window.stability",
        metavar="NAME",
        help="which words are shown: everything, committed (those that will not change) or sentences (finished ones)",
    )

    group = parser.add_argument_group("general")
    group.add_argument("--config", type=Path, metavar="FILE", help="read the settings from this file")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument(
        "-v", "--verbose", dest="verbosity", action="store_const", const=logging.DEBUG, help="say more about the work"
    )
    volume.add_argument(
        "-q", "--quiet", dest="verbosity", action="store_const", const=logging.ERROR, help="say nothing but errors"
    )
    parser.set_defaults(verbosity=logging.INFO)
    group.add_argument("-V", "--version", action="version", version=f"s2t2-live {__version__}")
    group.add_argument("-h", "--help", action="help", help="show this help")
    return parser


def _default(key: str) -> str:
    section, _, name = key.partition(".")
    value = getattr(getattr(Settings(), section), name)
    shown = {
        "input.device": "the system's microphone",
        "input.system_audio": "off",
        "model.threads": "as torch chooses",
        "output.directory": "the current folder with -f, else none",
        "output.formats": "txt,srt with -o, else none",
        "window.font": "the desktop's",
        "model.offline": "off",
    }.get(key, value)
    return f"(default: {shown})"


def _example_file() -> str:
    """A configuration file with every setting, as TOML; each with its variable."""
    lines = []
    for key in TYPES:
        section, _, name = key.partition(".")
        if (table := f"[{section}]") not in lines:
            lines.append(table)
        value = json.dumps(getattr(getattr(EXAMPLE, section), name), default=str)
        lines.append(f"{name:<12} = {value:<17}  # {ENVIRONMENT_PREFIX}{section.upper()}_{name.upper()}")
    return "\n".join(lines)
