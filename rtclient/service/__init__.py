"""Which voice service, and how to reach it: from what people set to an address that is dialled.

- `settings`: which service the settings choose, its address, and what is missing (pure)
- `opening`: from settings to something to dial: an address, a token, an engine of one's own
- `entra`: tokens of Microsoft Entra ID
- `causes`: why a service cannot be used, in words (pure)
- `probe`: one look at the way to a service, step by step
- `retirements`: models that end, and what to set instead (pure)
- `config_files`: settings in YAML and TOML

The environment is read in `rtclient.environment`.
"""
