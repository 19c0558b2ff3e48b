"""What bench/recognition.py speaks besides phrases: likely words, letters, digits, numbers.

Rules of the file: none of its names, words and sentences was spoken while a parameter was chosen;
when one was, they are replaced. The teens and tens themselves cannot be.
"""

from collections.abc import Iterator
from typing import Final

from rtclient.engine.hints import hints_of

OFF_LIST: Final = "off the list, hints"

_ENUMS = {
    "drink": ["espresso", "milkshake", "apple juice"],
    "size": ["medium", "tiny"],
    "room": ["office", "garden", "dining_room"],
    "color": ["orange", "purple"],
    "contact": ["Rebecca", "Thomas", "Olivia"],
    "city": ["Madrid", "Boston", "Sydney"],
}
SESSION: Final = {
    "instructions": "You are the host of the Silver Star. Our manager is called Edward.",
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
    "Call Rebecca", "Call Olivia please", "My name is Thomas", "This is Edward",
    "What is the weather in Madrid", "How is the weather in Sydney",
    "What is the weather in Boston", "I would like an espresso", "I would like a medium milkshake",
    "I want the apple juice",
    "Turn on the light in the office", "Set the light to purple", "Make it orange",
    "Send a message to Olivia", "Tell me about the Silver Star", "From Madrid to Boston",
    "Order a tiny espresso", "Turn off the garden light", "The dining room please",
    "Milkshake please",
)  # fmt: skip
_NAMES = ("emma", "jack", "nora", "felix", "clara", "george", "ivy", "hugo")
_DIGITS = ("7312", "60614", "8849021", "3057716", "5129940", "2065550187")
_LARGE = (
    ("340", "three hundred and forty"), ("915", "nine hundred and fifteen"),
    ("8,000", "eight thousand"), ("15,200", "fifteen thousand two hundred"),
    ("72,000", "seventy two thousand"), ("34,560", "thirty four thousand five hundred and sixty"),
)  # fmt: skip
_FRAMES = ("Count to {}", "What is {} plus one?", "What is seven times {}?")
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
