"""Words of the phrases' slots: numbers as they are said, and words that can be spelled."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"

UNITS: tuple[str, ...] = tuple(_UNITS.split())
TENS: tuple[str, ...] = tuple(_TENS.split())

NUMBER_WORDS: tuple[str, ...] = (
    *UNITS,
    *TENS,
    *(f"{ten} {unit}" for ten in TENS for unit in UNITS[1:10]),
    "one hundred",
    "a hundred",
)
"""Every number that a spoken phrase may hold: 0 to 100."""

_SPELLABLE = (
    "apple banana orange elephant giraffe penguin butterfly dinosaur rabbit tiger monkey "
    "computer keyboard telephone rainbow mountain island ocean river garden flower chocolate "
    "umbrella guitar piano orchestra library hospital university airplane bicycle rocket planet "
    "universe rhythm necessary beautiful wonderful knowledge wednesday february mississippi "
    "restaurant dictionary psychology"
)
SPELLABLE: tuple[str, ...] = tuple(_SPELLABLE.split())
"""Words that the phrase "spell …" understands when it is spoken; typed, any word is spelled."""
