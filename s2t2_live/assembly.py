"""The engine's parts as the settings want them. Knows no flags and no window."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from s2t2_live.settings import InputSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from s2t2_live.audio.capture import LiveSource
    from s2t2_live.audio.input_device import InputDevice
    from s2t2_live.live.session import EngineSettings
    from s2t2_live.live.translation import SpeechTranslationModel
    from s2t2_live.speech2text2.hub import Progress

log = logging.getLogger(__name__)


def engine_settings(settings: Settings) -> EngineSettings:
    """What the session is to do with the audio."""
    from s2t2_live.live.policy import PolicySettings
    from s2t2_live.live.session import EngineSettings

    translation = settings.translation
    return EngineSettings(
        vad=translation.vad,
        policy=PolicySettings(
            name=translation.policy,
            step=translation.step,
            certainty=translation.certainty,
            threshold=translation.threshold,
        ),
        beam_size=translation.beam_size,
    )


def chosen_input(settings: InputSettings) -> InputDevice:
    """The device that is to be listened to. Raises DeviceError."""
    from s2t2_live.audio.devices import find_input

    return find_input(None, "system") if settings.system_audio else find_input(settings.device)


def live_source(device: InputDevice) -> LiveSource:
    """The device as a source, whichever kind it is."""
    from s2t2_live.audio.microphone import Microphone
    from s2t2_live.audio.system_audio import SystemAudio

    return Microphone(device) if device.kind == "microphone" else SystemAudio(device)


def load_model(
    settings: Settings, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> SpeechTranslationModel:
    """The model, with a word to the user, because importing torch alone takes seconds.

    `progress` is told of the bytes of a download, `cancelled` asked whether to stop it.
    """
    log.info("Loading the model %s", settings.model.name)
    from s2t2_live.live.translation import SpeechTranslationModel

    return SpeechTranslationModel.load(
        settings.model.name,
        device=settings.model.device,
        precision=settings.model.precision,
        threads=settings.model.threads,
        offline=settings.model.offline,
        progress=progress,
        cancelled=cancelled,
    )
