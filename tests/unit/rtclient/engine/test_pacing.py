"""Speech goes out in growing deltas, a few times faster than real time."""

from rtclient.engine.pacing import RATE, Pacer


def drain(pacer: Pacer, now: float) -> list[tuple[float, int]]:
    sent = []
    while (due := pacer.next_due()) is not None:
        now = max(now, due)
        pcm = pacer.take(now)
        assert pcm is not None
        sent.append((round(now, 4), len(pcm) // 48))
    return sent


def test_deltas_grow_and_the_first_is_at_once() -> None:
    pacer = Pacer()
    pacer.add(bytes(48 * 1000))
    pacer.complete()
    sent = drain(pacer, 10.0)
    assert [ms for _, ms in sent] == [100, 150, 250, 250, 250]
    assert sent[0][0] == 10.0
    assert sent[-1][0] == round(10 + 0.75 / RATE, 4)
    assert pacer.is_empty
    assert pacer.taken_ms == pacer.added_ms == 1000


def test_nothing_is_taken_before_its_time() -> None:
    pacer = Pacer()
    pacer.add(bytes(48 * 1000))
    assert pacer.take(1.0) is not None
    assert pacer.take(1.0) is None
    assert pacer.take(1.0 + 0.1 / RATE) is not None


def test_a_short_rest_waits_until_the_speech_is_whole() -> None:
    pacer = Pacer()
    pacer.add(bytes(48 * 60))
    assert pacer.next_due() is None
    assert pacer.take(1.0) is None
    pacer.complete()
    assert pacer.next_due() == 0.0
    assert pacer.take(1.0) == bytes(48 * 60)
    pacer.add(bytes(48 * 10))
    assert pacer.next_due() is None, "more is on its way again"


def test_a_late_wake_is_made_good_but_a_gap_is_not() -> None:
    pacer = Pacer()
    pacer.add(bytes(48 * 10_000))
    pacer.take(1.0)
    pacer.take(1.05)
    due = pacer.next_due()
    assert due is not None
    assert due < 1.06
    pacer.take(9.0)
    assert pacer.next_due() == 9.0 + 0.25 / RATE


def test_what_is_dropped_never_goes_out() -> None:
    pacer = Pacer()
    pacer.add(bytes(48 * 500))
    pacer.take(1.0)
    pacer.drop()
    assert pacer.next_due() is None
    assert pacer.taken_ms == 100
