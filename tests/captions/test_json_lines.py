"""Each event is one line of JSON that comes back as the same event."""

from __future__ import annotations

import json
from io import StringIO

from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.live.events import Error, Final, Partial, Summary, from_dict

EVENTS = (
    Partial(0, 0.5, 1.5, "Guten", "Tag", 0.1),
    Final(0, 0.5, 2.0, "Grüß\n\u2028Gott", 0.25, 0.125, confidence=0.5),
    Error("There is no file caf\udce9.", fatal=True),
    Summary(2.0, 1, 0.1, {"median": 0.125, "p95": None}, 0.0),
)


def lines() -> list[str]:
    out = StringIO()
    writer = JsonLinesWriter(out)
    for event in EVENTS:
        writer.handle(event)
    writer.close()
    return out.getvalue().removesuffix("\n").split("\n")


def test_each_line_is_the_event() -> None:
    assert tuple(from_dict(json.loads(line)) for line in lines()) == EVENTS


def test_text_is_legible() -> None:
    assert "Grüß" in lines()[1]


def test_times_are_rounded_below_a_sample() -> None:
    out = StringIO()
    JsonLinesWriter(out).handle(Final(0, 0.1 + 0.2, 1 / 16_000, "Ja.", 0.1, 0.1))
    body = json.loads(out.getvalue())
    assert (body["start"], body["end"]) == (0.3, 0.000063)
