/**
 * Speech from the socket worker → the loudspeaker. Audio thread; all rules are in `playback-queue.js`.
 *
 * `port` (main): `{type: "connect", port}` the worker's port · `{type: "debug"}` keep books for tests
 * worker's port, in: `{type: "audio", item_id, content_index, samples: Int16Array}` · `{type: "finish", item_id, content_index}` ·
 * `{type: "flush", token}` · out: `{type: "started"|"ended", item_id, content_index, played_samples, context_time}` ·
 * `{type: "flushed", token, parts, context_time}` · `{type: "level", item_id, content_index,
 * played_samples, received_samples, peak, rms, underruns}` each 40 ms while it sounds
 */

import { PlaybackQueue } from "./playback-queue.js";

const LEVEL_EVERY_S = 0.04;
const LOUD = 0.001; // −60 dB of full scale

class PlaybackProcessor extends AudioWorkletProcessor {
  #port = null;
  #queue = new PlaybackQueue(sampleRate, {
    onStarted: (part, frame) => this.#tell("started", part, frame),
    onEnded: (part, frame) => this.#tell("ended", part, frame),
  });
  #peak = 0;
  #square_sum = 0;
  #frames = 0;
  #level = {
    type: "level",
    item_id: null,
    content_index: 0,
    played_samples: 0,
    received_samples: 0,
    peak: 0,
    rms: 0,
    underruns: 0,
  };
  #books = null;
  #is_over = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === "debug") {
        this.#books = { parts: new Map(), sounding: null, flushes: [], received: 0, rendered: 0 };
      } else if (data.type === "connect") {
        this.#port = data.port;
        this.#port.onmessage = (event) => this.#take(event.data);
      } else if (data.type === "end") {
        this.#is_over = true;
      }
    };
  }

  /** One block, 128 frames. Allocates nothing; at most one message besides the start and end of a part. */
  process(_inputs, outputs) {
    if (this.#is_over) return false; // lets the browser free the node
    const channels = outputs[0];
    const output = channels[0];
    const was_sounding = this.#queue.is_sounding;
    this.#queue.render(output);
    for (let c = 1; c < channels.length; c += 1) channels[c].set(output);
    this.#frames += output.length;
    if (this.#queue.is_sounding || was_sounding) this.#measure(output);
    if (this.#frames >= LEVEL_EVERY_S * sampleRate) this.#report();
    return true;
  }

  #take(data) {
    if (data.type === "audio") {
      const is_taken = this.#queue.push(data.item_id, data.content_index, data.samples);
      if (this.#books) this.#bookReceived(data, is_taken);
    } else if (data.type === "finish") {
      this.#queue.finish(data.item_id, data.content_index);
    } else if (data.type === "flush") {
      const parts = this.#queue.flush();
      this.#port.postMessage({ type: "flushed", token: data.token, parts, context_time: currentTime });
      this.#books?.flushes.push({
        token: data.token,
        epoch_ms: Date.now(),
        context_time: currentTime,
        parts,
      });
    }
  }

  #tell(type, part, frame) {
    const context_time = currentTime + frame / sampleRate;
    this.#port.postMessage({
      type,
      item_id: part.item_id,
      content_index: part.content_index,
      played_samples: this.#queue.playedSamples(part),
      context_time,
    });
    if (this.#books) this.#bookTurn(type, part, context_time);
  }

  #measure(output) {
    let last_loud = -1;
    for (let i = 0; i < output.length; i += 1) {
      const size = output[i] < 0 ? -output[i] : output[i];
      if (size > this.#peak) this.#peak = size;
      if (size > LOUD) last_loud = i;
      this.#square_sum += output[i] * output[i];
    }
    if (this.#books?.sounding && last_loud >= 0) {
      this.#books.sounding.last_loud_time = currentTime + (last_loud + 1) / sampleRate;
    }
  }

  #report() {
    const level = this.#level;
    const part = this.#queue.current;
    const rms = Math.sqrt(this.#square_sum / this.#frames);
    if (this.#port && (part || rms > 0 || level.rms > 0)) {
      level.item_id = part ? part.item_id : null;
      level.content_index = part ? part.content_index : 0;
      level.played_samples = part ? this.#queue.playedSamples(part) : 0;
      level.received_samples = part ? part.received : 0;
      level.peak = this.#peak;
      level.rms = rms;
      level.underruns = this.#queue.underruns;
      this.#port.postMessage(level);
    }
    this.#peak = 0;
    this.#square_sum = 0;
    this.#frames = 0;
    if (this.#books) this.#postBooks();
  }

  // ---- books for tests, only after {type: "debug"}; these allocate -------------------------------------------------

  #bookReceived(data, is_taken) {
    const book = this.#bookOf(data.item_id, data.content_index);
    if (is_taken) book.received_samples += data.samples.length;
    else book.ignored_samples += data.samples.length;
  }

  #bookOf(item_id, content_index) {
    const key = `${item_id} ${content_index}`;
    let book = this.#books.parts.get(key);
    if (!book) {
      book = {
        item_id,
        content_index,
        received_samples: 0,
        ignored_samples: 0,
        played_samples: 0,
        started_time: null,
        ended_time: null,
        last_loud_time: null,
      };
      this.#books.parts.set(key, book);
    }
    return book;
  }

  #bookTurn(type, part, context_time) {
    const book = this.#bookOf(part.item_id, part.content_index);
    if (type === "started") {
      book.started_time = context_time;
      this.#books.sounding = book;
    } else {
      book.ended_time = context_time;
      book.played_samples = part.received;
    }
  }

  #postBooks() {
    const part = this.#queue.current;
    if (part) {
      this.#bookOf(part.item_id, part.content_index).played_samples = this.#queue.playedSamples(part);
    }
    for (const flush of this.#books.flushes) {
      for (const { item_id, content_index, played_samples } of flush.parts) {
        this.#bookOf(item_id, content_index).played_samples = played_samples;
      }
    }
    this.port.postMessage({
      type: "books",
      epoch_ms: Date.now(),
      context_time: currentTime,
      underruns: this.#queue.underruns,
      pre_buffer_ms: this.#queue.pre_buffer_ms,
      queued_samples: this.#queue.queued_samples,
      parts: [...this.#books.parts.values()],
      flushes: this.#books.flushes,
    });
    this.#books.flushes = [];
  }
}

registerProcessor("playback", PlaybackProcessor);
