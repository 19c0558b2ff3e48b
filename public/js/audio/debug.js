/**
 * Books for tests: `window.__parley`, only on a page opened with `?debug=1`. Main thread.
 *
 * All `*_time` are seconds on the AudioContext's clock, taken in the playback worklet; `epoch_ms` are `Date.now()`.
 *
 * - `__parley.parts` — per audio part, newest books of the worklet: `{item_id, content_index, received_samples,
 *   ignored_samples, played_samples, started_time, ended_time, last_loud_time}`. `received_samples` were queued,
 *   `ignored_samples` came late for a flushed item, `last_loud_time` is the end of the last sample above −60 dB.
 * - `__parley.flushes` — `{token: {number, reason}, epoch_ms, context_time, parts}` as handled on the audio thread.
 * - `__parley.speechStarted` — `{item_id, epoch_ms, context_time}` when the socket worker got the server's event.
 * - `__parley.bargeIns()` — one entry per `speech_started` that came while a part was sounding: `{item_id,
 *   event_time, flush_time|null, last_loud_time, silent_after_ms}`. Ask when the sound has been over for 100 ms. Without
 *   a flush the part plays on and `silent_after_ms` grows to the rest of it.
 * - `__parley.playedSamples()`, `.receivedSamples()`, `.underruns`, `.preBufferMs`, `.queuedSamples` — totals.
 * - `__parley.capture` — latest detail of the engine's `capture` event. `__parley.levels` — latest `level` detail.
 * - `__parley.playback` — every `playback` detail; `__parley.sent` — every client event that went out (no audio).
 * - `__parley.contextTimeOf(epoch_ms)` — the context time at a wall-clock moment (median of the last 50 pairs; a device
 *   callback of 10 ms makes single pairs jitter).
 */

const MAX_LIST = 1000;
const MAX_CLOCK = 50;

export class DebugBooks {
  #clock = [];

  parts = [];
  flushes = [];
  speechStarted = [];
  playback = [];
  sent = [];
  underruns = 0;
  preBufferMs = 0;
  queuedSamples = 0;
  capture = null;
  levels = null;

  /** @param {import("./engine.js").AudioEngine} engine */
  constructor(engine) {
    globalThis.__parley = this;
    engine.addEventListener("playback", ({ detail }) => keep(this.playback, detail));
    engine.addEventListener("sent", ({ detail }) => keep(this.sent, detail));
    engine.addEventListener("level", ({ detail }) => (this.levels = detail));
    engine.addEventListener("capture", ({ detail }) => (this.capture = detail));
    engine.addEventListener("connection", ({ detail }) => {
      if (detail.state === "connecting") this.#begin();
    });
  }

  /** A new context has a new clock. */
  #begin() {
    this.#clock = [];
    this.parts = [];
    this.flushes = [];
    this.speechStarted = [];
  }

  /** @param {object} books posted by the playback worklet each 40 ms */
  takeBooks(books) {
    keep(this.#clock, books.context_time - books.epoch_ms / 1000, MAX_CLOCK);
    this.parts = books.parts;
    for (const flush of books.flushes) keep(this.flushes, flush);
    this.underruns = books.underruns;
    this.preBufferMs = books.pre_buffer_ms;
    this.queuedSamples = books.queued_samples;
  }

  /** @param {{name: string, item_id: string, epoch_ms: number}} event posted by the socket worker */
  takeSocketEvent({ item_id, epoch_ms }) {
    keep(this.speechStarted, { item_id, epoch_ms, context_time: this.contextTimeOf(epoch_ms) });
  }

  contextTimeOf(epoch_ms) {
    const sorted = [...this.#clock].sort((a, b) => a - b);
    return sorted.length ? epoch_ms / 1000 + sorted[sorted.length >> 1] : NaN;
  }

  playedSamples() {
    return this.parts.reduce((sum, part) => sum + part.played_samples, 0);
  }

  receivedSamples() {
    return this.parts.reduce((sum, part) => sum + part.received_samples, 0);
  }

  bargeIns() {
    const found = [];
    for (const { epoch_ms, context_time: event_time } of this.speechStarted) {
      const flush = this.flushes.find(
        ({ token, epoch_ms: at }) => token.reason === "speech" && at >= epoch_ms && at - epoch_ms < 2000,
      );
      // Sounding at the event: begun before it, and cut by its flush or loud after it.
      const part = this.parts.find(
        ({ item_id, started_time, last_loud_time }) =>
          started_time !== null &&
          started_time < event_time &&
          last_loud_time !== null &&
          (flush?.parts.some((cut) => cut.item_id === item_id) || last_loud_time > event_time),
      );
      if (!part) continue;
      found.push({
        item_id: part.item_id,
        event_time,
        flush_time: flush?.context_time ?? null,
        last_loud_time: part.last_loud_time,
        silent_after_ms: Math.max(0, (part.last_loud_time - event_time) * 1000),
      });
    }
    return found;
  }
}

function keep(list, value, limit = MAX_LIST) {
  list.push(value);
  if (list.length > limit) list.shift();
}
