"""The exception tree. Knows nothing of what raises it.

::

    S2T2Error                     exit code 1
    ├── UsageError                exit code 2   a flag, a setting or an argument of the command line
    │   └── SettingsError                       a key or value of the configuration file or environment
    ├── AudioError                exit code 1
    │   ├── RecordingError                      a file that cannot be read as audio
    │   └── DeviceError           exit code 3   no such device, or the device cannot be opened
    ├── OutputError               exit code 1   a caption or audio file that cannot be written
    ├── JournalError              exit code 1   a saved session that cannot be read
    ├── ModelError                exit code 4
    │   ├── ModelNotFoundError                  no such name, folder or hub id
    │   ├── DownloadCancelledError              the user did not want to wait
    │   └── CheckpointError                     a broken config, missing or misshaped tensors
    │       └── UnsafeCheckpointError           a pickle that would execute code
    └── InputError (ValueError)   exit code 1   an argument that the model family refuses
        ├── AudioInputError                     wrong rate, rank, length, or NaN
        └── TokenInputError                     token ids out of range, text that cannot be encoded

Every message is one sentence for the user: what happened, to which file or value, and the way out.
"""

from __future__ import annotations


class S2T2Error(Exception):
    """Base of every error that this project raises on purpose."""

    exit_code: int = 1


class UsageError(S2T2Error):
    """The command was asked for something that does not exist or does not fit together."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has an unknown key or an unusable value."""


class AudioError(S2T2Error):
    """Audio could not be had."""


class RecordingError(AudioError):
    """A file could not be read as audio."""


class DeviceError(AudioError):
    """An audio device is missing or could not be opened."""

    exit_code = 3


class OutputError(S2T2Error):
    """A file could not be written."""


class JournalError(S2T2Error):
    """A saved session could not be read or marked."""


class ModelError(S2T2Error):
    """A model is missing or unusable."""

    exit_code = 4


class ModelNotFoundError(ModelError):
    """No model of that name, folder or hub id."""


class DownloadCancelledError(ModelError):
    """The download of a model was stopped; what has come is kept."""


class CheckpointError(ModelError):
    """A model folder holds a broken configuration or the wrong tensors."""


class UnsafeCheckpointError(CheckpointError):
    """A pickle asks for more than tensors; loading it would run its code."""


class InputError(S2T2Error, ValueError):
    """The model family was given something that it cannot take."""


class AudioInputError(InputError):
    """Audio of the wrong rate, rank or length, or with values that are not finite."""


class TokenInputError(InputError):
    """Token ids out of range, or text that cannot be turned into tokens."""


def refusal(error: OSError) -> str:
    """What the system refuses, in one sentence that names the file if the system does."""
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


def sentence(error: Exception) -> str:
    """The error as a user can read it; one that this project did not raise with its type."""
    if isinstance(error, S2T2Error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
