/**
 * From blocks of the microphone to batches for the wire. Pure; lives on the audio thread.
 *
 * The stream clock: sample n of the batches stands at (context time of the first block) + n / 24 000 s, exactly and for
 * ever. Therefore a block without input and a muted block count as silence; they are never left out here. Whether
 * silence is worth sending is decided where the sending is (`net/outbox.js`), which counts what it leaves out.
 */

import { floatToPcm16 } from "./pcm.js";
import { Resampler } from "./resampler.js";

const RATE_HZ = 24000;
const POOL_BUFFERS = 8;

export class CaptureBatcher {
  #resampler;
  #batch_samples;
  #resampled;
  #silence;
  #pool = [];
  #batch;
  #filled = 0;
  #peak = 0;
  #square_sum = 0;
  #max_block;

  /** 24 kHz samples given away in batches. */
  captured_samples = 0;
  /** Buffers made because none had come back in time. */
  pool_misses = 0;
  /** Largest |sample| of the last batch, 0..1 (or above when clipped). */
  peak = 0;
  /** RMS of the last batch. */
  rms = 0;

  /**
   * Allocates all that the stream needs.
   * @param {number} rate Hz of the context
   * @param {object} [options]
   * @param {number} [options.batch_ms=40] length of a batch
   * @param {number} [options.max_block=1024] largest block that will come
   */
  constructor(rate, { batch_ms = 40, max_block = 1024 } = {}) {
    this.#resampler = new Resampler(rate, RATE_HZ, max_block);
    this.#batch_samples = (RATE_HZ * batch_ms) / 1000;
    this.#resampled = new Float32Array(Math.ceil(((max_block + 1) * RATE_HZ) / rate) + 1);
    this.#silence = new Float32Array(max_block);
    this.#max_block = max_block;
    for (let i = 0; i < POOL_BUFFERS; i += 1) this.#pool.push(this.#newBuffer());
    this.#batch = new Int16Array(this.#newBuffer());
  }

  /**
   * Take one block. Audio thread; allocates nothing unless a batch is given away while the pool is empty.
   * @param {Float32Array|null} block null: no input, counts as silence
   * @param {number} frames length of the block
   * @param {(buffer: ArrayBuffer) => void} give gets each full batch of pcm16; the buffer is its own from then on
   */
  push(block, frames, give) {
    if (frames > this.#max_block) throw new RangeError(`a block of ${frames} frames is too long`);
    const made = this.#resampler.process(block ?? this.#silence, frames, this.#resampled);
    let from = 0;
    while (from < made) {
      const count = Math.min(made - from, this.#batch_samples - this.#filled);
      floatToPcm16(this.#resampled, from, count, this.#batch, this.#filled);
      for (let i = from; i < from + count; i += 1) {
        const value = this.#resampled[i];
        const size = value < 0 ? -value : value;
        if (size > this.#peak) this.#peak = size;
        this.#square_sum += value * value;
      }
      from += count;
      this.#filled += count;
      if (this.#filled === this.#batch_samples) this.#giveAway(give);
    }
  }

  /**
   * Take a buffer back. Audio thread, in `onmessage`.
   * @param {ArrayBuffer} buffer
   */
  giveBack(buffer) {
    if (buffer.byteLength === this.#batch_samples * 2 && this.#pool.length < POOL_BUFFERS) {
      this.#pool.push(buffer);
    }
  }

  #giveAway(give) {
    this.peak = this.#peak;
    this.rms = Math.sqrt(this.#square_sum / this.#batch_samples);
    this.#peak = 0;
    this.#square_sum = 0;
    this.#filled = 0;
    const { buffer } = this.#batch;
    this.captured_samples += this.#batch_samples;
    let next = this.#pool.pop();
    if (!next) {
      // Sound matters more than a rule: the worker is late, a small buffer is made, and counted.
      next = this.#newBuffer();
      this.pool_misses += 1;
    }
    this.#batch = new Int16Array(next);
    give(buffer);
  }

  #newBuffer() {
    return new ArrayBuffer(this.#batch_samples * 2);
  }
}
