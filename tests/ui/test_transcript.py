"""The transcript as it grows from the events of sessions."""

from __future__ import annotations

import pytest

from s2t2_live.live.events import Event, Final, Gap, Partial, SessionStarted, Summary
from ui.transcript import Transcript, described, right_to_left, stamp


def started(source: str = "talk.flac") -> SessionStarted:
    return SessionStarted("demo-en-de", "cpu", "fp32", "local-agreement", source, 16_000, "1")


def partial(segment: int, committed: str, tentative: str = "", start: float = 1.0) -> Partial:
    return Partial(segment, start, start + 1, committed, tentative, 0.1)


def final(segment: int, text: str, start: float = 1.0, confidence: float | None = None) -> Final:
    return Final(segment, start, start + 1, text, 0.1, 0.2, confidence)


def gap(start: float, end: float, reason: str = "the microphone was unplugged") -> Gap:
    return Gap(start, end, reason)


SUMMARY = Summary(10.0, 1, 0.5, {}, 0.0)


def texts(*events: Event) -> list[str]:
    transcript = Transcript()
    for event in events:
        transcript.add(event)
    return [described(entry) for entry in transcript.entries]


def test_a_caption_grows_into_its_final() -> None:
    transcript = Transcript()
    changes = [
        change.kind
        for event in (started(), partial(1, "", "Der"), partial(1, "Der Zug", "ist"), final(1, "Der Zug kommt."))
        for change in transcript.add(event)
    ]
    assert changes == ["added", "changed", "changed"]
    (entry,) = transcript.entries
    assert (entry.committed, entry.tentative) == ("Der Zug kommt.", "")


def test_a_gap_stands_where_the_audio_was_lost() -> None:
    shown = texts(started(), gap(5, 8), partial(1, "Guten", start=2), final(1, "Guten Tag.", 2), final(2, "Danke.", 9))
    assert shown == ["Guten Tag.", "Audio lost, 3 s: the microphone was unplugged", "Danke."]


def test_a_pause_is_no_loss() -> None:
    assert texts(started(), gap(5, 17, "paused")) == ["Paused for 12 s"]


def test_a_caption_that_came_to_nothing_goes() -> None:
    assert texts(started(), partial(1, "", "Äh"), final(1, "")) == []


def test_the_end_of_a_session_leaves_what_was_committed() -> None:
    assert texts(started(), partial(1, "Der Zug", "ist"), partial(2, "", "Äh", 5), SUMMARY) == ["Der Zug"]


def test_the_next_session_begins_below_a_heading() -> None:
    shown = texts(started(), final(1, "Eins."), SUMMARY, started("bus.flac"), final(1, "Zwei."))
    assert shown == ["Eins.", "bus.flac", "Zwei."]


def test_control_characters_are_not_shown() -> None:
    assert texts(started(), final(1, "Der\x1b[31m Zug\nkommt")) == ["Der[31m Zug kommt"]


@pytest.mark.parametrize(
    ("stability", "text"), [("everything", "Der Zug ist"), ("committed", "Der Zug"), ("sentences", "")]
)
def test_stability_changes_while_a_caption_is_in_the_making(stability: str, text: str) -> None:
    transcript = Transcript()
    for event in (started(), partial(1, "Der Zug", "ist")):
        transcript.add(event)
    transcript.set_stability(stability)  # type: ignore[arg-type]
    assert "".join(map(described, transcript.entries)) == text
    transcript.set_stability("everything")
    assert "".join(map(described, transcript.entries)) == "Der Zug ist"
    transcript.add(final(1, "Der Zug kommt."))
    assert "".join(map(described, transcript.entries)) == "Der Zug kommt."


def test_clear_leaves_what_is_in_the_making_and_can_be_undone() -> None:
    transcript = Transcript()
    for event in (started(), final(1, "Eins."), partial(2, "Zwei", start=4)):
        transcript.add(event)
    transcript.clear()
    assert [entry.text for entry in transcript.entries[transcript.first :]] == ["Zwei"]
    transcript.add(final(2, "Zwei.", 4))
    transcript.clear()
    assert list(transcript.lines()) == []
    transcript.undo_clear()
    transcript.undo_clear()
    assert list(transcript.lines()) == ["Eins.", "Zwei."]
    assert not transcript.can_undo_clear


def test_find_ignores_the_case_and_what_was_cleared() -> None:
    transcript = Transcript()
    for number, text in enumerate(("Der Zug.", "zug um Zug."), start=1):
        transcript.add(final(number, text, number))
    assert [(match.entry, match.start) for match in transcript.find("ZUG")] == [(0, 4), (1, 0), (1, 7)]
    assert transcript.find("") == []
    assert transcript.find("Zu.") == []
    transcript.clear()
    assert transcript.find("Zug") == []


def test_doubt_is_told_from_trust() -> None:
    transcript = Transcript()
    for number, confidence in enumerate((0.2, 0.9, None), start=1):
        transcript.add(final(number, "Der Zug.", number, confidence))
    assert [entry.uncertain for entry in transcript.entries] == [True, False, False]


def test_direction_and_stamps() -> None:
    assert [right_to_left(text) for text in ("… أين", "12 שלום", "Zug أين", "…", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [stamp(seconds) for seconds in (0, 4.99, 751, 3727)] == ["0:00", "0:04", "12:31", "1:02:07"]
