"""The embedded engine: a strict Realtime server that hears and speaks, with no account."""
