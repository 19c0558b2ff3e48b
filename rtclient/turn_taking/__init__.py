"""What makes a conversation of events: the methods of `RTClient` beyond Microsoft's.

client.py          `TurnTaking`, the methods: say, ask, interrupt, push_to_talk, cost
registering.py     `Registering`, below it: on, tool
callbacks.py       `on`: who is told what
answers.py         `say`, `ask`: an answer over all the responses that it takes
interruption.py    `interrupt`: what was not heard is cut off; pure
push_to_talk.py    `push_to_talk`: a turn as long as a key is held
"""
