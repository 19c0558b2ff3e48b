/**
 * Where the time of a reply goes, and what a session has used. Pure.
 *
 * @typedef {object} Turn one reply that was heard
 * @property {string} item_id the item that sounded
 * @property {number} silence_ms silence window: how long the server waited to be sure that you had ended; 0 for typed text
 * @property {number} model_ms end of the turn → first sound of the reply from the server
 * @property {number} ear_ms first sound from the server → your ear
 * @property {number} total_ms
 *
 * @typedef {object} Timing
 * @property {{ended_ms: number, silence_ms: number}|null} asked when the user's turn ended
 * @property {{item_id: string, at_ms: number, asked: {ended_ms: number, silence_ms: number}}|null} answered first audio of the reply
 * @property {Turn[]} turns oldest first, at most 50
 */

const MAX_TURNS = 50;

/** @returns {Timing} */
export function initialTiming() {
  return { asked: null, answered: null, turns: [] };
}

/**
 * The user's turn ended.
 * @param {Timing} timing
 * @param {number} at_ms
 * @param {number} silence_ms the configured silence window, 0 when the end was told by hand
 * @returns {Timing}
 */
export function onAsked(timing, at_ms, silence_ms) {
  return { ...timing, asked: { ended_ms: at_ms, silence_ms }, answered: null };
}

/**
 * Audio of a reply came from the server; only the first after the user's turn counts.
 * @param {Timing} timing
 * @param {string} item_id
 * @param {number} at_ms
 * @returns {Timing}
 */
export function onAudio(timing, item_id, at_ms) {
  if (!timing.asked) return timing;
  return { ...timing, asked: null, answered: { item_id, at_ms, asked: timing.asked } };
}

/**
 * An item began to sound.
 * @param {Timing} timing
 * @param {string} item_id
 * @param {number} at_ms
 * @returns {Timing}
 */
export function onSound(timing, item_id, at_ms) {
  const { answered } = timing;
  if (!answered || answered.item_id !== item_id) return timing;
  const silence_ms = answered.asked.silence_ms;
  const model_ms = Math.max(0, answered.at_ms - answered.asked.ended_ms);
  const ear_ms = Math.max(0, at_ms - answered.at_ms);
  const turn = { item_id, silence_ms, model_ms, ear_ms, total_ms: silence_ms + model_ms + ear_ms };
  return { asked: null, answered: null, turns: [...timing.turns, turn].slice(-MAX_TURNS) };
}

/**
 * Median and 95th percentile (nearest rank).
 * @param {number[]} values
 * @returns {{median: number, p95: number}|null} null without values
 */
export function spread(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { median: rank(0.5), p95: rank(0.95) };
}

/**
 * How much the model has said, and how much of it was heard.
 * @param {import("./session.js").Item[]} items
 * @returns {{spoken_ms: number, heard_ms: number}} of the running session
 */
export function spokenTotals(items) {
  let spoken_ms = 0;
  let heard_ms = 0;
  for (const item of items) {
    if (item.past || item.role !== "assistant") continue;
    spoken_ms += item.audio_ms;
    heard_ms += Math.min(item.heard?.ms ?? 0, item.audio_ms);
  }
  return { spoken_ms, heard_ms };
}

/** @param {number} ms @returns {string} "0.78 s" */
export function seconds(ms, digits = 2) {
  return `${(ms / 1000).toFixed(digits)} s`;
}

/** @param {number} s @returns {string} "1:24" */
export function clock(s) {
  const whole = Math.max(0, Math.floor(s));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
