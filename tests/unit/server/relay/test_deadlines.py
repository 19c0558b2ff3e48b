"""When a session ends and when the page is told."""

import pytest

from server.relay.deadlines import Deadlines, Expiring

UNIX = 1_800_000_000.0


def deadlines(
    *, limit_s: float | None = None, idle_s: float | None = None, started: float = 100.0
) -> Deadlines:
    return Deadlines(started, UNIX - started, limit_s, idle_s)


def test_without_limits_there_is_nothing_to_wait_for() -> None:
    clock = deadlines()
    assert clock.next_at(100) is None
    assert clock.fault(1e9) is None
    assert clock.expiring(1e9) is None


def test_the_page_is_told_twice_before_the_upstreams_end() -> None:
    clock = deadlines()
    clock.on_expires_at(UNIX + 1800, 100)
    assert clock.next_at(100) == 100 + 1800 - 120
    assert clock.expiring(1779.9) is None
    assert clock.expiring(1780) == Expiring(int(UNIX) + 1800, 120)
    assert clock.expiring(1781) is None
    assert clock.next_at(1781) == 1870
    assert clock.expiring(1870) == Expiring(int(UNIX) + 1800, 30)
    assert clock.next_at(1871) is None


def test_a_session_that_is_short_from_the_start_is_told_once() -> None:
    clock = deadlines()
    clock.on_expires_at(UNIX + 8, 100)
    assert clock.expiring(100) == Expiring(int(UNIX) + 8, 8)
    assert clock.expiring(101) is None


@pytest.mark.parametrize("expires_at", [None, True, "soon", UNIX - 5, 0])
def test_an_end_that_makes_no_sense_is_ignored(expires_at: object) -> None:
    clock = deadlines()
    clock.on_expires_at(expires_at, 100)
    assert clock.next_at(100) is None


def test_the_earlier_of_both_ends_counts() -> None:
    clock = deadlines(limit_s=600)
    clock.on_expires_at(UNIX + 1800, 100)
    assert clock.next_at(100) == 700 - 120
    assert clock.expiring(580) == Expiring(int(UNIX) + 600, 120)
    clock = deadlines(limit_s=6000)
    clock.on_expires_at(UNIX + 1800, 100)
    assert clock.next_at(100) == 1900 - 120


def test_a_session_ends_at_its_limit() -> None:
    clock = deadlines(limit_s=600)
    assert clock.fault(699.9) is None
    assert clock.fault(700) == "session_limit_reached"


def test_sending_silence_is_idle() -> None:
    clock = deadlines(idle_s=300)
    for second in range(100, 400):
        clock.on_client_event("input_audio_buffer.append", second)
    assert clock.fault(399) is None
    assert clock.next_at(399) == 400
    assert clock.fault(400) == "session_idle"


@pytest.mark.parametrize("event", ["conversation.item.create", "input_audio_buffer.commit", "new"])
def test_any_other_client_event_is_activity(event: str) -> None:
    clock = deadlines(idle_s=300)
    clock.on_client_event(event, 350)
    assert clock.fault(649) is None
    assert clock.fault(650) == "session_idle"


@pytest.mark.parametrize(
    "event", ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
)
def test_speech_is_activity(event: str) -> None:
    clock = deadlines(idle_s=300)
    clock.on_upstream_event(event, 350)
    assert clock.fault(649) is None
    assert clock.fault(650) == "session_idle"


def test_nobody_is_idle_during_a_response() -> None:
    clock = deadlines(idle_s=300)
    clock.on_upstream_event("response.created", 110)
    assert clock.fault(1000) is None
    assert clock.next_at(1000) == 1300
    clock.on_upstream_event("response.done", 1000)
    assert clock.fault(1299) is None
    assert clock.fault(1300) == "session_idle"


def test_a_response_to_silence_is_no_sign_of_a_person() -> None:
    clock = deadlines(idle_s=300)
    for second in range(110, 400, 10):
        clock.on_upstream_event("input_audio_buffer.timeout_triggered", second)
        clock.on_upstream_event("response.created", second)
        clock.on_upstream_event("response.done", second + 5)
    assert clock.fault(400) == "session_idle"
    clock.on_upstream_event("input_audio_buffer.speech_started", 400)
    clock.on_upstream_event("response.created", 402)
    assert clock.fault(800) is None


def test_a_clock_that_slept_through_the_warnings_does_not_spin() -> None:
    clock = deadlines()
    clock.on_expires_at(UNIX + 1000, 100)
    assert clock.expiring(5000) is None
    assert clock.next_at(5000) is None
