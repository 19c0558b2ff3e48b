import base64

from rtclient.protocol.conversation import Conversation
from rtclient.talk.captions import HEARING, PATIENCE_S, SPOKEN, Captions, Line, printable
from rtclient.talk.playback import Playback

SECOND = bytes(48_000)


class Call:
    """A conversation, its playback and its captions, fed with events."""

    def __init__(self) -> None:
        self.conversation, self.playback = Conversation(), Playback()
        self.captions = Captions(self.conversation, self.playback)

    def event(self, kind: str, **fields: object) -> None:
        self.conversation.apply({"type": kind, **fields})

    def user_said(self, item_id: str, words: str | None = None) -> None:
        self.event("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
        content = [{"type": "input_audio", "transcript": None}]
        self.event("conversation.item.added", item={**item, "content": content})
        if words is not None:
            self.transcribed(item_id, words)

    def transcribed(self, item_id: str, words: str) -> None:
        kind = "conversation.item.input_audio_transcription.completed"
        self.event(kind, item_id=item_id, content_index=0, transcript=words)

    def model_says(self, item_id: str, words: str, seconds: int = 1) -> None:
        self.event("response.created", response={"id": "resp", "status": "in_progress"})
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
        self.event("response.output_item.added", response_id="resp", item=item)
        place = {"response_id": "resp", "item_id": item_id, "content_index": 0}
        self.event("response.output_audio_transcript.delta", **place, delta=words)
        audio = base64.b64encode(SECOND * seconds).decode()
        self.event("response.output_audio.delta", **place, delta=audio)
        self.playback.feed(item_id, 0, SECOND * seconds)

    def model_done(self, status: str = "completed") -> None:
        self.event("response.done", response={"id": "resp", "status": status})


def test_words_of_the_person_are_settled_when_they_are_written_down():
    call = Call()
    call.user_said("u")
    assert call.captions.settled(0) == []
    assert call.captions.live() == [Line("you", HEARING)]
    call.transcribed("u", "Hello.")
    assert call.captions.settled(1) == [Line("you", "Hello.")]
    assert call.captions.settled(2) == []
    assert call.captions.is_settled


def test_words_of_the_model_come_as_they_are_heard():
    call = Call()
    call.model_says("m", "one two three four", seconds=2)
    assert call.captions.live() == [Line("model", "", "one two three four")]
    call.playback.take(len(SECOND))
    assert call.captions.live() == [Line("model", "one two", " three four")]
    call.playback.take(len(SECOND))
    assert call.captions.settled(0) == []
    call.model_done()
    assert call.captions.settled(0) == [Line("model", "one two three four")]


def test_a_script_without_spaces_is_cut_without_one():
    call = Call()
    call.model_says("m", "你好世界", seconds=2)
    call.playback.take(len(SECOND))
    assert call.captions.live() == [Line("model", "你好", "世界")]


def test_an_answer_is_not_settled_before_it_has_sounded():
    call = Call()
    call.model_says("m", "one two", seconds=2)
    call.model_done()
    assert call.captions.settled(0) == []
    call.playback.take(2 * len(SECOND))
    assert call.captions.settled(0) == [Line("model", "one two")]


def test_an_interrupted_answer_ends_where_it_was_heard():
    call = Call()
    call.model_says("m", "one two three four", seconds=2)
    call.playback.take(len(SECOND))
    call.playback.flush()
    call.event("conversation.item.truncated", item_id="m", content_index=0, audio_end_ms=1000)
    call.model_done("cancelled")
    assert call.captions.settled(0) == [Line("model", "one two", is_interrupted=True)]


def test_of_an_answer_that_the_service_broke_off_all_is_heard_that_came():
    call = Call()
    call.model_says("m", "one two three four", seconds=2)
    call.playback.take(len(SECOND))
    call.model_done("cancelled")
    assert call.captions.settled(0) == []
    assert call.captions.live() == [Line("model", "one two", " three four", is_interrupted=True)]
    call.playback.take(len(SECOND))
    line = Line("model", "one two three four", is_interrupted=True)
    assert call.captions.settled(0) == [line]


def test_lines_keep_the_order_of_the_conversation():
    call = Call()
    call.user_said("u")
    call.model_says("m", "Yes.")
    call.playback.take(len(SECOND))
    call.model_done()
    assert call.captions.settled(0) == [], "the question comes first"
    call.transcribed("u", "Really?")
    assert [line.said for line in call.captions.settled(1)] == ["Really?", "Yes."]


def test_words_that_never_come_are_not_waited_for_forever():
    call = Call()
    call.user_said("u")
    assert call.captions.settled(5) == []
    assert call.captions.settled(5 + PATIENCE_S) == [Line("you", SPOKEN)]


def test_without_transcription_a_turn_is_shown_at_once():
    call = Call()
    call.captions.has_transcription = False
    call.user_said("u")
    assert call.captions.settled(0) == [Line("you", SPOKEN)]


def test_typed_lines_and_written_answers_are_shown():
    call = Call()
    item = {"id": "u", "type": "message", "role": "user", "status": "completed"}
    content = [{"type": "input_text", "text": "Hello"}]
    call.event("conversation.item.added", item={**item, "content": content})
    assert call.captions.settled(0) == [Line("you", "Hello")]


def test_a_terminal_obeys_nothing_of_what_is_said():
    assert printable("red \x1b[31m and\nnew\tline\x07 \u202e!") == "red [31m and new line !"
    assert printable("Grüße, 世界 👋") == "Grüße, 世界 👋"
