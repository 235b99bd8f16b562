"""What a user reads on standard error while a session runs."""

from __future__ import annotations

import pytest

from s2t2_live.captions.messages import Messages
from s2t2_live.errors import OutputError
from s2t2_live.live.events import PAUSED, Error, Gap


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_an_outage_is_told_each_time(caplog: pytest.LogCaptureFixture) -> None:
    sink = Messages()
    for _ in range(3):
        sink.handle(Error("USB microphone is lost.", fatal=False))
    assert said(caplog) == ["USB microphone is lost."] * 3


def test_the_failure_that_ends_the_session_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = Messages()
    sink.handle(Error("talk.flac is damaged. It ends here.", fatal=False))
    sink.handle(Error("talk.flac is damaged.", fatal=True))
    assert said(caplog) == ["talk.flac is damaged. It ends here."]
    sink.handle(Error("Something else.", fatal=True))
    assert said(caplog)[1:] == ["Something else."]


def test_a_failure_that_no_event_told_of_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    sink = Messages()
    sink.tell(OutputError("Cannot write talk.srt."))
    sink.tell(OutputError("Cannot write talk.srt."))
    sink.tell(ZeroDivisionError("division by zero"))
    assert said(caplog) == ["Cannot write talk.srt.", "ZeroDivisionError: division by zero"]


def test_a_pause_is_no_loss() -> None:
    sink = Messages()
    sink.handle(Gap(1.0, 2.0, PAUSED))
    assert not sink.lost
    sink.handle(Gap(1.0, 2.0, "no sound from the microphone"))
    assert sink.lost
