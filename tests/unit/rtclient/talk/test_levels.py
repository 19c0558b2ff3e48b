from array import array

import pytest

from rtclient.talk.levels import SILENCE_DB, Meter, level_db


def test_full_scale_is_zero_and_half_of_it_six_less():
    assert level_db(array("h", [-32768] * 480).tobytes()) == 0
    assert level_db(array("h", [16384, -16384] * 240).tobytes()) == pytest.approx(-6.02, abs=0.01)


def test_digital_zero_and_nothing_are_silence():
    assert level_db(bytes(960)) == level_db(b"") == SILENCE_DB


def test_a_meter_jumps_up_and_falls_slowly():
    meter = Meter()
    loud, quiet_100_ms = array("h", [16384] * 480).tobytes(), bytes(4800)
    meter.feed(loud)
    assert meter.db == pytest.approx(-6.02, abs=0.01)
    meter.feed(quiet_100_ms)
    assert meter.db == pytest.approx(-8.42, abs=0.01)
    for _ in range(100):
        meter.feed(quiet_100_ms)
    assert meter.db == SILENCE_DB
