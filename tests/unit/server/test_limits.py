"""How many sessions may be open."""

from server.limits import SessionLimits


def test_a_place_is_free_again_after_its_session() -> None:
    limits = SessionLimits(2)
    assert [limits.admit() for _ in range(3)] == [True, True, False]
    limits.release()
    assert limits.open_sessions == 1
    assert limits.admit()
    assert not limits.admit()


def test_without_a_limit_everyone_is_admitted() -> None:
    limits = SessionLimits(None)
    assert all(limits.admit() for _ in range(1000))
