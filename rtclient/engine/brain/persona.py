"""What to answer: one pure function from a prompt to thoughts.

In order: an exact order of the instructions; the output of a tool; a greeting to an empty
conversation; silence; an image; which of two numbers was meant; nothing heard; instant replay; a
guess, which asks; tools; echo; a wish; and when all that has no answer, what one can say.

Rules of the file:
- pure: time and chance are passed in;
- a call is only ever made from typed words, from a certain hearing, or from a guess that the
  person has confirmed; an uncertain hearing asks, whatever `tool_choice` says.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from rtclient.engine.brain import arguments, tools
from rtclient.engine.brain.answers import (
    ANSWERS,
    NAME,
    Situation,
    greeting,
    replayed,
    suggestions,
    words_of,
)
from rtclient.engine.brain.orders import Orders, orders_in
from rtclient.engine.brain.steps import known_from, steps_in
from rtclient.engine.brain.telling import told
from rtclient.engine.brain.wishes import Wish, plain, wish_in
from rtclient.engine.senses import Call, Prompt, Remember, Say, Thought

_STILL_THERE = (
    "Are you still there?",
    "I am still here. Is there anything that I can do? Try {try_}.",
    "Take your time. I am listening.",
)
_ENDS_A_MODE = frozenset({"stop", "echo off", "replay off", "echo", "replay", "help", "bye"})


def reply(prompt: Prompt, *, now: datetime, chance: random.Random) -> list[Thought]:
    """Return the answer to a prompt. `now`: local time; `chance`: for coins and dice."""
    orders = _orders(prompt)
    situation = Situation(now, chance, prompt.memory, prompt.items, name=orders.name or NAME)
    newest = _newest(prompt.items)
    forced = _forced_tool(prompt)
    if newest is None:
        if orders.exactly:
            return [Say(orders.exactly)]
        return [Say(orders.greeting or greeting(situation.name))]
    if newest["type"] == "function_call_output":
        return [Say(orders.exactly)] if orders.exactly else _to_outputs(situation, prompt)
    if orders.exactly and forced is None:
        return [Say(orders.exactly)]
    if prompt.is_idle:
        return _to_silence(situation)
    if newest.get("role") != "user":
        return [Say(orders.greeting or greeting(situation.name))]
    if orders.greets and not _has_answered(prompt.items):
        return [Say(orders.greeting or greeting(situation.name))]
    text = words_of(newest)
    if not text and _has_image(newest):
        return [Say("I got your image, but I cannot see. Tell me about it in words.")]
    if _is_spoken(newest) and not (prompt.heard and prompt.heard.is_certain):
        return _to_guess(text, newest, situation, prompt)
    return _to_words(text, newest, situation, prompt, forced)


def _to_guess(text: str, item: Mapping[str, Any], at: Situation, prompt: Prompt) -> list[Thought]:
    """Answer to speech that nobody is sure of: never do, ask."""
    mode = at.memory.get("mode")
    if mode == "replay" and item.get("id"):
        return replayed(str(item["id"]))
    if not text:
        return [Say(f"Sorry, I did not catch that. Try {suggestions(at)}.")]
    if mode == "echo":
        return [Say(f"I think I heard: {text}")]
    if prompt.heard and prompt.heard.rival:
        return _which(text, prompt.heard.rival, at)
    can_do = wish_in(text) or tools.chosen(prompt.tools, text) or at.memory.get("open_call")
    quoted = f"I think I heard: “{text.rstrip('.?!')}”."
    if can_do:
        return [Remember({"guess": text}), Say(f"{quoted} Is that right? Say: yes please.")]
    return [
        Remember({"guess": None}),
        Say(f"{quoted} I am only sure of my phrases. Try {suggestions(at)}."),
    ]


def _which(text: str, rival: str, at: Situation) -> list[Thought]:
    """Ask which of two readings that sound alike was meant; asked that before, ask it again."""
    choice = [text, rival]
    asked = at.memory.get("choice")
    if asked and set(_difference(*asked)) == set(_difference(text, rival)):
        choice = list(asked)
    first, second = _difference(*choice)
    return [
        Remember({"choice": choice}),
        Say(f"Did you say {first} or {second}? Say: the first one. Or: the second one."),
    ]


def _chosen(choice: Sequence[str], text: str) -> str:
    """Return which of two readings the words choose, "" when neither or both."""
    words = set(plain(text).split())
    pairs = zip(choice, ("first", "second"), _difference(*choice), strict=True)
    meant = [reading for reading, place, word in pairs if words & {place, word.lower()}]
    return meant[0] if len(meant) == 1 else ""


def _difference(first: str, second: str) -> tuple[str, str]:
    """Return the word in which two readings differ, of each of them."""
    pairs = zip(first.strip("?.!").split(), second.strip("?.!").split(), strict=False)
    differing = next(((a, b) for a, b in pairs if a != b), (first, second))
    return differing[0].lower(), differing[1].lower()


def _to_silence(at: Situation) -> list[Thought]:
    """Answer to nobody speaking for a while."""
    asked = int(at.memory.get("idle", 0))
    text = _STILL_THERE[min(asked, len(_STILL_THERE) - 1)]
    return [Remember({"idle": asked + 1}), Say(text.format(try_=suggestions(at)))]


def _to_outputs(at: Situation, prompt: Prompt) -> list[Thought]:
    """Answer to tools that returned: make the next step of what was asked for, else tell."""
    output = _outputs(prompt.items)
    rest = at.memory.get("rest")
    if not isinstance(rest, list) or not rest or prompt.tool_choice == "none":
        return [Say(told(output))]
    name, words = rest[0]
    tool = tools.named(prompt.tools, str(name))
    if tool is None:
        return [Remember({"rest": None}), Say(told(output))]
    filled = arguments.fill(tool, str(words), at.now.date())
    known = {n: v for n, v in known_from(output).items() if n in filled.missing}
    missing = tuple(n for n in filled.missing if n not in known)
    filling = arguments.Filling({**filled.arguments, **known}, missing)
    left = [] if missing else rest[1:]
    before: list[Thought] = [Remember({"rest": left or None})]
    if missing:
        before.append(Say(told(output)))
    return [*before, *_call_or_ask(tool, filling, has_open=False)]


def _to_words(
    text: str, item: Mapping[str, Any], at: Situation, prompt: Prompt, forced: arguments.Tool | None
) -> list[Thought]:
    """Answer to typed words, or to a phrase that was heard for certain."""
    wish = wish_in(text)
    before: list[Thought] = []
    if at.memory.get("rest"):
        before = [Remember({"rest": None})]
    if guess := at.memory.get("guess"):
        before.append(Remember({"guess": None}))
        if wish and wish.name == "yes":
            text, wish = str(guess), wish_in(str(guess))
        elif wish and wish.name == "no":
            return [*before, Say(f"Sorry. Then try {suggestions(at)}.")]
    if choice := at.memory.get("choice"):
        before.append(Remember({"choice": None}))
        if chosen := _chosen(choice, text):
            text, wish = chosen, wish_in(chosen)
    mode = at.memory.get("mode")
    ends_mode = wish is not None and wish.name in _ENDS_A_MODE
    if mode == "replay" and _is_spoken(item) and not ends_mode and item.get("id"):
        return [*before, *replayed(str(item["id"]))]
    if mode == "echo" and not ends_mode:
        return [*before, Say(text)]
    if call := _called(text, wish, at, prompt, forced):
        return [*before, *call]
    if wish is not None:
        return [*before, *ANSWERS[wish.name](wish, at)]
    return [*before, Say(_lost(at))]


def _called(
    text: str, wish: Wish | None, at: Situation, prompt: Prompt, forced: arguments.Tool | None
) -> list[Thought]:
    """Return a call, a question for a missing argument, or nothing."""
    today = at.now.date()
    open_call = at.memory.get("open_call")
    if isinstance(open_call, Mapping) and forced is None:
        tool = tools.named(prompt.tools, str(open_call.get("name")))
        closed = Remember({"open_call": None})
        if tool is None or (wish and wish.name in ("no", "stop")):
            return [closed, Say("All right, I leave it.")] if tool else []
        filled = arguments.fill(tool, text, today, asked=str(open_call.get("asked")))
        known = {**open_call.get("arguments", {}), **filled.arguments}
        missing = tuple(n for n in arguments.required_of(tool) if n not in known)
        if str(open_call.get("asked")) not in missing:
            return _call_or_ask(tool, arguments.Filling(known, missing), has_open=True)
        if wish is None:
            return [closed, Say("I did not get that, so I leave it. Ask me again.")]
        return [closed, *ANSWERS[wish.name](wish, at)]
    if forced is not None:
        filling = arguments.fill(forced, text, today)
        best = arguments.forced(forced, filling, text)
        return [Call(str(forced["name"]), tools.as_json(best))]
    if prompt.tool_choice == "none":
        return []
    steps = steps_in(prompt.tools, text)
    if not steps:
        return []
    plans = [(tool, words, arguments.fill(tool, words, today)) for tool, words in steps]
    first, _, filling = plans[0]
    if filling.missing or len(plans) == 1:
        return _call_or_ask(first, filling, has_open=False)
    most = 1 if prompt.parallel_tool_calls is False else len(plans)
    # What a step lacks may come with the output of the one before it, so it waits for that.
    ready = list(takewhile(lambda step: not step[2].missing, plans[:most]))
    calls: list[Thought] = [
        Call(str(tool["name"]), tools.as_json(each.arguments)) for tool, _, each in ready
    ]
    rest = [[str(tool["name"]), words] for tool, words, _ in plans[len(ready) :]]
    return [Remember({"rest": rest}), *calls] if rest else calls


def _call_or_ask(
    tool: arguments.Tool, filling: arguments.Filling, *, has_open: bool
) -> list[Thought]:
    name = str(tool["name"])
    if not filling.missing:
        closed: list[Thought] = [Remember({"open_call": None})] if has_open else []
        return [*closed, Call(name, tools.as_json(filling.arguments))]
    asked = filling.missing[0]
    open_call = {"name": name, "arguments": filling.arguments, "asked": asked}
    return [Remember({"open_call": open_call}), Say(tools.question(tool, asked))]


def _orders(prompt: Prompt) -> Orders:
    """Return the orders of the instructions and of system messages; the newest one counts.

    What a system message says to say is said once; a name stays.
    """
    orders = orders_in(prompt.instructions)
    for at, item in enumerate(prompt.items):
        if item.get("role") == "system":
            newer = orders_in(words_of(item))
            is_open = not _has_answered(prompt.items[at:])
            orders = Orders(
                exactly=(newer.exactly if is_open else "") or orders.exactly,
                greeting=newer.greeting or orders.greeting,
                greets=(newer.greets and is_open) or orders.greets,
                name=newer.name or orders.name,
            )
    return orders


def _forced_tool(prompt: Prompt) -> arguments.Tool | None:
    """Return the tool that `tool_choice` demands, by name or the one that fits best."""
    choice = prompt.tool_choice
    if isinstance(choice, Mapping):
        return tools.named(prompt.tools, str(choice.get("name")))
    if choice != "required" or not prompt.tools:
        return None
    newest = _newest(prompt.items)
    text = words_of(newest) if newest and newest["type"] == "message" else ""
    return tools.chosen(prompt.tools, text) or prompt.tools[0]


def _newest(items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the newest item that can be answered; system messages are not."""
    for item in items[::-1]:
        kind, role = item.get("type"), item.get("role")
        if kind == "function_call_output" or (kind == "message" and role != "system"):
            return item
    return None


def _outputs(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the newest outputs: of several calls made together, all of them as a JSON list."""
    outputs: list[str] = []
    for item in reversed(items):
        if item.get("type") == "function_call_output":
            outputs.append(str(item.get("output", "")))
        elif item.get("type") != "function_call":
            break
    if len(outputs) == 1:
        return outputs[0]
    return " ".join(told(output) for output in reversed(outputs))


def _has_answered(items: Sequence[Mapping[str, Any]]) -> bool:
    return any(item.get("role") == "assistant" for item in items)


def _is_spoken(item: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "input_audio" for part in item.get("content") or ())


def _has_image(item: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "input_image" for part in item.get("content") or ())


def _lost(at: Situation) -> str:
    return (
        "That is beyond me: I answer by rules, without a model. I can tell the time, do sums, "
        f"count, spell and entertain. Try {suggestions(at)}."
    )
