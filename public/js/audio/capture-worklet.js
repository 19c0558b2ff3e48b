/**
 * Microphone at the context's rate → pcm16 at 24 kHz in batches of 40 ms, with their level, to the socket worker.
 * Audio thread.
 *
 * `port` (main): `{type: "connect", port}` the worker's port · `{type: "mute", muted}`
 * worker's port, out: `{type: "batch", buffer, samples, start_sample, first_context_time, peak, rms, is_muted}`, the buffer transferred ·
 * in: `{type: "buffer", buffer}` a batch's buffer given back
 *
 * Mute gives digital silence: the samples go on counting, so `audio_start_ms` and `audio_end_ms` of the server keep
 * pointing at the right moment, and the server hears the silence that ends a turn.
 */

import { CaptureBatcher } from "./capture-batcher.js";

class CaptureProcessor extends AudioWorkletProcessor {
  #batcher = new CaptureBatcher(sampleRate);
  #port = null;
  #is_muted = false;
  #was_muted = false;
  #first_time = -1;
  // One message, sent again and again: posting copies it at once.
  #message = {
    type: "batch",
    buffer: null,
    samples: 0,
    start_sample: 0,
    first_context_time: 0,
    peak: 0,
    rms: 0,
    is_muted: false,
  };
  #transfer = [null];
  #is_over = false;
  #give = (buffer) => this.#post(buffer);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === "mute") {
        this.#is_muted = data.muted;
      } else if (data.type === "end") {
        this.#is_over = true;
      } else if (data.type === "connect") {
        this.#port = data.port;
        this.#port.onmessage = (event) => this.#batcher.giveBack(event.data.buffer);
      }
    };
  }

  /** One block, 128 frames. Allocates nothing; at most one message. */
  process(inputs) {
    if (this.#is_over) return false; // lets the browser free the node
    const channel = inputs[0]?.[0];
    if (this.#first_time < 0) {
      // The stream begins with the first sample of the microphone, not with the graph.
      if (!channel || !this.#port) return true;
      this.#first_time = currentTime;
    }
    const block = channel && !this.#is_muted ? channel : null;
    this.#was_muted ||= this.#is_muted;
    this.#batcher.push(block, channel ? channel.length : 128, this.#give);
    return true;
  }

  #post(buffer) {
    const message = this.#message;
    message.buffer = buffer;
    message.samples = buffer.byteLength >> 1;
    message.start_sample = this.#batcher.captured_samples - message.samples;
    message.first_context_time = this.#first_time;
    message.peak = this.#batcher.peak;
    message.rms = this.#batcher.rms;
    // A batch with speech in a part of it is no muted batch: only whole silence may be left out.
    message.is_muted = this.#is_muted && this.#was_muted && this.#batcher.peak === 0;
    this.#was_muted = this.#is_muted;
    this.#transfer[0] = buffer;
    this.#port.postMessage(message, this.#transfer);
  }
}

registerProcessor("capture", CaptureProcessor);
