"""Models behind OpenAI-compatible HTTP servers, as senses of the engine.

`LOCAL_STT_URL`, `LOCAL_CHAT_URL` and `LOCAL_TTS_URL` each replace one sense by a server of the
user's own; with all three the engine is a Realtime server for these models. Voice activity, the
protocol, pacing, truncation and barge-in stay the engine's.

    plugging.py    puts the servers in the place of senses
    settings.py    what the variables say: a value, or the faults in them
    client.py      HTTP to one server: keys, limits, patience, and faults as sentences
    trouble.py     those sentences
    ears.py        a turn → POST /audio/transcriptions
    brain.py       a prompt → POST /chat/completions, streamed
    messages.py    conversation items → chat messages
    completion.py  streamed chunks → sentences and function calls
    voice.py       a sentence → POST /audio/speech, streamed
    sound.py       the bytes of that answer → pcm16 at 24 kHz

Whatever was asked is cancelled by closing its HTTP stream.
"""
