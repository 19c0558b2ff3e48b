"""An assistant's message: words go out with the sound in which they begin."""

from rtclient.engine.actions import Emit, Outbox
from rtclient.engine.items import Item
from rtclient.engine.message import Message
from rtclient.engine.senses import Spoken, Word
from rtclient.protocol.audio import PCM16, PCMU, AudioFormat


def message(form: AudioFormat | None = PCM16) -> tuple[Message, Outbox]:
    outbox = Outbox(lambda prefix: f"{prefix}_1")
    wire = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    place = {"response_id": "resp_1", "output_index": 0}
    return Message(outbox, Item(wire), audio_format=form, **place), outbox  # type: ignore[arg-type]


def sent(outbox: Outbox) -> list[str]:
    """The deltas: words as they are, sound as its number of base64 characters."""
    events = [a.event for a in outbox.take() if isinstance(a, Emit)]
    deltas = [e for e in events if e["type"].endswith(".delta")]
    return [str(len(e["delta"])) if "audio.delta" in e["type"] else e["delta"] for e in deltas]


def drain(message: Message, now: float = 0.0) -> None:
    while message.send_next(now):
        now += 1


def test_words_go_out_before_the_sound_in_which_they_begin() -> None:
    one, outbox = message()
    one.begin_text("Good morning, friend.")
    words = (Word(0, 0, 4), Word(90, 5, 12), Word(260, 14, 20))
    one.on_spoken(Spoken(bytes(48 * 350), words))
    one.on_speaking_ended()
    drain(one)
    assert sent(outbox) == ["Good", " morning,", "6400", "9600", " friend.", "6400"]
    assert one.sent_text == "Good morning, friend."
    assert one.is_drained


def test_a_voice_without_marks_gets_estimated_ones() -> None:
    one, outbox = message()
    one.begin_text("one two")
    one.on_spoken(Spoken(bytes(48 * 500)))
    one.on_speaking_ended()
    drain(one)
    assert sent(outbox) == ["one", "6400", "9600", " two", "16000"]
    assert [mark.text_end for mark in one.item.marks][:2] == [3, 7]


def test_texts_follow_each_other_with_a_space_and_their_own_offsets() -> None:
    one, outbox = message()
    for text in ("One.", "Two."):
        one.begin_text(text)
        one.on_spoken(Spoken(bytes(48 * 100), (Word(0, 0, 4),)))
        one.on_speaking_ended()
    drain(one)
    assert "".join(d for d in sent(outbox) if not d.isdigit()) == "One. Two."
    assert [(m.at_ms, m.text_end) for m in one.item.marks] == [(0, 4), (100, 4), (100, 9), (200, 9)]


def test_a_text_without_sound_is_still_written() -> None:
    one, outbox = message()
    one.begin_text("silent")
    one.on_speaking_ended()
    drain(one)
    assert sent(outbox) == ["silent"]


def test_closing_keeps_only_what_went_out() -> None:
    one, outbox = message()
    one.begin_text("one two three")
    one.on_spoken(Spoken(bytes(48 * 900), (Word(0, 0, 3), Word(300, 4, 7), Word(600, 8, 13))))
    one.send_next(0.0)
    one.close()
    events = [a.event for a in outbox.take() if isinstance(a, Emit)]
    assert [e["type"] for e in events][-3:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
    ]
    assert events[-2]["transcript"] == "one"
    assert len(one.item.audio[0]) == 48 * 100
    assert one.item.wire["content"] == [{"type": "output_audio", "transcript": "one"}]


def test_telephone_formats_are_a_sixth_of_the_bytes() -> None:
    one, outbox = message(PCMU)
    one.begin_text("x")
    one.on_spoken(Spoken(bytes(48 * 100), (Word(0, 0, 1),)))
    one.on_speaking_ended()
    drain(one)
    assert sent(outbox) == ["x", "1068"]
    one.sync_audio()
    assert len(one.item.audio[0]) == 48 * 100


def test_written_text_goes_out_word_by_word() -> None:
    one, outbox = message(None)
    for text in ("Good morning.", "How are you? "):
        one.write(text)
        while one.send_next(0.0):
            pass
    assert sent(outbox) == ["Good", " morning.", " How", " are", " you? "]
    one.close()
    assert one.item.wire["content"] == [
        {"type": "output_text", "text": "Good morning. How are you? "}
    ]
