"""The embedded Realtime server, with senses of its own; it speaks GA, and preview at its own path.

Emulated, as strict as the real service: sessions and their updates, conversations and transcription
sessions, typed and spoken turns, `server_vad`, `semantic_vad`, push to talk and idle timeouts,
input transcription, text and audio responses, functions, barge-in, cancel, truncate, retrieve,
delete, out-of-band responses, usage, token limits, errors, expiry. Images are taken and not looked
at by the built-in brain.

Not emulated, and refused with `invalid_value`: MCP, stored prompts, custom voices, SIP and WebRTC
events.

How it hangs together: `core.Session` decides (values in, actions out), `serve` carries actions to
the senses of `senses.Senses` and to the client; `preview` stands between for preview clients.
`defaults` gathers the real senses, `scripted` those of tests. Run it with
`python -m rtclient.engine` or `rtclient engine`.
"""
