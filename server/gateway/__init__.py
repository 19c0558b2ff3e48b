"""The gateway: a simple protocol at `/realtime` in front of the Realtime API.

- `messages`: every message, both ways; the JSON Schema is made from it
- `reading`: what a client wrote → a message, other spellings included
- `session`: the options → a session of the API, and what cannot be had
- `setup`: which service answers, and updates on their way
- `speech`: captions, and what was heard when somebody interrupts
- `conversation`: turns, answers, calls, and who is silenced
- `faults`: the error codes
- `core`: the layer that puts them together
- `catalog`, `schema`: what there is to read about it

All of it is pure. The face is `server/routes/gateway.py`; the page is docs/gateway.md.
"""
