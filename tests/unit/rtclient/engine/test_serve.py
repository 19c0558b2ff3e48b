"""Ids of the engine's server."""

from rtclient.engine.serve import new_id


def test_ids_look_like_the_real_ones() -> None:
    made = {new_id("item") for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith("item_") and len(one) == 26 for one in made)
