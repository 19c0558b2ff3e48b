"""The options of a command from a profile file: `--profile FILE`, YAML or TOML. Pure.

A line is an option's long name without the dashes: `silence-ms: 700`. What stands on the command
line wins over the profile, the profile over the environment.
"""

import argparse
import difflib
from collections.abc import Collection, Mapping
from typing import Any

_OF_THE_LINE_ONLY = frozenset({"help", "version", "profile"})


def names(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the options that a profile may set, by the name that they have there."""
    return {
        option.removeprefix("--"): action
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and action.dest not in _OF_THE_LINE_ONLY
    }


def defaults(
    profile: Mapping[str, Any],
    parser: argparse.ArgumentParser,
    of_other_commands: Collection[str] = (),
) -> dict[str, Any]:
    """Return what a profile sets, for `parser.set_defaults`.

    Args:
        profile: Name → value as the file has them.
        parser: That of the command.
        of_other_commands: Names that are passed over, because another command has them.

    Raises:
        ValueError: A name or a value is wrong; the text has all faults, one per line. It repeats
            no value: it may be a key in the wrong place.
    """
    known = names(parser)
    found: dict[str, Any] = {}
    faults = []
    for written, value in profile.items():
        name = written.replace("_", "-")
        action = known.get(name)
        try:
            if action is not None:
                found[action.dest] = _value(action, value)
            elif name not in of_other_commands:
                faults.append(_unknown(name, [*known, *of_other_commands]))
        except (ValueError, TypeError, argparse.ArgumentTypeError):
            faults.append(f"{name} must be {_wanted(known[name])}.")
    if faults:
        raise ValueError("\n".join(faults))
    return found


def _value(action: argparse.Action, value: Any) -> Any:
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise ValueError
        return action.const if value else action.default
    if isinstance(value, Mapping | list) or value is None:
        raise ValueError
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    converted = action.type(text) if callable(action.type) else text
    if action.choices is not None and converted not in action.choices:
        raise ValueError
    return converted


def _wanted(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "true or false"
    if action.choices is not None:
        return "one of " + ", ".join(map(str, action.choices))
    if action.type in (int, float):
        return "a number"
    return "a value as the command line has it: see --help"


def _unknown(name: str, known: Collection[str]) -> str:
    if name.lower().endswith(("key", "token")):
        return f"{name} does not belong into a profile: keys stand in .env or the environment."
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{name} is no option.{hint}"
