"""How one conversation goes on over many connections. Pure: no sockets, no clock, no tasks.

    keeper.py     `SessionKeeper`: what happened goes in, what is to be done comes out (read it
                  first)
    actions.py    what comes out, and what a program is told: `ClientState`, `Restoration`
    candidate.py  the connection that is to become the live one, until nothing is missing in it
    open_ends.py  what the program was told the beginning of, and not yet the end
    outbox.py     what the program sent and the server has not confirmed
    policy.py     `ReconnectPolicy`: when to dial again, and when to give up

What an item or a setting becomes in a new session is in `rtclient.protocol.restoring`, what is
known of the conversation in `rtclient.protocol.conversation`. The sockets and the clock are in
`rtclient.low_level_client`.
"""
