"""Every field of every client event, valid, invalid and unknown, put to a session.

A refused event is answered by exactly one `error` that names the code, the field and the event,
and changes nothing. A taken one is answered by its own event, which the models of the official
client accept. `strictness.py` is the table.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from rtclient.engine.shapes import ByKind, Listing, Maybe, Shape, Spec, Tagged
from rtclient.engine.strict import EVENT, TRANSCRIPTION_EVENT
from tests.contract.strictness import (
    ANSWERS,
    EVENTS,
    FUNCTION,
    MINIMAL,
    MISSING,
    ODDITIES,
    TABLE,
    UNKNOWN,
)
from tests.support.engine_driver import Driver

SPECS: Mapping[str, Spec] = {"realtime": EVENT, "transcription": TRANSCRIPTION_EVENT}
MODEL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
LEAST_CASES = 300
_STEP = re.compile(r"\.?([a-z_]+)(\[\])?((?:<[^>]+>)*)")


@dataclass(frozen=True)
class Case:
    """An event and what it must be answered; `code` None: it is taken."""

    kind: str
    name: str
    event: dict[str, Any]
    code: str | None = None
    param: str | None = None


# ---------------------------------------------------------------- the table becomes events


def objects(spec: Spec, path: str = "") -> Iterator[tuple[str, Shape]]:
    """Walk over every object of a spec, with its path as `strictness.py` writes it."""
    match spec:
        case Maybe(of):
            yield from objects(of, path)
        case Listing(of):
            yield from objects(of, f"{path}[]")
        case ByKind(text, other):
            yield from objects(text, path)
            yield from objects(other, path)
        case Tagged(shapes):
            for name, shape in shapes.items():
                yield from objects(shape, f"{path}<{name}>" if path else name)
        case Shape(fields):
            yield path, spec
            for key, field in fields.items():
                yield from objects(field, f"{path}.{key}")


def event_at(kind: str, path: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the least valid event with an object at `path`, that object, and its place."""
    name = next(name for name in EVENTS if path == name or path.startswith(f"{name}."))
    event: dict[str, Any] = {"type": name, **copy.deepcopy(dict(EVENTS[name]))}
    if name == "session.update":
        event["session"] = {"type": kind}
    here, place = event, ""
    for step in _STEP.finditer(path[len(name) :]):
        key, is_array, variants = step.groups()
        least: dict[str, Any] = {}
        for variant in re.findall(r"<([^>]+)>", variants):
            least |= copy.deepcopy(MINIMAL[variant])
        here[key] = [least] if is_array else least
        here = least
        place = f"{place}.{key}{'[0]' if is_array else ''}".lstrip(".")
    return event, here, place


def changed(kind: str, path: str, key: str, value: Any) -> dict[str, Any]:
    event, here, _ = event_at(kind, path)
    here[key] = copy.deepcopy(value)
    return event


def cases_of(kind: str, path: str) -> Iterator[Case]:
    """Return the cases of one section of the table."""
    place = event_at(kind, path)[2]
    shape = shapes(kind)[path]
    for key, (valid, invalid) in TABLE[kind][path].items():
        at = f"{place}.{key}".lstrip(".")
        for value in valid:
            yield Case(kind, f"{path} .{key} takes {value!r:.40}", changed(kind, path, key, value))
        for value, code, *below in invalid:
            name = f"{path} .{key} refuses {value!r:.40}"
            event = changed(kind, path, key, value)
            yield Case(kind, name, event, code, at + (below[0] if below else ""))
        wrong = f"{key}_"
        name = f"{path} .{key} misspelled"
        yield Case(kind, name, changed(kind, path, wrong, valid[0]), UNKNOWN, f"{at}_")
        if key in shape.required:
            event, here, _ = event_at(kind, path)
            del here[key]
            yield Case(kind, f"{path} .{key} missing", event, MISSING, at)


@cache
def shapes(kind: str) -> dict[str, Shape]:
    return dict(objects(SPECS[kind]))


@cache
def all_cases() -> list[Case]:
    odd = (Case("realtime", f"{event!r:.90}", event, code, at) for event, code, at in ODDITIES)
    return [
        *(case for kind, table in TABLE.items() for path in table for case in cases_of(kind, path)),
        *odd,
    ]


# ---------------------------------------------------------------- and is put to a session


class World:
    """A session with a user's item `a`, a call `c`, and speech of the assistant, `said`."""

    def __init__(self, kind: Any, *, has_spoken: bool = False) -> None:
        is_talk = kind == "realtime"
        preset = {"type": "realtime", "tools": [FUNCTION]} if is_talk else None
        self.driver = Driver("hello", kind=kind, preset=preset)
        self.names: dict[str, str] = {}
        if has_spoken and is_talk:
            self.driver.send("response.create")
            self.driver.settle()
            said = self.driver.last("response.done")["response"]["output"][0]
            self.names["said"] = said["id"]
        if is_talk:
            part = {"type": "input_text", "text": "hello"}
            item = {"type": "message", "role": "user", "id": "a", "content": [part]}
            self.driver.send("conversation.item.create", item=item)
            call = {**MINIMAL["function_call"], "call_id": "c"}
            self.driver.send("conversation.item.create", item=call)
        else:
            self.driver.speak(300)
            self.driver.quiet(300)
            self.names["a"] = self.driver.last("conversation.item.done")["item"]["id"]
            self.driver.send("input_audio_buffer.clear")

    def send(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Send an event with the items by their real names; return the answer."""
        item_id = event.get("item_id")
        if isinstance(item_id, str) and item_id in self.names:
            event = {**event, "item_id": self.names[item_id]}
        return self.driver.send_raw(json.dumps(event))

    def state(self) -> Any:
        """Return all that an event may change."""
        core = self.driver.core
        state = (
            core._session,
            [item.public() for item in core._conversation],
            core._microphone.buffer.end,
            list(core._desk._open),
            core._desk.memory,
            self.driver.work,
        )
        return copy.deepcopy(state)


def fault_of_taken(case: Case) -> str | None:
    """Send an event that must be taken to a session of its own."""
    name = case.event["type"]
    world = World(case.kind, has_spoken=name == "conversation.item.truncate")
    if name == "input_audio_buffer.commit":
        world.driver.quiet(200)
    if name == "response.cancel":
        world.driver.send("response.create")
    events = world.send(case.event)
    answer = [event["type"] for event in events]
    expected = [ANSWERS[name]] if ANSWERS[name] else []
    if answer[:1] != expected or "error" in answer:
        return f"{case.name}: answered {answer[:3]}, expected {expected}"
    try:
        for event in events:
            MODEL.validate_python(event, strict=True)
    except ValidationError as exc:
        return f"{case.name}: {exc.title} is wrong at {exc.errors()[0]['loc']}"
    return None


def fault_of_refused(case: Case, world: World) -> str | None:
    """Send an event that must be refused to a session that stays as it is."""
    before = world.state()
    event = {"event_id": "mine", **case.event}
    answers = world.send(event)
    if world.state() != before:
        return f"{case.name}: something changed"
    if [answer["type"] for answer in answers] != ["error"]:
        return f"{case.name}: answered {[answer['type'] for answer in answers]}"
    error = answers[0]["error"]
    found = (error["type"], error["code"], error["param"])
    expected = ("invalid_request_error", case.code, case.param)
    if found != expected:
        return f"{case.name}: {found}, expected {expected}"
    is_event = case.code != "invalid_event"  # else it has no name either
    echo = event["event_id"] if is_event and isinstance(event["event_id"], str) else None
    if error["event_id"] != echo:
        return f"{case.name}: names the event {error['event_id']!r:.40}"
    if not 20 < len(error["message"]) < 900:
        return f"{case.name}: says {error['message']!r:.80}"
    return None


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("kind", TABLE)
def test_what_is_valid_is_taken(kind: str, event_type: str) -> None:
    cases = [
        case
        for case in all_cases()
        if case.kind == kind and case.event.get("type") == event_type and case.code is None
    ]
    assert cases or kind == "transcription"
    faults = [fault for case in cases if (fault := fault_of_taken(case))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("kind", TABLE)
def test_what_is_not_valid_is_refused_and_changes_nothing(kind: str) -> None:
    world = World(kind, has_spoken=True)
    cases = [case for case in all_cases() if case.kind == kind and case.code is not None]
    faults = [fault for case in cases if (fault := fault_of_refused(case, world))]
    assert not faults, "\n".join(faults)


# ---------------------------------------------------------------- the table is whole


@pytest.mark.parametrize("kind", TABLE)
def test_every_object_and_every_field_is_in_the_table(kind: str) -> None:
    assert shapes(kind).keys() == TABLE[kind].keys()
    for path, shape in shapes(kind).items():
        assert shape.fields.keys() == TABLE[kind][path].keys(), path


@pytest.mark.parametrize("kind", TABLE)
def test_every_field_has_a_valid_an_invalid_and_an_unknown_case(kind: str) -> None:
    for path, section in TABLE[kind].items():
        names = [case.name for case in cases_of(kind, path)]
        for key in section:
            for what in ("takes ", "refuses ", "misspelled"):
                assert [name for name in names if f".{key} {what}" in name], (path, key, what)


def test_every_event_has_an_answer() -> None:
    assert ANSWERS.keys() == EVENTS.keys() == EVENT.shapes.keys()


def test_there_are_enough_cases_and_each_has_a_name_of_its_own() -> None:
    names = [(case.kind, case.name, json.dumps(case.event)) for case in all_cases()]
    assert len(names) == len(set(names))
    assert len(names) >= LEAST_CASES
    by_answer = [case.code for case in all_cases()]
    assert by_answer.count(None) >= LEAST_CASES // 3
    assert by_answer.count(UNKNOWN) >= LEAST_CASES // 3
