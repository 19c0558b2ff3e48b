"""The control endpoint: what a test asks a running engine to do, or to tell.

| request below `/_control` | what it does |
|---|---|
| `POST faults` | adds faults: one, or a list; as text or JSON (`faults.py`) |
| `GET faults`, `DELETE faults` | lists them; ends all of them |
| `POST scenario` | replaces the scenario, for sessions to come (`scenario.py`) |
| `DELETE scenario` | ends it |
| `POST clock/advance` | `{"ms": 1500}`: moves the manual clock; answers when the engine is quiet |
| `GET sessions` | numbers, ids and counts of the last sessions |
| `GET log`, `GET log/N` | the last client events of all sessions, or of number N |

The log holds what clients sent, whole, except audio: `audio` is replaced by `audio_bytes`. It is
kept only under `--control`.

Rules of the file: `handle` changes the state and returns the answer; it waits for nothing.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtclient.engine.faults import FaultError, PlannedFault, parse
from rtclient.engine.scenario import Scenario, ScenarioError, Script, read_scenario
from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import decode_object

PREFIX = "/_control/"
KEPT_SESSIONS = 50
KEPT_EVENTS = 500
"""Client events that are kept of each session."""
MAX_ADVANCE_MS = 100 * 24 * 3600 * 1000


@dataclass(slots=True)
class Record:
    """What is known of one session."""

    number: int
    session_id: str
    is_open: bool = True
    received: int = 0
    sent: int = 0
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))

    def on_frame(self, data: str | bytes) -> None:
        """Note a frame of the client."""
        self.received += 1
        try:
            event = decode_object(data)
        except RemoteProtocolError:
            event = {"unreadable_bytes": len(data)}
        self.events.append(_without_audio(event))

    def summary(self) -> dict[str, Any]:
        """Return numbers only."""
        return {
            "number": self.number,
            "id": self.session_id,
            "is_open": self.is_open,
            "received": self.received,
            "sent": self.sent,
        }


def _without_audio(value: Any) -> Any:
    """Return JSON with each `audio` that is a text replaced by `audio_bytes`."""
    if isinstance(value, list):
        return [_without_audio(one) for one in value]
    if not isinstance(value, dict):
        return value
    result = {key: _without_audio(one) for key, one in value.items()}
    if isinstance(audio := result.get("audio"), str):
        result["audio_bytes"] = len(audio) * 3 // 4
        del result["audio"]
    return result


@dataclass(slots=True)
class State:
    """What the control endpoint sees and changes."""

    faults: list[PlannedFault] = field(default_factory=list)
    """One list for as long as the engine lives: sessions look at it at every event."""
    has_manual_clock: bool = False
    handshakes: int = 0
    """How many there were; each has its number."""
    records: dict[int, Record] = field(default_factory=dict)
    _scenario: Scenario | None = None
    _played_from: int = 0
    _scenario_faults: tuple[PlannedFault, ...] = ()

    def play(self, scenario: Scenario | None) -> None:
        """Replace the scenario; its first session is the next one. Faults of the old one end."""
        for fault in self._scenario_faults:
            self.spend(fault)
        self._scenario, self._played_from = scenario, self.handshakes
        self._scenario_faults = tuple(
            replace(f, session=None if f.session is None else f.session + self.handshakes)
            for f in (scenario.faults if scenario is not None else ())
        )
        self.faults.extend(self._scenario_faults)

    def script(self, number: int) -> Script | None:
        """Return what connection `number` goes by; None: nothing is said."""
        if self._scenario is None or number <= self._played_from:
            return None
        return self._scenario.of(number - self._played_from)

    def add(self, record: Record) -> None:
        """Keep the record of a new session; the oldest one goes."""
        self.records[record.number] = record
        while len(self.records) > KEPT_SESSIONS:
            del self.records[next(iter(self.records))]

    def spend(self, fault: PlannedFault) -> None:
        """Take out one fault; the same one, not an equal one."""
        self.faults[:] = [one for one in self.faults if one is not fault]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: HTTP status, JSON body, and by how much the clock is to be moved first."""

    status: int
    body: Mapping[str, Any]
    advance_ms: float = 0.0


def handle(state: State, method: str, path: str, body: bytes) -> Reply:
    """Do what a request asks.

    Args:
        state: what is looked at and changed.
        method: in capitals.
        path: with the prefix, without a query.
        body: as it came.
    """
    place, _, number = path.removeprefix(PREFIX).strip("/").partition("/")
    try:
        match method, place:
            case "POST", "faults":
                given = _json(body)
                new = [parse(one) for one in (given if isinstance(given, list) else [given])]
                state.faults.extend(new)
                return _faults(state)
            case "GET", "faults":
                return _faults(state)
            case "DELETE", "faults":
                state.faults.clear()
                return _faults(state)
            case "POST", "scenario":
                scenario = read_scenario(body.decode(), "body")
                state.play(scenario)
                return Reply(200, {"turns": scenario.count})
            case "DELETE", "scenario":
                state.play(None)
                return Reply(200, {"turns": 0})
            case "POST", "clock" if number == "advance":
                return _advance(state, _json(body))
            case "GET", "sessions":
                return Reply(200, {"sessions": [r.summary() for r in state.records.values()]})
            case "GET", "log":
                return _log(state, number)
    except (FaultError, ScenarioError) as exc:
        return _error(400, str(exc))
    except RecursionError:
        return _error(400, "The body is nested too deeply.")
    except ValueError as exc:
        return _error(400, f"The body cannot be read: {exc}")
    known = {"faults", "scenario", "clock", "sessions", "log"}
    if place in known:
        return _error(405, f"{method} is not for {path}.")
    names = ", ".join(f"{PREFIX}{name}" for name in sorted(known))
    return _error(404, f"There is no {path}; there are {names}.")


def _json(body: bytes) -> Any:
    return json.loads(body)


def _error(status: int, message: str) -> Reply:
    kind = "invalid_request_error"
    return Reply(status, {"error": {"type": kind, "code": "invalid_value", "message": message}})


def _faults(state: State) -> Reply:
    return Reply(200, {"faults": [fault.to_dict() for fault in state.faults]})


def _advance(state: State, asked: Any) -> Reply:
    ms = asked.get("ms") if isinstance(asked, dict) and set(asked) == {"ms"} else None
    is_number = isinstance(ms, int | float) and not isinstance(ms, bool)
    if ms is None or not is_number or not 0 <= ms <= MAX_ADVANCE_MS:
        return _error(400, f'Send {{"ms": 1500}}: milliseconds from 0 to {MAX_ADVANCE_MS}.')
    if not state.has_manual_clock:
        return _error(409, "The engine runs on real time. Start it with --clock manual.")
    return Reply(200, {}, float(ms))


def _log(state: State, number: str) -> Reply:
    if number and not (number.isdecimal() and int(number) in state.records):
        return _error(404, f"No session {number} is known; see {PREFIX}sessions.")
    records = [state.records[int(number)]] if number else list(state.records.values())
    return Reply(200, {"sessions": [{**r.summary(), "events": list(r.events)} for r in records]})
