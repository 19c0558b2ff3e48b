"""The Realtime protocol as values: no sockets, no clocks, no environment."""
