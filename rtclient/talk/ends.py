"""The two ends of the sound: where the person's comes from, where the model's goes to."""

import contextlib
from collections.abc import AsyncIterator, Callable

from rtclient.extras import MissingExtraError
from rtclient.sound_files import SoundFileError
from rtclient.talk import devices
from rtclient.talk.devices import DeviceError, Loudspeaker, Microphone
from rtclient.talk.keyboard import is_terminal
from rtclient.talk.options import TalkOptions
from rtclient.talk.sinks import NoSink, PipeSink, Sink, WavSink
from rtclient.talk.sources import all_of, file_blocks, in_real_time, pipe_blocks, silence


class Ends:
    """What a conversation hears from and speaks to, opened."""

    def __init__(self) -> None:
        self.source: Callable[[], AsyncIterator[bytes]] = silence
        self.sink: Sink = NoSink()
        self.has_source = False
        self.notices: list[str] = []
        self.is_in_one_room = False
        """Whether the microphone may hear the loudspeaker."""

    @classmethod
    def opened(cls, options: TalkOptions, stack: contextlib.AsyncExitStack) -> "Ends":
        """Open what the options name. Raises what devices and files raise."""
        ends = cls()
        # The source first: a file that cannot be read must not cost the one that is written.
        is_live = ends._open_source(options, stack)
        is_heard = ends._open_sink(options, stack)
        ends.is_in_one_room = is_live and is_heard
        return ends

    def _open_sink(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.text_only:
            return False
        if options.out is not None:
            wav = options.wav
            if wav is not None and options.out.exists() and options.out.samefile(wav):
                raise SoundFileError(f"--out would overwrite {wav}: name another file.")
            sink = WavSink(options.out)
            stack.callback(sink.close)
            self.sink = sink
        elif options.stdout:
            self.sink = PipeSink(options.device_rate)
        else:
            device = devices.choose("output", options.output_device, options.device_rate)
            loudspeaker = Loudspeaker(device)
            stack.callback(loudspeaker.close)
            self.sink = loudspeaker
            return True
        return False

    def _open_source(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.wav is not None:
            blocks = file_blocks(options.wav)
            self.source = lambda: in_real_time(all_of(blocks))
        elif options.stdin:
            self.source = lambda: in_real_time(pipe_blocks(options.device_rate))
        else:
            return self._open_microphone(options, stack)
        self.has_source = True
        return False

    def _open_microphone(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.text_only and not (is_terminal() or options.input_device):
            return False  # the lines of a pipe are the whole conversation
        try:
            device = devices.choose("input", options.input_device, options.device_rate)
            microphone = Microphone(device)
        except (DeviceError, MissingExtraError) as exc:
            if not options.text_only or options.input_device:
                raise
            self.notices.append(f"{exc} You can type.")
            return False
        stack.callback(microphone.close)
        self.source, self.has_source = microphone.blocks, True
        return True
