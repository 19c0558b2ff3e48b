/**
 * Speech of the user on its way to the server: held, sent, left out, and counted. Pure; used by exchange.js.
 *
 * The stream clock: the server counts milliseconds over the samples it was sent. What is captured but not sent (held too
 * long, congestion, long mute) is counted in `skipped_samples`, so a stream sample n stands at the context time
 * `first_context_time + (n + skipped_samples) / 24000`.
 */

import { SAMPLES_PER_MS } from "../turns.js";

/** Most audio held while the session is not ready or the network is slow; the oldest goes first. */
export const HELD_CAP_SAMPLES = 2000 * SAMPLES_PER_MS;

/** Bytes in the socket's buffer (about 1.5 s of audio) from which on audio is held back. */
export const CONGESTED_BYTES = 96 * 1024;

/** A socket that stays congested for so long, with nothing added to it, is dead: browsers notice minutes later. */
export const STALLED_AFTER_MS = 20_000;

/** Silence sent after muting. Longer than any server waits for the end of a turn (semantic VAD: at most 8 s). */
export const MUTED_TAIL_SAMPLES = 10_000 * SAMPLES_PER_MS;

const SLOW_EVERY_MS = 5000;

export class Outbox {
  #held = [];
  #held_samples = 0;
  #muted_samples = 0;
  #slow_told_ms = -Infinity;
  #congested_since_ms = null;

  /** Whether the server has opened the session. */
  is_ready = false;
  /** Whether the server listens for turns itself; by hand, a muted microphone sends nothing. */
  has_vad = true;
  /** 24 kHz samples that went to the server. */
  sent_samples = 0;
  /** 24 kHz samples captured before the end of what was sent, but never sent. */
  skipped_samples = 0;
  /** 24 kHz samples captured. */
  captured_samples = 0;
  /** Batches dropped because the session was not ready or the network was slow. */
  dropped_batches = 0;

  /**
   * Take one batch of the microphone.
   * @param {{audio: string, samples: number, start_sample: number, is_muted: boolean}} batch audio in base64
   * @param {number} buffered_bytes in the socket's buffer
   * @param {number} at_ms page clock
   * @returns {object[]} actions
   */
  captured(batch, buffered_bytes, at_ms) {
    this.captured_samples = batch.start_sample + batch.samples;
    this.#muted_samples = batch.is_muted ? this.#muted_samples + batch.samples : 0;
    const is_congested = buffered_bytes > CONGESTED_BYTES;
    this.#congested_since_ms = is_congested ? (this.#congested_since_ms ?? at_ms) : null;
    if (is_congested && at_ms - this.#congested_since_ms >= STALLED_AFTER_MS) {
      this.#congested_since_ms = null;
      return [{ do: "give_up" }];
    }
    if (batch.is_muted && (!this.has_vad || this.#muted_samples > MUTED_TAIL_SAMPLES)) return [];
    this.#held.push(batch);
    this.#held_samples += batch.samples;
    if (this.is_ready && !is_congested) return this.release();
    while (this.#held_samples > HELD_CAP_SAMPLES) {
      this.#held_samples -= this.#held.shift().samples;
      this.dropped_batches += 1;
    }
    if (is_congested && at_ms - this.#slow_told_ms >= SLOW_EVERY_MS) {
      this.#slow_told_ms = at_ms;
      return [{ do: "post", message: { type: "trouble", code: "network_slow" } }];
    }
    return [];
  }

  /** Send what is held, in order; nothing before the session is ready. @returns {object[]} actions */
  release() {
    if (!this.is_ready) return [];
    const actions = [];
    for (const batch of this.#held) {
      this.skipped_samples = batch.start_sample - this.sent_samples;
      this.sent_samples += batch.samples;
      actions.push({ do: "append", audio: batch.audio });
    }
    this.clear();
    return actions;
  }

  /** Drop what is held. */
  clear() {
    this.#held.length = 0;
    this.#held_samples = 0;
  }
}
