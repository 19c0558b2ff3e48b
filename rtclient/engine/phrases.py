"""What the embedded engine understands when it is spoken: the phrases of its persona.

Rules of the file:
- pure and light: data and small functions, no heavy import; the page's server reads it too;
- `<number>`, `<small>` and `<word>` in a pattern are slots, spoken as the words of `SLOTS`;
- every word must be in the pronouncing dictionary of the recogniser (a test checks it).
"""

from rtclient.engine.words import NUMBER_WORDS, SPELLABLE

PATTERNS: tuple[tuple[str, str], ...] = (
    # (as the page shows it, as it may be spoken). The first six are the ones one can tap.
    ("What time is it?", "what time is it"),
    ("Tell me a joke", "tell me a joke"),
    ("Flip a coin", "flip a coin"),
    ("Count to ten", "count to <number>"),
    ("What can you do?", "what can you do"),
    ("Instant replay", "instant replay"),
    ("What day is it today?", "what day is it today"),
    ("What is the date today?", "what is the date today"),
    ("What year is it?", "what year is it"),
    ("What is seven plus five?", "what is <number> plus <number>"),
    ("What is twenty minus eight?", "what is <number> minus <number>"),
    ("What is six times nine?", "what is <number> times <number>"),
    ("What is ninety divided by three?", "what is <number> divided by <number>"),
    ("Count down from five", "count down from <number>"),
    ("Spell elephant", "spell <word>"),
    ("Roll a die", "roll a die"),
    ("Pick a random number", "pick a random number"),
    ("Tell me a story", "tell me a story"),
    ("Tell me a riddle", "tell me a riddle"),
    ("What is the answer?", "what is the answer"),
    ("Tell me a fun fact", "tell me a fun fact"),
    ("Sing me a song", "sing me a song"),
    ("Say a tongue twister", "say a tongue twister"),
    ("Hello there", "hello there"),
    ("Good morning", "good morning"),
    ("How are you today?", "how are you today"),
    ("What is your name?", "what is your name"),
    ("Are you a real person?", "are you a real person"),
    ("Say that again please", "say that again please"),
    ("What did I say?", "what did i say"),
    ("Speak louder please", "speak louder please"),
    ("Speak more quietly", "speak more quietly"),
    ("Speak slower please", "speak slower please"),
    ("Speak faster please", "speak faster please"),
    ("Speak normally again", "speak normally again"),
    ("Change your voice", "change your voice"),
    ("Turn on echo mode", "turn on echo mode"),
    ("Help me please", "help me please"),
    ("Please stop talking", "please stop talking"),
    ("Thank you very much", "thank you very much"),
    ("See you later, goodbye", "see you later goodbye"),
)

ALSO: tuple[str, ...] = (
    # Understood as well, not shown: the same wishes in other words.
    "what is the time",
    "what is today",
    "tell me another joke",
    "toss a coin",
    "roll the dice",
    "tell me another story",
    "say that again",
    "repeat that please",
    "speak louder",
    "speak quietly",
    "speak slower",
    "speak faster",
    "speak normally",
    "use another voice",
    "echo mode",
    "turn off echo mode",
    "turn on instant replay",
    "turn off instant replay",
    "stop talking",
    "help me",
    "thank you",
    "how are you",
    "who are you",
    "good afternoon",
    "good evening",
    "good night",
    "yes please",
    "no thank you",
    "goodbye",
    "what is <number> and <number>",
)

PHRASES: tuple[str, ...] = tuple(shown for shown, _ in PATTERNS)
TAPPABLE: tuple[str, ...] = PHRASES[:6]

SLOTS: dict[str, tuple[str, ...]] = {"<number>": NUMBER_WORDS, "<word>": SPELLABLE}
