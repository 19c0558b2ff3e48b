"""The playbook notices what is wrong in a play."""

import pytest

from tests.support.playbook import Playbook


def play() -> Playbook:
    """Return a play on an open session without an update of the server's own."""
    play = Playbook()
    play.dialled()
    play.upstream("session.created", session={})
    play.client_gets("session.created")
    return play


def test_a_line_that_was_not_named_fails_the_next_input() -> None:
    broken = play()
    broken.upstream("x")
    with pytest.raises(AssertionError, match="not named"):
        broken.client("y")


def test_a_line_that_was_not_said_fails() -> None:
    with pytest.raises(AssertionError, match="nothing"):
        play().client_gets("x")


def test_another_event_fails() -> None:
    broken = play()
    broken.upstream("x")
    with pytest.raises(AssertionError, match="other values"):
        broken.client_gets("y")


def test_another_direction_fails() -> None:
    broken = play()
    broken.upstream("x")
    with pytest.raises(AssertionError, match="ToUpstream"):
        broken.upstream_gets("x")


def test_another_field_fails() -> None:
    broken = play()
    broken.upstream("x", a=1, b=2)
    with pytest.raises(AssertionError, match="'a': 1"):
        broken.client_gets("x", a=3)


def test_raw_text_is_compared_to_the_letter() -> None:
    broken = play()
    broken.upstream('{"type":"x" }')
    with pytest.raises(AssertionError, match="same text"):
        broken.client_gets('{"type":"x"}')


def test_another_close_fails() -> None:
    broken = play()
    broken.does(broken.core.on_client_closed(1000, ""))
    with pytest.raises(AssertionError, match="expected upstream 1001"):
        broken.closes("upstream", 1001)
