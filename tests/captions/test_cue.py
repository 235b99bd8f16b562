"""Captions in order: no overlap, nothing lost, gaps in their place."""

from __future__ import annotations

from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2t2_live.captions.cue import Cue, CueOrder, clock, one_line
from s2t2_live.captions.srt import SrtWriter
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.captions.vtt import VttWriter
from s2t2_live.live.events import Event, Final, Gap, Partial, SpeechEnded, SpeechStarted


def final(segment: int, start: float, end: float, text: str) -> Final:
    return Final(segment, start, end, text, compute=0.1, lag=0.2)


def cues(*events: Event) -> list[Cue]:
    order = CueOrder()
    return [cue for event in events for cue in order.add(event)] + list(order.finish())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00,000"),
        (1.0004, "00:00:01,000"),
        (59.9996, "00:01:00,000"),
        (3599.9996, "01:00:00,000"),
        (360_000.5, "100:00:00,500"),
    ],
)
def test_clock_rounds_to_milliseconds_and_carries(seconds: float, text: str) -> None:
    assert clock(seconds, ",") == text


def test_one_line_keeps_words_and_drops_escape_codes() -> None:
    assert one_line("  Guten\n\nTag,\tFrau \x1b[2JMüller\x07 ") == "Guten Tag, Frau [2JMüller"


def test_finals_without_text_give_no_cue() -> None:
    assert cues(final(0, 0, 1, " "), final(1, 2, 3, "Ja.")) == [Cue(2, 3, "Ja.")]


def test_partials_give_no_cue() -> None:
    assert cues(Partial(0, 0, 1, "Guten", "Tag", 0.1), SpeechEnded(0, 0, 1, "pause")) == []


def test_a_gap_waits_for_the_final_of_the_speech_before_it() -> None:
    assert cues(
        SpeechStarted(0, 1.0),
        SpeechEnded(0, 1.0, 2.0, "stop"),
        Gap(2.0, 5.0, "microphone lost"),
        SpeechStarted(1, 6.0),
        final(0, 1.0, 2.0, "Ja."),
        final(1, 6.0, 7.0, "Nein."),
    ) == [Cue(1.0, 2.0, "Ja."), Cue(2.0, 5.0, "[audio lost: microphone lost]"), Cue(6.0, 7.0, "Nein.")]


def test_a_gap_within_speech_has_its_own_time() -> None:
    assert cues(
        SpeechStarted(0, 0.0),
        SpeechEnded(0, 0.0, 10.0, "pause"),
        Gap(6.0, 10.0, "the disk is full"),
        final(0, 0.0, 10.0, "Ja."),
    ) == [Cue(0.0, 6.0, "Ja."), Cue(6.0, 10.0, "[audio lost: the disk is full]")]


def test_a_gap_that_is_told_late_has_its_place() -> None:
    """The model fails on the first segment while its audio and that of the second have been lost."""
    assert cues(
        SpeechStarted(0, 1.0),
        SpeechEnded(0, 1.0, 5.0, "stop"),
        Gap(5.0, 10.0, "microphone lost"),
        Gap(2.0, 5.0, "the model failed"),
        final(0, 1.0, 5.0, "Ja."),
    ) == [
        Cue(1.0, 2.0, "Ja."),
        Cue(2.0, 5.0, "[audio lost: the model failed]"),
        Cue(5.0, 10.0, "[audio lost: microphone lost]"),
    ]


def test_a_gap_in_silence_is_shown_at_once() -> None:
    assert list(CueOrder().add(Gap(2.0, 5.0, "microphone lost"))) == [Cue(2.0, 5.0, "[audio lost: microphone lost]")]


def test_a_gap_whose_speech_is_never_finished_is_not_lost() -> None:
    assert cues(SpeechStarted(0, 1.0), Gap(2.0, 5.0, "disk full")) == [Cue(2.0, 5.0, "[audio lost: disk full]")]


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.booleans()), max_size=20),
)
def test_cues_never_overlap_and_none_is_lost(spans: list[tuple[float, float, bool]]) -> None:
    events: list[Event] = [
        Gap(start, end, "x") if is_gap else final(number, start, end, "x")
        for number, (start, end, is_gap) in enumerate(spans)
    ]
    shown = cues(*events)
    assert len(shown) == len(spans)
    for cue in shown:
        assert cue.start < cue.end
    for earlier, later in pairwise(shown):
        assert earlier.end <= later.start


EVENTS: tuple[Event, ...] = (
    SpeechStarted(0, 0.5),
    final(0, 0.5, 2.25, "Fisch & Brot --> <b>2 €</b>"),
    Gap(3.0, 4.0, "disk full"),
    final(1, 3.5, 5.0, "Ja."),
)


def test_srt() -> None:
    out = StringIO()
    writer = SrtWriter(out)
    for event in EVENTS:
        writer.handle(event)
    writer.close()
    assert out.getvalue() == (
        "1\n00:00:00,500 --> 00:00:02,250\nFisch & Brot -> <b>2 €</b>\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n[audio lost: disk full]\n\n"
        "3\n00:00:04,000 --> 00:00:05,000\nJa.\n\n"
    )


def test_vtt() -> None:
    out = StringIO()
    writer = VttWriter(out)
    assert out.getvalue() == "WEBVTT\n\n"
    for event in EVENTS:
        writer.handle(event)
    writer.close()
    assert out.getvalue() == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:02.250\nFisch &amp; Brot --&gt; &lt;b&gt;2 €&lt;/b&gt;\n\n"
        "00:00:03.000 --> 00:00:04.000\n[audio lost: disk full]\n\n"
        "00:00:04.000 --> 00:00:05.000\nJa.\n\n"
    )


def test_txt() -> None:
    out = StringIO()
    writer = TxtWriter(out)
    for event in EVENTS:
        writer.handle(event)
    writer.close()
    assert out.getvalue() == "Fisch & Brot --> <b>2 €</b>\n[audio lost: disk full]\nJa.\n"
