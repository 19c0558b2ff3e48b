"""The Realtime protocol without a network: values in, values out, standard library only.

- `events`: the names and shapes of all events
- `codec`: text to event and back; the one strict parser
- `session`: the session's defaults and what a `session.update` makes of it
- `audio`: formats, and the arithmetic of bytes and milliseconds
- `answering`: which event of the server answers which event of the client
- `turns`: what was heard when somebody interrupts
- `conversation`: a mirror of a session; made of `items`, `responses`, `usage`, `created_items` and
  `sound_lengths`; `reading` reads values that may be anything
- `dialects`, `bridge`, `old_clients`: what becomes of all this for peers that speak preview

Nothing here opens a socket, reads a clock, makes an id, or logs. Where nothing else is said, the
dialect is GA, the one that OpenAI and Azure OpenAI speak under `/v1/realtime`.
"""
