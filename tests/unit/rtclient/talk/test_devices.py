import pytest

from rtclient.talk.devices import DeviceError, choose, listing


def test_the_list_has_both_kinds():
    lines = listing().splitlines()
    assert lines[0] == "Microphones"
    assert "Loudspeakers" in lines


@pytest.mark.parametrize("kind", ["input", "output"])
@pytest.mark.parametrize("wanted", ["no such device", "9999"])
def test_a_device_that_is_not_there_is_told_with_what_to_do(kind, wanted):
    with pytest.raises(DeviceError, match=f"--{kind}-device") as caught:
        choose(kind, wanted)
    assert caught.value.advice.code == f"no_{kind}_device"
