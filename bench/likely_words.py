"""What bench/recognition.py speaks besides phrases: likely words, letters, digits, numbers.

Rules of the file: none of it was spoken while a parameter was chosen.
"""

from collections.abc import Iterator
from typing import Final

from rtclient.engine.hints import hints_of

OFF_LIST: Final = "off the list, hints"

_ENUMS = {
    "drink": ["cappuccino", "lemonade", "orange juice"],
    "size": ["small", "large"],
    "room": ["kitchen", "bedroom", "living_room"],
    "color": ["yellow", "green"],
    "contact": ["Margaret", "Daniel", "Sophie"],
    "city": ["Lisbon", "Chicago", "Vienna"],
}
SESSION: Final = {
    "instructions": "You are the host of the Golden Lion. Our manager is called Walter.",
    "tools": [
        {"type": "function", "name": name, "description": "", "parameters": {
            "type": "object",
            "properties": {key: {"type": "string", "enum": _ENUMS[key]} for key in keys.split()},
        }}
        for name, keys in (
            ("get_weather", "city"), ("call_contact", "contact"), ("order_drink", "drink size"),
            ("set_light", "room color"),
        )
    ],
}  # fmt: skip
"""A session as a developer would set it up."""
HINTS: Final = hints_of(SESSION)

_LIKELY = (
    "Call Margaret", "Call Sophie please", "My name is Daniel", "This is Walter",
    "What is the weather in Lisbon", "How is the weather in Vienna",
    "What is the weather in Chicago", "I would like a cappuccino", "I would like a large lemonade",
    "I want the orange juice",
    "Turn on the light in the kitchen", "Set the light to green", "Make it yellow",
    "Send a message to Sophie", "Tell me about the Golden Lion", "From Lisbon to Chicago",
    "Order a small cappuccino", "Turn off the bedroom light", "The living room please",
    "Lemonade please",
)  # fmt: skip
_NAMES = ("sam", "lucy", "oscar", "peter", "maria", "henry", "zoe", "frank")
_DIGITS = ("4155", "90210", "5550123", "2068831", "7204419", "3128675309")
_LARGE = (
    ("250", "two hundred and fifty"), ("708", "seven hundred and eight"),
    ("3,000", "three thousand"), ("12,500", "twelve thousand five hundred"),
    ("47,000", "forty seven thousand"), ("61,120", "sixty one thousand one hundred and twenty"),
)  # fmt: skip
_FRAMES = ("Count to {}", "What is {} minus two?", "The number is {}")
_ALIKE = (
    "thirteen thirty fourteen forty fifteen fifty sixteen sixty seventeen seventy eighteen eighty "
    "nineteen ninety"
).split()
_SPOKEN_DIGITS = "zero one two three four five six seven eight nine".split()


def sections() -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, str]]]]:
    """Yield (kind, hints, [(right text, what flite is given)])."""
    likely = [(text, text) for text in _LIKELY]
    yield "likely words, hints", HINTS, likely
    yield "likely words, no hints", (), likely
    yield (
        "spelled names",
        (),
        [(f"My name is spelled {_letters(n)}", f"My name is spelled {_said(n)}") for n in _NAMES],
    )
    digits = [(n, " ".join(_SPOKEN_DIGITS[int(figure)] for figure in n)) for n in _DIGITS]
    yield "digits", (), [(f"My number is {n}", f"My number is {said}") for n, said in digits]
    yield "large numbers", (), [(f"It is {n}", f"It is {said}") for n, said in _LARGE]
    alike = [frame.format(number) for number in _ALIKE for frame in _FRAMES]
    yield "numbers alike", (), [(text, text) for text in alike]


def _letters(name: str) -> str:
    return "-".join(name.upper())


def _said(name: str) -> str:
    """Return letters for flite, which reads a single "a" as the article."""
    return ", ".join("ay" if letter == "a" else letter for letter in name)
