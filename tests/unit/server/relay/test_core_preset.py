"""A session that a client secret was made with, as a play."""

from typing import Any

from server.relay.core import Phase
from tests.support.playbook import UNIX_NOW, Playbook

PRESET: dict[str, Any] = {"type": "realtime", "instructions": "Be brief."}


def greeted() -> Playbook:
    """Return a play in which the preset was sent and not answered."""
    play = Playbook(session=PRESET, is_preset=True, has_extras=False)
    play.dialled()
    session = {"id": "sess_1", "expires_at": UNIX_NOW + 1800, "instructions": "Default."}
    play.upstream("session.created", event_id="event_1", session=session)
    play.upstream_gets("session.update", event_id="parley_1", session=PRESET)
    return play


def test_session_created_waits_for_the_preset_and_shows_it() -> None:
    play = greeted()
    play.client("response.create")
    play.nothing_more()
    applied = {"id": "sess_1", "instructions": "Be brief."}
    play.upstream("session.updated", event_id="event_2", session=applied)
    shown = play.client_gets("session.created", event_id="event_1")
    assert shown["session"] == applied
    play.upstream_gets("response.create")
    play.nothing_more()
    assert play.core.phase is Phase.OPEN


def test_nothing_comes_before_session_created() -> None:
    play = greeted()
    play.upstream('{"type":"conversation.created"}')
    play.nothing_more()
    play.upstream("session.updated", session={"id": "sess_1"})
    play.client_gets("session.created")
    play.client_gets('{"type":"conversation.created"}')
    play.upstream('{"type":"rate_limits.updated"}')
    play.client_gets('{"type":"rate_limits.updated"}')
    play.nothing_more()


def test_later_updates_are_the_clients_own() -> None:
    play = greeted()
    play.upstream("session.updated", session={"id": "sess_1"})
    play.client_gets("session.created")
    play.upstream("session.updated", session={"id": "sess_1"})
    play.client_gets("session.updated")
    play.nothing_more()


def test_a_preset_that_is_rejected_ends_the_session_with_the_reason() -> None:
    play = greeted()
    error = {"type": "invalid_request_error", "code": "invalid_value", "param": "session.tools"}
    play.upstream("error", error=error | {"event_id": "parley_1"})
    play.client_gets_error("invalid_value", param="session.tools")
    play.client_gets_error("client_secret_rejected")
    play.closes("client", 1008, "client_secret_rejected")
    play.closes("upstream", 1008)


def test_an_upstream_that_never_applies_the_preset_is_given_up() -> None:
    play = greeted()
    play.after(11)
    play.client_gets_error("upstream_timeout")
    play.closes("client", 1013)
    play.closes("upstream", 1013)
