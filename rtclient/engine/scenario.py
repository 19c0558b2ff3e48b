"""A scenario: what the engine hears and answers, turn by turn, as YAML, JSON or JSON lines.

    turns:                          # of every session that has no list of its own
      - hear: what time is it       # or {text:, confidence:, certain:} or {error: "…"}
        hear_after_ms: 300          # how long the ears take
        answer: It is ten.          # or a list of steps, see below; []: silence
        after_ms: 800               # how long the brain takes before its first step
        after_call: Done.           # what is answered to the output of a function
        faults: ["close:1006@response.output_audio.delta#2"]    # in this turn
    words:                          # answers by words, wherever they come; tried before `turns`
      - match: \\bweather\\b          # a regular expression, found anywhere, in either case
        answer: [{call: weather, arguments: {city: Oslo}}]
    sessions:                       # for connection 1, 2, …; later ones have `turns`
      - turns: [{answer: First.}]
    greeting: Hello.                # answer before anybody said anything
    default: {answer: I see.}       # turns that nothing above answers
    faults: [slow:20-60]            # in all sessions

A step is a text to say, or one of `{say: TEXT}`, `{call: NAME, arguments: {…}}`,
`{replay: true}`, `{wait_ms: N}`, `{error: TEXT}`; after `error` the response is failed, so it
stands before or after what is said. Functions are called only if the session has them. Turn N is
the N-th user item of a session, spoken or typed. Without `hear` a turn is heard by the engine's
ears, without `answer` answered by its brain.

JSON lines hold one turn each. `faults` are those of `faults.py`, as text or JSON.

Rules of the file: pure; an unknown key is an error; errors name the line, where the form has lines,
and the path.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rtclient.engine.faults import FaultError, PlannedFault, parse
from rtclient.engine.senses import Call, Heard, Say, SenseError, Thought

MAX_MS = 24 * 3600 * 1000
CERTAIN = 0.95
GUESS = 0.4


class ScenarioError(ValueError):
    """A scenario that cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A step: wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReplayTurn:
    """A step: play back what the user said in this turn."""


Step = Thought | Pause | ReplayTurn | SenseError


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens in one turn; None: the engine's own sense does it."""

    hear: Heard | SenseError | None = None
    hear_after_s: float = 0.0
    answer: tuple[Step, ...] | None = None
    after_s: float = 0.0
    after_call: tuple[Step, ...] | None = None
    match: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What one session goes by."""

    turns: tuple[Turn, ...] = ()
    words: tuple[Turn, ...] = ()
    greeting: tuple[Step, ...] | None = None
    default: Turn = Turn()

    def turn(self, number: int, words: str | None = None) -> Turn:
        """Return turn `number`, from 1; `words`: what was said, once it is known."""
        if words is not None:
            for turn in self.words:
                if turn.match is not None and turn.match.search(words):
                    return turn
        return self.turns[number - 1] if 1 <= number <= len(self.turns) else self.default


@dataclass(frozen=True, slots=True)
class Scenario:
    """What all sessions go by."""

    script: Script
    """Of sessions without one of their own."""
    scripts: tuple[Script, ...] = ()
    faults: tuple[PlannedFault, ...] = ()

    def of(self, session: int) -> Script:
        """Return the script of connection number `session`, from 1."""
        return self.scripts[session - 1] if session <= len(self.scripts) else self.script

    @property
    def count(self) -> int:
        """How many turns are written down."""
        scripts = (self.script, *self.scripts)
        return sum(len(s.turns) for s in scripts) + len(self.script.words)


def read_scenario(text: str, name: str) -> Scenario:
    """Return the scenario that a file holds; raises `ScenarioError`.

    Args:
        text: the file's content: YAML, JSON, or JSON lines when `name` ends with `.jsonl`.
        name: the file's name, for errors.
    """
    try:
        return _read(text, name)
    except RecursionError:
        raise ScenarioError(f"{name} is nested too deeply, or holds itself.") from None


def _read(text: str, name: str) -> Scenario:
    if name.endswith(".jsonl"):
        return _Reader(name, lambda path: f"line {_line_of(path)}, ").scenario(_json_lines(text))
    try:
        value = json.loads(text)
    except ValueError:
        return _from_yaml(text, name)
    return _Reader(name, lambda _: "").scenario(value)


def _line_of(path: Sequence[str | int]) -> int:
    return int(path[1]) + 1 if len(path) > 1 else 1


def _json_lines(text: str) -> dict[str, Any]:
    turns = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            raise ScenarioError(f"line {number} is empty; each line holds one turn")
        try:
            turns.append(json.loads(line))
        except ValueError as exc:
            raise ScenarioError(f"line {number} is not JSON: {exc}") from None
    return {"turns": turns}


def _from_yaml(text: str, name: str) -> Scenario:
    try:
        import yaml  # an extra: JSON needs nothing
    except ImportError:
        raise ScenarioError(
            f"{name} is not JSON, and YAML cannot be read without PyYAML. "
            "Install it with: pip install 'rtclient[engine]'"
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ScenarioError(f"{name} is neither JSON nor YAML: {exc}") from None
    lines: dict[tuple[str | int, ...], int] = {}

    def walk(node: Any, path: tuple[str | int, ...]) -> None:
        lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                walk(child, (*path, key.value))
                lines[(*path, key.value)] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                walk(child, (*path, index))

    if root is not None:
        walk(root, ())

    def place(path: Sequence[str | int]) -> str:
        known = next(p for n in range(len(path), -1, -1) if (p := tuple(path[:n])) in lines)
        return f"line {lines[known]}, "

    return _Reader(name, place if lines else lambda _: "").scenario(value)


_Path = tuple[str | int, ...]
_TURN = ("hear", "hear_after_ms", "answer", "after_ms", "after_call", "faults")
_TOP = ("turns", "words", "sessions", "greeting", "default", "faults")


class _Reader:
    """Turns plain values into a scenario, and says where they are wrong."""

    def __init__(self, name: str, place: Callable[[_Path], str]) -> None:
        self._name = name
        self._place = place
        self._faults: list[PlannedFault] = []

    def scenario(self, value: Any) -> Scenario:
        top = self._object(value, (), _TOP)
        self._faults += self._list_of_faults(top.get("faults", []), ("faults",))
        script = self._script(top, (), None)
        scripts = []
        for index, one in enumerate(self._list(top.get("sessions", []), ("sessions",))):
            path: _Path = ("sessions", index)
            own = self._object(one, path, ("turns", "faults"))
            for fault in self._list_of_faults(own.get("faults", []), (*path, "faults")):
                self._faults.append(replace(fault, session=index + 1))
            turns = self._turns(own.get("turns", []), (*path, "turns"), index + 1)
            scripts.append(replace(script, turns=turns))
        return Scenario(script, tuple(scripts), tuple(self._faults))

    def _script(self, top: Mapping[str, Any], path: _Path, session: int | None) -> Script:
        words = []
        for index, one in enumerate(self._list(top.get("words", []), ("words",))):
            at: _Path = ("words", index)
            entry = self._object(one, at, ("match", "answer", "after_ms", "after_call"))
            if "match" not in entry or "answer" not in entry:
                raise self._error(at, "needs 'match' and 'answer'")
            turn = self._turn({k: v for k, v in entry.items() if k != "match"}, at)
            words.append(replace(turn, match=self._pattern(entry["match"], (*at, "match"))))
        default = self._object(
            top.get("default", {}), ("default",), tuple(k for k in _TURN if k != "faults")
        )
        return Script(
            turns=self._turns(top.get("turns", []), (*path, "turns"), session),
            words=tuple(words),
            greeting=(self._steps(top["greeting"], ("greeting",)) if "greeting" in top else None),
            default=self._turn(default, ("default",)),
        )

    def _turns(self, value: Any, path: _Path, session: int | None) -> tuple[Turn, ...]:
        turns = []
        for index, one in enumerate(self._list(value, path)):
            at: _Path = (*path, index)
            entry = self._object(one, at, _TURN)
            for fault in self._list_of_faults(entry.get("faults", []), (*at, "faults")):
                own = replace(fault, turn=index + 1)
                self._faults.append(own if session is None else replace(own, session=session))
            turns.append(self._turn(entry, at))
        return tuple(turns)

    def _turn(self, entry: Mapping[str, Any], at: _Path) -> Turn:
        def steps(key: str) -> tuple[Step, ...] | None:
            return self._steps(entry[key], (*at, key)) if key in entry else None

        def seconds(key: str) -> float:
            return self._seconds(entry.get(key, 0), (*at, key))

        return Turn(
            hear=self._hear(entry["hear"], (*at, "hear")) if "hear" in entry else None,
            hear_after_s=seconds("hear_after_ms"),
            answer=steps("answer"),
            after_s=seconds("after_ms"),
            after_call=steps("after_call"),
        )

    def _hear(self, value: Any, path: _Path) -> Heard | SenseError:
        if isinstance(value, str):
            return Heard(value, CERTAIN, is_certain=True)
        given = self._object(value, path, ("text", "confidence", "certain", "error"))
        if "error" in given:
            if len(given) > 1:
                raise self._error(path, "an 'error' stands alone")
            return SenseError(self._text(given["error"], (*path, "error")))
        certain = given.get("certain", True)
        if not isinstance(certain, bool):
            raise self._error((*path, "certain"), "is true or false")
        confidence = given.get("confidence", CERTAIN if certain else GUESS)
        if isinstance(confidence, bool) or not isinstance(confidence, int | float):
            raise self._error((*path, "confidence"), "is a number from 0.0 to 1.0")
        if not 0 <= confidence <= 1:
            raise self._error((*path, "confidence"), "is a number from 0.0 to 1.0")
        return Heard(self._text(given.get("text"), (*path, "text")), float(confidence), certain)

    def _steps(self, value: Any, path: _Path) -> tuple[Step, ...]:
        if isinstance(value, list):
            return tuple(self._step(one, (*path, n)) for n, one in enumerate(value))
        return (self._step(value, path),)

    def _step(self, value: Any, path: _Path) -> Step:
        if isinstance(value, str):
            return Say(value)
        known = ("say", "call", "arguments", "replay", "wait_ms", "error")
        given = self._object(value, path, known)
        verbs = [key for key in given if key != "arguments"]
        if len(verbs) != 1 or ("arguments" in given and verbs != ["call"]):
            raise self._error(
                path, f"is one step of {', '.join(verb for verb in known if verb != 'arguments')}"
            )
        verb = verbs[0]
        at: _Path = (*path, verb)
        match verb:
            case "say":
                return Say(self._text(given[verb], at))
            case "call":
                arguments = given.get("arguments", {})
                if not isinstance(arguments, dict | str):
                    raise self._error((*path, "arguments"), "is an object, or its JSON text")
                try:
                    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
                except TypeError:  # YAML knows more than JSON
                    what = "holds a date, or another value that JSON has not: put it in quotes"
                    raise self._error((*path, "arguments"), what) from None
                return Call(self._text(given[verb], at), text)
            case "wait_ms":
                return Pause(self._seconds(given[verb], at))
            case "error":
                return SenseError(self._text(given[verb], at))
        if given["replay"] is not True:
            raise self._error(at, "is true")
        return ReplayTurn()

    # ------------------------------------------------------------ plain values

    def _object(self, value: Any, path: _Path, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._error(path, f"is an object with {', '.join(known)}")
        for key in value:
            if key not in known:
                raise self._error((*path, str(key)), f"is unknown; known: {', '.join(known)}")
        return value

    def _list(self, value: Any, path: _Path) -> list[Any]:
        if not isinstance(value, list):
            raise self._error(path, "is a list")
        return value

    def _text(self, value: Any, path: _Path) -> str:
        if not isinstance(value, str):
            raise self._error(path, "is a text")
        return value

    def _seconds(self, value: Any, path: _Path) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= MAX_MS:
            raise self._error(path, f"is milliseconds, 0 to {MAX_MS}")
        return float(value) / 1000

    def _pattern(self, value: Any, path: _Path) -> re.Pattern[str]:
        try:
            return re.compile(self._text(value, path), re.IGNORECASE)
        except re.error as exc:
            raise self._error(path, f"is no regular expression: {exc}") from None

    def _list_of_faults(self, value: Any, path: _Path) -> list[PlannedFault]:
        faults = []
        for index, one in enumerate(self._list(value, path)):
            try:
                faults.append(parse(one))
            except FaultError as exc:
                raise self._error((*path, index), str(exc)) from None
        return faults

    def _error(self, path: _Path, what: str) -> ScenarioError:
        shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        subject = f"'{shown}'" if shown else "the scenario"
        return ScenarioError(f"{self._name}: {self._place(path)}{subject} {what}")
