"""Long audio of one item is resampled slice by slice, and comes out as if it were done at once."""

from typing import Any

from rtclient.engine.actions import Emit, Hear, Outbox
from rtclient.engine.items import Item, spoken_item
from rtclient.engine.listener import Guide
from rtclient.engine.scripted import tone
from rtclient.engine.slices import Decoding, Retrieval, Work, begin_hearing
from rtclient.engine.telephony import FromWire, ToWire
from rtclient.protocol.audio import FORMATS, PCM16, from_base64

ULAW = FORMATS["audio/pcmu"]


def done(work: Work) -> tuple[int, list[Any]]:
    outbox = Outbox(lambda prefix: prefix)
    steps = 1
    while not work.work(outbox):
        steps += 1
    return steps, outbox.take()


def test_a_retrieved_item_is_sent_once_when_it_is_whole() -> None:
    pcm = tone(440, 1000)
    steps, (sent,) = done(Retrieval(spoken_item("a", pcm), ULAW))
    assert steps == 3
    assert isinstance(sent, Emit)
    part = sent.event["item"]["content"][0]
    assert from_base64(part["audio"]) == ToWire(ULAW).feed(pcm)


def test_pcm16_and_items_without_sound_are_sent_at_once() -> None:
    pcm = tone(440, 60_000)
    steps, (sent,) = done(Retrieval(spoken_item("a", pcm), PCM16))
    assert steps == 1
    assert from_base64(sent.event["item"]["content"][0]["audio"]) == pcm
    call = Item({"id": "c", "type": "function_call", "name": "f", "arguments": "{}"})
    steps, (sent,) = done(Retrieval(call, ULAW))
    assert steps == 1
    assert sent.event["item"] == {"object": "realtime.item", **call.wire}


def test_g711_of_a_client_reaches_the_item_and_the_ears_piece_by_piece() -> None:
    item = spoken_item("a", b"", work_id="hearing_1")
    one, two = bytes(range(256)) * 20, bytes(range(256)) * 10
    steps, told = done(Decoding(item, [(0, one), (2, two)], ULAW))
    assert steps == len(told) == 3
    assert [hear.is_last for hear in told] == [False, False, True]
    assert item.audio == {0: FromWire(ULAW).feed(one), 2: FromWire(ULAW).feed(two)}
    assert b"".join(hear.pcm for hear in told) == item.audio[0] + item.audio[2]


def test_the_ears_are_told_first_what_to_expect() -> None:
    for raw in ({}, {0: b"x"}):
        outbox = Outbox(lambda prefix: prefix)
        item = Item({"id": "a"}, audio={0: b"ab"}, raw=raw, work_id="hearing_1")
        begin_hearing(outbox, item, Guide(("Paris",), "en"))
        assert outbox.take() == [Hear("hearing_1", b"ab", not raw, ("Paris",), "en")]
