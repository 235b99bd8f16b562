"""The inference worker: looks at fixed lengths, finals that nothing holds up, failures that end nothing."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from s2t2_live.audio.segmenter import SegmentEnded
from s2t2_live.live.events import Final, Load, Partial
from s2t2_live.live.guards import token_budget
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.jobs import QUEUED
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from tests.live.translators import RATE, Bench, Gate


def test_looks_come_at_fixed_lengths_and_the_final_has_all(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    for seconds in (0.1, 0.35, 0.7, 0.05, 0.5):
        it.speak(seconds)
    it.end_segment()
    it.drain()
    assert [(length, beam) for length, _, beam in it.model.calls] == [(8_000, 1), (16_000, 1), (24_000, 1), (27_200, 5)]
    assert [event.committed for event in it.of(Partial)] == ["", "w1", "w1 w2"]
    assert [event.tentative for event in it.of(Partial)] == ["w1.", "w2.", "w3."]
    assert [event.end for event in it.of(Partial)] == [0.5, 1.0, 1.5]
    (final,) = it.of(Final)
    assert final.text == "w1 w2 w3."
    assert final.confidence == pytest.approx(np.exp(-0.5))
    assert not final.revised
    assert it.model.calls[-1][1] == (1, 2), "the final begins with what is committed"


def test_audio_cut_off_at_the_limit_is_not_in_the_final(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    it.speak(1.0)
    it.speak(1.0, settled=False)
    it.end_segment(cut=0.9)
    it.drain()
    assert it.model.calls[-1][0] == round(1.1 * RATE)
    assert it.of(Partial)[-1].committed == "w1", "what may be cut off commits nothing"
    assert it.of(Final)[0].text == "w1 w2."


def test_final_only_never_looks(bench: Callable[..., Bench]) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    it.translator.start()
    it.segment(3.0)
    it.drain()
    assert len(it.model.calls) == 1
    assert it.of(Partial) == []


def test_a_source_without_a_listener_is_held_back(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    gate = threading.Event()
    it.model.before = lambda length: gate.wait(30) and None
    it.translator.start()
    feeder = threading.Thread(target=lambda: [it.segment(0.5) for _ in range(50)])
    feeder.start()
    feeder.join(0.3)
    assert feeder.is_alive(), "the feeder waits"
    assert it.count <= QUEUED + 3
    gate.set()
    feeder.join(30)
    it.drain()
    assert len(it.of(Final)) == 50
    assert it.of(Load) == []


def test_lag_on_a_listeners_clock(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.segment(1.0)
    it.clock = 1.75
    it.translator.start()
    it.drain()
    assert it.of(Final)[0].lag == pytest.approx(0.75)


def test_lag_without_a_listener_is_the_wait_and_the_computing(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.start_segment()
    it.speak(1.0)
    it.hear(0.4)
    it.translator.put(SegmentEnded(1, 0, RATE, RATE, it.position, "pause"))
    it.translator.start()
    it.drain()
    (final,) = it.of(Final)
    assert final.lag == pytest.approx(0.4 + final.compute)


def test_below_the_first_threshold_a_slow_model_changes_nothing(bench: Callable[..., Bench]) -> None:
    live, fast = bench(live=True), bench(live=False)
    for it in (live, fast):
        if it is fast:
            it.translator.start()
        it.segment(1.9)
        if it is live:
            it.translator.start()
        it.drain()
    assert [event for event in live.events if isinstance(event, Load)] == []
    assert live.model.calls == fast.model.calls


def test_under_load_only_the_latest_look_is_taken(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.start_segment()
    it.speak(3.2)
    it.translator.start()
    it.drain()
    assert [event.level for event in it.of(Load)] == ["coalesce"]
    assert it.of(Load)[0].backlog == pytest.approx(2.7)
    assert [length for length, _, _ in it.model.calls] == [48_000]


def test_a_final_never_waits_behind_looks_under_load(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    for _ in range(2):
        it.segment(3.0)
    it.translator.start()
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 5]
    assert [event.segment for event in it.of(Final)] == [1, 2]


def overloaded(bench: Callable[..., Bench]) -> tuple[Bench, Gate]:
    """Six segments have come, while the gate still holds the final of the first."""
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    gate = it.model.before = Gate()
    it.translator.start()
    it.segment(2.0)
    assert gate.reached.wait(30)
    for _ in range(5):
        it.segment(2.0)
    return it, gate


def test_the_ladder_climbs_to_greedy_finals_and_comes_down(bench: Callable[..., Bench]) -> None:
    it, gate = overloaded(bench)
    assert [event.level for event in it.of(Load)] == ["coalesce", "finals-only", "greedy"]
    it.segment(1.0)
    gate.open()
    it.until(Final, 7)
    for _ in range(40):
        it.hear(0.5)
    assert [event.level for event in it.of(Load)][3:] == ["finals-only", "coalesce", "normal"]
    it.segment(1.0)
    it.drain()
    assert len(it.of(Final)) == 8, "no final is lost"
    assert [beam for _, _, beam in it.model.calls] == [5, 1, 1, 1, 1, 1, 1, 5]


def test_after_a_session_is_given_up_nothing_is_told_of_the_load(bench: Callable[..., Bench]) -> None:
    it, gate = overloaded(bench)
    told = it.of(Load)
    assert told
    it.translator.abort()
    gate.open()
    assert it.ended.wait(30)
    for _ in range(40):
        it.hear(0.5)
    assert it.of(Load) == told


def test_progress_is_up_to_the_first_segment_without_its_final(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.hear(1.0)
    assert it.translator.done == 1.0
    it.segment(2.0)
    it.hear(1.0)
    assert it.translator.done == 1.0
    it.translator.start()
    it.drain()
    assert it.translator.done == 4.0


def test_what_the_source_lost_is_no_backlog(bench: Callable[..., Bench]) -> None:
    """A pause of ten minutes, while the model is still at work."""
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    gate = it.model.before = Gate()
    it.translator.start()
    it.segment(2.0)
    it.segment(1.0)
    assert gate.reached.wait(30)
    it.position += 600 * RATE
    it.translator.hear(it.position, lost=600 * RATE)
    assert it.translator.backlog == pytest.approx(1.0)
    it.segment(0.5)
    assert it.translator.backlog == pytest.approx(1.5)
    gate.open()
    it.drain()
    assert it.of(Load) == []
    assert len(it.of(Final)) == 3


def test_under_load_looks_keep_their_distance(bench: Callable[..., Bench]) -> None:
    """As far from each other as one takes, on the same lengths as ever."""
    it = bench(live=True, load=LoadSettings(coalesce=0.4, finals_only=50, greedy=60, spool=70, hold=100))

    def work(length: int) -> None:
        it.compute += 1.1

    it.model.before = work
    it.translator.start()
    it.start_segment()
    it.speak(0.5)
    it.until_idle()
    gate, busy = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        busy.set()
        gate.wait(30)
        work(length)

    it.model.before = wait
    it.speak(0.5)
    assert busy.wait(30)
    it.hear(0.5)
    assert [event.level for event in it.of(Load)] == ["coalesce"]
    gate.set()
    it.until_idle()
    for _ in range(16):
        it.speak(0.25)
        it.until_idle()
    assert [length / RATE for length, _, _ in it.model.calls] == [0.5, 1.0, 2.5, 4.0]


def test_another_policy_for_the_segments_that_begin_later(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    it.speak(0.6)
    it.translator.change(PolicySettings(name="final-only"), 5)
    it.speak(0.6)
    it.end_segment()
    it.segment(1.2)
    it.translator.change(PolicySettings(step=0.3), 5)
    it.segment(1.2)
    it.drain()
    ends = [(event.segment, round(event.end - event.start, 1)) for event in it.of(Partial)]
    assert ends == [(1, 0.5), (1, 1.0), (3, 0.3), (3, 0.6), (3, 0.9), (3, 1.2)]


def test_another_beam_size_for_the_finals_from_now_on(bench: Callable[..., Bench]) -> None:
    policy = PolicySettings(name="final-only")
    it = bench(live=False, policy=policy)
    it.translator.start()
    it.segment(1.2)
    it.until(Final, 1)
    it.start_segment()
    it.speak(1.2)
    it.translator.change(policy, 2)
    it.end_segment()
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 2]


def test_a_capped_final_ends_with_a_whole_word(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    capped = Hypothesis((1, 2, 3), complete=False, log_probabilities=(-0.1,) * 3)
    monkeypatch.setattr(it.model, "translate", lambda *args, **options: capped)
    monkeypatch.setattr(it.model, "ends_word", lambda token: token != 3)
    it.translator.start()
    it.segment(1.0)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2"


def test_loops_do_not_reach_the_final(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    budgets: list[int] = []

    def loop(samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        budgets.append(max_tokens)
        return Hypothesis((1, 2) * 9, complete=False, log_probabilities=(-0.1,) * 18)

    monkeypatch.setattr(it.model, "translate", loop)
    it.translator.start()
    it.segment(2.0)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2"
    assert budgets == [token_budget(2.0)]
