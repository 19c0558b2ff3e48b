"""`rtclient talk`: a conversation in the terminal, by sound card, by files or by pipes."""
