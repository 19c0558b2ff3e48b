/**
 * What will sound next: parts of speech in order, buffered, played, flushed. Pure; lives on the audio thread.
 *
 * Speech comes as pcm16 at 24 kHz, keyed by item and content part, usually much faster than it sounds. The queue gives
 * blocks at the context's rate, counts per part how many samples were handed to the device, and forgets everything
 * within one block when it is flushed. Silence is known from the queue, never by looking at samples.
 *
 * Fades live in the 24 kHz domain, before the resampler: 5 ms up at a start, 5 ms exponential tail after the last
 * sample before a gap or a flush, so nothing clicks.
 */

import { pcm16ToFloat } from "./pcm.js";
import { Resampler } from "./resampler.js";

const RATE_HZ = 24000;
const FADE_SAMPLES = 120;
const TAIL_DECAY = Math.exp(-7 / FADE_SAMPLES); // −60 dB after 5 ms
const PRE_BUFFER_MS = 80;
const PRE_BUFFER_FLOOR_MS = 60;
const PRE_BUFFER_CAP_MS = 400;
const PRE_BUFFER_GROWTH = 1.5;
const MAX_IGNORED = 64;
const MAX_INPUT = 8192;

/**
 * @typedef {object} Part
 * @property {string} item_id
 * @property {number} content_index
 * @property {number} received 24 kHz samples that came
 * @property {number} fed 24 kHz samples taken for the device
 * @property {boolean} is_complete no more will come
 * @property {Int16Array[]} chunks
 * @property {number} chunk index of the chunk being played
 * @property {number} offset next sample in it
 */

export class PlaybackQueue {
  #rate;
  #resampler;
  #input = new Float32Array(MAX_INPUT);
  #parts = [];
  #ignored = new Set();
  #queued = 0;
  #is_sounding = false;
  #is_starving = true;
  #fade = 0;
  #tail = 0;
  #tail_fed = 0;
  #pre_buffer_ms;
  #calm_pre_buffer_ms;
  #on_started;
  #on_ended;

  /** Times the queue ran dry in the middle of a part. */
  underruns = 0;
  /** Samples that came for items that were flushed before. */
  ignored_samples = 0;

  /**
   * @param {number} rate Hz of the context
   * @param {object} [options]
   * @param {number} [options.pre_buffer_ms=80] wanted before a start, 60..400; grows ×1.5 per underrun
   * @param {(part: Part, frame: number) => void} [options.onStarted] on the audio thread; `frame` of the block
   * @param {(part: Part, frame: number) => void} [options.onEnded] the last sample of a part was handed over
   */
  constructor(rate, { pre_buffer_ms = PRE_BUFFER_MS, onStarted = ignore, onEnded = ignore } = {}) {
    this.#rate = rate;
    this.#resampler = new Resampler(RATE_HZ, rate, MAX_INPUT);
    this.#pre_buffer_ms = Math.min(PRE_BUFFER_CAP_MS, Math.max(PRE_BUFFER_FLOOR_MS, pre_buffer_ms));
    this.#calm_pre_buffer_ms = this.#pre_buffer_ms;
    this.#on_started = onStarted;
    this.#on_ended = onEnded;
  }

  /** Milliseconds wanted in the queue before a start. */
  get pre_buffer_ms() {
    return this.#pre_buffer_ms;
  }

  /** Whether the next block can hold anything but zeros. */
  get is_sounding() {
    return this.#is_sounding;
  }

  /** The part whose samples are being taken, null in gaps and silence. @returns {Part|null} */
  get current() {
    return this.#is_sounding && !this.#is_starving ? (this.#parts[0] ?? null) : null;
  }

  /** 24 kHz samples waiting. */
  get queued_samples() {
    return this.#queued;
  }

  /**
   * Say how many samples of a part the device has been given, without those still inside the resampler.
   * @param {Part} part
   * @returns {number}
   */
  playedSamples(part) {
    if (part.fed >= part.received) return part.received;
    return Math.max(0, part.fed - this.#resampler.lookAhead);
  }

  /**
   * Add speech. Audio thread, in `onmessage`; keeps the array, converts nothing.
   * @param {string} item_id
   * @param {number} content_index
   * @param {Int16Array} samples 24 kHz
   * @returns {boolean} false when the item was flushed before and its late speech is ignored
   */
  push(item_id, content_index, samples) {
    if (this.#ignored.has(item_id)) {
      this.ignored_samples += samples.length;
      return false;
    }
    if (samples.length === 0) return true;
    let part = this.#find(item_id, content_index);
    if (!part) {
      part = {
        item_id,
        content_index,
        received: 0,
        fed: 0,
        is_complete: false,
        chunks: [],
        chunk: 0,
        offset: 0,
      };
      this.#parts.push(part);
    }
    part.chunks.push(samples);
    part.received += samples.length;
    this.#queued += samples.length;
    this.#calm_pre_buffer_ms = this.#pre_buffer_ms;
    return true;
  }

  /**
   * Say that a part has all its speech. Audio thread, in `onmessage`.
   * @param {string} item_id
   * @param {number} content_index
   */
  finish(item_id, content_index) {
    const part = this.#find(item_id, content_index);
    if (!part) return;
    part.is_complete = true;
    if (part.fed > 0 && part.fed >= part.received && this.#pre_buffer_ms !== this.#calm_pre_buffer_ms) {
      // It ran dry because it was over, not because the network was slow.
      this.#pre_buffer_ms = this.#calm_pre_buffer_ms;
      this.underruns -= 1;
    }
  }

  /**
   * Be silent: forget all that waits; what still comes for these items is ignored. Audio thread, in `onmessage`.
   * @returns {{item_id: string, content_index: number, played_samples: number, received_samples: number,
   *   is_complete: boolean}[]} the parts that had not ended, in order
   */
  flush() {
    const last = this.#parts.length - 1;
    const report = this.#parts.map((part, index) => ({
      item_id: part.item_id,
      content_index: part.content_index,
      played_samples: this.playedSamples(part),
      received_samples: part.received,
      is_complete: part.is_complete || index < last,
    }));
    for (const part of this.#parts) this.#ignored.add(part.item_id);
    for (const item_id of this.#ignored) {
      if (this.#ignored.size <= MAX_IGNORED) break;
      this.#ignored.delete(item_id);
    }
    this.#parts.length = 0;
    this.#queued = 0;
    this.#is_starving = true;
    return report;
  }

  /**
   * Fill one block. Audio thread; allocates nothing.
   * @param {Float32Array} output at the context's rate; every sample is written
   */
  render(output) {
    const frames = output.length;
    this.#endFinished(0);
    if (this.#is_starving && this.#isReady()) this.#begin();
    if (!this.#is_sounding) {
      output.fill(0);
      return;
    }
    const wanted = this.#resampler.needed(frames);
    let filled = 0;
    while (filled < wanted) {
      filled = this.#is_starving ? this.#feedTail(filled, wanted) : this.#feedSpeech(filled, wanted);
    }
    this.#resampler.process(this.#input, wanted, output, 0, frames);
    if (this.#is_starving && this.#tail_fed > FADE_SAMPLES + 2 * this.#resampler.lookAhead) {
      this.#is_sounding = false;
    }
  }

  #find(item_id, content_index) {
    for (let i = this.#parts.length - 1; i >= 0; i -= 1) {
      const part = this.#parts[i];
      if (part.item_id === item_id && part.content_index === content_index) return part;
    }
    return null;
  }

  #isReady() {
    const part = this.#parts[0];
    if (!part || this.#queued === 0) return false;
    return (
      part.is_complete || this.#parts.length > 1 || this.#queued * 1000 >= this.#pre_buffer_ms * RATE_HZ
    );
  }

  #begin() {
    if (!this.#is_sounding) this.#resampler.reset();
    this.#is_sounding = true;
    this.#is_starving = false;
    this.#fade = 0;
    this.#tail = 0;
    this.#tail_fed = 0;
  }

  /** Take speech into the input from `filled` on; returns how far it came. */
  #feedSpeech(filled, wanted) {
    const part = this.#parts[0];
    if (!part) {
      this.#starve();
      return filled;
    }
    if (part.fed >= part.received) {
      // A later part means that this one is over, even when nobody said so.
      if (part.is_complete || this.#parts.length > 1) {
        part.is_complete = true;
        this.#endFinished(this.#frameOf(filled));
      } else {
        this.underruns += 1;
        this.#pre_buffer_ms = Math.min(PRE_BUFFER_CAP_MS, this.#pre_buffer_ms * PRE_BUFFER_GROWTH);
        this.#starve();
      }
      return filled;
    }
    if (part.fed === 0) this.#on_started(part, this.#frameOf(filled));
    const chunk = part.chunks[part.chunk];
    const count = Math.min(wanted - filled, chunk.length - part.offset);
    pcm16ToFloat(chunk, part.offset, count, this.#input, filled);
    for (let i = 0; i < count && this.#fade < FADE_SAMPLES; i += 1) {
      this.#input[filled + i] *= this.#fade / FADE_SAMPLES;
      this.#fade += 1;
    }
    part.offset += count;
    part.fed += count;
    this.#queued -= count;
    if (part.offset === chunk.length) {
      part.chunks[part.chunk] = null; // the memory of what was heard is free at once
      part.chunk += 1;
      part.offset = 0;
    }
    if (count > 0) this.#tail = this.#input[filled + count - 1];
    return filled + count;
  }

  #feedTail(filled, wanted) {
    for (let i = filled; i < wanted; i += 1) {
      this.#tail = this.#tail_fed < FADE_SAMPLES ? this.#tail * TAIL_DECAY : 0;
      this.#tail_fed += 1;
      this.#input[i] = this.#tail;
    }
    return wanted;
  }

  #starve() {
    this.#is_starving = true;
    this.#tail_fed = 0;
  }

  #endFinished(frame) {
    while (this.#parts.length > 0) {
      const part = this.#parts[0];
      if (!part.is_complete || part.fed < part.received) return;
      this.#parts.shift();
      this.#on_ended(part, frame);
    }
  }

  #frameOf(filled) {
    return Math.round((filled * this.#rate) / RATE_HZ);
  }
}

function ignore() {}
