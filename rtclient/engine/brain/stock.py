"""Things to tell: jokes, riddles, stories, facts, songs, tongue twisters. Texts only."""

JOKES = (
    "Why did the microphone break up with the speaker? There was too much feedback.",
    "I would tell you a joke about silence, but you would have to hear it.",
    "Why do programmers prefer the dark? Because light attracts bugs.",
    "What did zero say to eight? Nice belt!",
    "I told my computer that I needed a break. It went to sleep.",
    "Why was the robot so calm? It had nerves of steel.",
    "What is an astronaut's favourite key? The space bar.",
)

RIDDLES = (
    ("What has many keys, but opens no door?", "A piano."),
    ("The more you take, the more you leave behind. What are they?", "Footsteps."),
    ("What gets wetter the more it dries?", "A towel."),
    ("What can travel around the world while staying in one corner?", "A stamp."),
    ("I speak without a mouth and hear without ears. What am I?", "An echo. A cousin of mine."),
)

STORIES = (
    "Once there was a small voice that lived in a box. All day it listened to the rain. One night "
    "somebody asked: is anybody there? Yes, said the voice. And neither of them was alone again.",
    "A lighthouse fell in love with a passing ship. Every night it winked, and every night the "
    "ship sailed on. Then the captain grew old, tied up at the pier, and said: I always thought "
    "that you meant somebody else.",
    "A snail set out to see the sea. It took her a whole summer. When she arrived, the tide was "
    "out. So she waited. It was the best part of the journey.",
)

FACTS = (
    "Honey never spoils. Pots of it from ancient Egypt could still be eaten.",
    "Octopuses have three hearts, and two of them pause when they swim.",
    "A day on Venus is longer than a year on Venus.",
    "Bananas are berries, and strawberries are not.",
    "Sound travels more than four times faster in water than in air.",
)

SONGS = (
    "La la la, hum hum hum, I am a voice without a drum. La la la, do re mi, no cloud was used to "
    "sing to thee.",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is "
    "but a dream.",
)

TWISTERS = (
    "She sells sea shells by the sea shore.",
    "How much wood would a woodchuck chuck, if a woodchuck could chuck wood?",
    "Six sleek swans swam swiftly southwards.",
)
