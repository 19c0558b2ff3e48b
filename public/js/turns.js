/**
 * The arithmetic of late truth: what was heard, and how the conversation is cut to it. Pure.
 *
 * The server sends audio several times faster than it sounds, so what it sent is not what was heard.
 * After an interruption the conversation must keep only what the person heard. The same rule in
 * Python is `rtclient/protocol/turns.py`; both are tested on `tests/fixtures/turns.jsonl`.
 */

/** Samples per second of every pcm16 stream on the wire. */
export const RATE_HZ = 24000;

/** Samples per millisecond at `RATE_HZ`. */
export const SAMPLES_PER_MS = 24;

/**
 * What the loudspeaker had sounded of one audio part when it was stopped.
 *
 * @typedef {object} Playback
 * @property {string} item_id
 * @property {number} content_index
 * @property {number} played_samples 24 kHz samples of this part handed to the audio device, ≥ 0
 * @property {number} received_samples 24 kHz samples of this part that came from the server, ≥ 0
 * @property {number} output_latency_s seconds between handing over a sample and hearing it; not finite or < 0 counts as 0
 * @property {boolean} is_complete the server has said that this part's audio is all sent
 * @property {boolean} is_known the item is in the conversation (an out-of-band response's is not)
 * @property {boolean} is_truncated a truncate or delete was already sent for this item
 */

/**
 * Say how many milliseconds of an audio part were heard.
 *
 * @param {number} played_samples 24 kHz samples handed to the audio device
 * @param {number} output_latency_s seconds; not finite or negative counts as 0
 * @param {number} received_ms the upper bound: a larger `audio_end_ms` is an error at the server
 * @returns {number} whole milliseconds, 0 ≤ ms ≤ received_ms
 */
export function heardMs(played_samples, output_latency_s, received_ms) {
  const latency_s = Number.isFinite(output_latency_s) && output_latency_s > 0 ? output_latency_s : 0;
  const ms = Math.floor((played_samples - latency_s * RATE_HZ) / SAMPLES_PER_MS);
  return Math.max(0, Math.min(ms, received_ms));
}

/**
 * Decide which client event cuts an item to what was heard.
 *
 * None when the item was cut before, is not in the conversation, has no audio, or sounded to its end. Nothing heard at
 * all: the item is deleted, because the server refuses to truncate at 0.
 *
 * @param {Playback} playback
 * @returns {{heard_ms: number, event: object | null}}
 */
export function truncation(playback) {
  const received_ms = Math.floor(playback.received_samples / SAMPLES_PER_MS);
  const is_whole = playback.is_complete && playback.played_samples >= playback.received_samples;
  const heard_ms = is_whole
    ? received_ms
    : heardMs(playback.played_samples, playback.output_latency_s, received_ms);
  const { item_id, content_index } = playback;
  if (playback.is_truncated || !playback.is_known || is_whole || playback.received_samples <= 0) {
    return { heard_ms, event: null };
  }
  if (heard_ms === 0) {
    return { heard_ms, event: { type: "conversation.item.delete", item_id } };
  }
  return {
    heard_ms,
    event: { type: "conversation.item.truncate", item_id, content_index, audio_end_ms: heard_ms },
  };
}

/**
 * Say how many characters of a transcript were heard, by proportion, cut back to a word boundary.
 *
 * The API gives no word times, so the text is taken to be spread evenly over the audio.
 *
 * @param {string} transcript
 * @param {number} heard_ms
 * @param {number} total_ms length of the audio the transcript belongs to; 0 when unknown
 * @returns {number} 0 ≤ characters ≤ transcript.length
 */
export function heardChars(transcript, heard_ms, total_ms) {
  if (total_ms <= 0 || heard_ms <= 0) return 0;
  if (heard_ms >= total_ms) return transcript.length;
  const end = Math.round((transcript.length * heard_ms) / total_ms);
  if (end >= transcript.length) return transcript.length;
  const before = transcript.slice(0, end);
  if (/\s$/.test(before) || /^\s/.test(transcript.slice(end))) return before.trimEnd().length;
  const head = before.replace(/\S+$/, "");
  // A script without spaces (Chinese, Thai) has no word boundary to go back to.
  return head.trimEnd().length || (/\s/.test(transcript) ? 0 : end);
}
