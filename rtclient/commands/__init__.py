"""The commands of `rtclient`: one module each, and what they have in common."""
