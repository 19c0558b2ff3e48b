"""Profiles of hypothesis: the default one for every run, `fuzz` for `./test.sh fuzz`."""

from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.load_profile("default")
