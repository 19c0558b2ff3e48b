"""The embedded engine: a strict Realtime server that hears and speaks without account or network."""
