"""Read a Dockerfile and a .dockerignore, as values.

Rules of the file: pure; an instruction, option or form that is not known here raises
`DockerfileError` with the line, so that a step is never passed over in silence.

Source: https://docs.docker.com/reference/dockerfile/
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Instruction → the options that it may carry.
KNOWN: Mapping[str, frozenset[str]] = {
    "FROM": frozenset(),
    "ARG": frozenset(),
    "ENV": frozenset(),
    "WORKDIR": frozenset(),
    "COPY": frozenset({"from"}),
    "RUN": frozenset({"mount"}),
    "USER": frozenset(),
    "EXPOSE": frozenset(),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "retries"}),
    "CMD": frozenset(),
    "ENTRYPOINT": frozenset(),
}


class DockerfileError(ValueError):
    """The file holds something that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `text` is what follows its options, `words` is set for the JSON form."""

    name: str
    text: str
    line: int
    options: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] | None = None

    def command(self) -> list[str]:
        """Return the program and its arguments; the shell form goes through /bin/sh."""
        return ["/bin/sh", "-c", self.text] if self.words is None else list(self.words)


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM with what follows it."""

    name: str
    base: str
    steps: tuple[Instruction, ...]


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Join continued lines and drop comments; each with the number of its first line."""
    lines: list[tuple[int, str]] = []
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not held):
            continue
        start = start if held else number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1]
            continue
        lines.append((start, (held + line).strip()))
        held = ""
    if held:
        raise DockerfileError(f"line {start}: the last line ends with a backslash")
    return lines


def parse(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile in order."""
    return [_instruction(number, line) for number, line in _logical_lines(text)]


def _instruction(number: int, line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    name, rest = name.upper(), rest.strip()
    if name not in KNOWN:
        raise DockerfileError(f"line {number}: the instruction {name} is not known")
    options: dict[str, str] = {}
    while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        option, value = match.groups()
        if option not in KNOWN[name] or option in options:
            raise DockerfileError(f"line {number}: {name} --{option} is not known here")
        options[option] = value
        rest = rest[match.end() :]
    if name == "HEALTHCHECK":
        if not rest.startswith("CMD "):
            raise DockerfileError(f"line {number}: only HEALTHCHECK … CMD is known")
        rest = rest[4:].strip()
    words: tuple[str, ...] | None = None
    if rest.startswith("[") and name in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "COPY"}:
        try:
            words = tuple(str(word) for word in json.loads(rest))
        except ValueError as exc:
            raise DockerfileError(f"line {number}: {name} has a list that is not JSON") from exc
    if not rest:
        raise DockerfileError(f"line {number}: {name} says nothing")
    return Instruction(name, rest, number, options, words)


def stages(instructions: list[Instruction]) -> list[Stage]:
    """Group instructions by FROM. A stage without a name is called by its number."""
    found: list[tuple[str, str, list[Instruction]]] = []
    for step in instructions:
        if step.name == "FROM":
            match = re.fullmatch(r"(\S+)(?:\s+AS\s+(\S+))?", step.text, re.IGNORECASE)
            if match is None:
                raise DockerfileError(f"line {step.line}: this FROM is not known")
            found.append((match[2] or str(len(found)), match[1], []))
        elif not found:
            raise DockerfileError(f"line {step.line}: {step.name} before any FROM")
        else:
            found[-1][2].append(step)
    if not found:
        raise DockerfileError("there is no FROM")
    return [Stage(name, base, tuple(steps)) for name, base, steps in found]


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put `$NAME` and `${NAME}` in; an unknown name becomes nothing, as in Docker."""
    return re.sub(
        r"\$(?:(\w+)|\{(\w+)\})", lambda match: variables.get(match[1] or match[2], ""), text
    )


def pairs(text: str) -> dict[str, str]:
    """Split `A=1 B="two words"` of an ENV."""
    found = re.findall(r'(\w+)=("(?:[^"])*"|\S*)', text)
    return {name: value.strip('"') for name, value in found}


def _pattern(glob: str) -> re.Pattern[str]:
    out = ""
    index = 0
    while index < len(glob):
        if glob.startswith("**/", index):
            out, index = out + "(?:.*/)?", index + 3
        elif glob.startswith("**", index):
            out, index = out + ".*", index + 2
        else:
            char = glob[index]
            out += "[^/]*" if char == "*" else "[^/]" if char == "?" else re.escape(char)
            index += 1
    return re.compile(out + "(?:/.*)?")


class Ignore:
    """The rules of a .dockerignore: the last one that fits a path decides."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines())
        self._rules = [
            (_pattern(line.removeprefix("!").strip("/")), line.startswith("!"))
            for line in lines
            if line and not line.startswith("#")
        ]

    def excludes(self, path: str) -> bool:
        """Say whether `path` (relative, with slashes) stays out of the build."""
        excluded = False
        for pattern, readmits in self._rules:
            if pattern.fullmatch(path):
                excluded = not readmits
        return excluded
