"""What others rely on is written down, and a change of it does not go unnoticed."""

import ast
import json
import re
from pathlib import Path

from scripts import surface
from server.drop_in import SOCKETS
from server.relay.actions import OWN_EVENTS, Notice
from tests.support.playbook import Playbook

ROOT = Path(__file__).resolve().parents[3]


def test_a_change_of_the_surface_has_a_line_in_the_changelog() -> None:
    text = (ROOT / surface.PAGE).read_text(encoding="utf-8")
    expected = surface.short_hash(text)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"`{expected}`" in changelog, (
        f"{surface.PAGE} has changed: say in CHANGELOG.md what a client notices, "
        f"then put `{expected}` into its line about the public surface."
    )


def test_paths_queries_and_codes_are_read_from_the_code() -> None:
    found = json.loads(surface.page())
    assert found["paths"]["/ws"] == {
        "methods": ["GET", "HEAD", "WEBSOCKET"],
        "query": ["dialect", "profile", "sequencer"],
    }
    assert found["paths"]["/login"]["query"] == ["token"]
    for path in SOCKETS:
        assert "model" in found["paths"][path]["query"]
    assert "commit_too_short" in found["notice_codes"]
    assert found["error_codes"]["slow_client"]["close_code"] in found["close_codes"]
    assert "config" in json.dumps(found["gateway"]["messages"]["Config"])


def test_events_of_our_own_have_the_fields_that_are_written_down() -> None:
    play = Playbook(session_limit_s=600.0, notices=(Notice("info", "code", "Words."),))
    sent = [play.client_gets("parley.notice")]
    play.dialled()
    play.upstream("session.created", session={"id": "sess_1"})
    play.client_gets("session.created")
    play.after(599)
    sent.append(play.client_gets("parley.session_expiring"))
    assert {event["type"] for event in sent} == OWN_EVENTS.keys()
    for event in sent:
        assert event.keys() == {"type", "event_id", *OWN_EVENTS[event["type"]]}


def test_no_event_of_our_own_is_missing() -> None:
    core = ast.parse((ROOT / "server" / "relay" / "core.py").read_text(encoding="utf-8"))
    names = {
        node.value
        for node in ast.walk(core)
        if isinstance(node, ast.Constant) and re.fullmatch(r"parley\.\w+", str(node.value))
    }
    assert names == OWN_EVENTS.keys()
