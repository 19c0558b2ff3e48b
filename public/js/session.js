/**
 * What the page knows of a session, made from server events. Pure: old state and event in, new state out.
 *
 * Nothing is changed in place: an item object is replaced when something in it changes, so a view may compare
 * identities. Speaks GA names; the beta names of the same events are accepted. Unknown events change nothing.
 *
 * @typedef {object} Transcription  what the server understood of a spoken user item
 * @property {"pending"|"done"|"failed"} state
 * @property {"certain"|"guess"|"unknown"} certainty "unknown": the server gave no log probabilities
 * @property {number|null} confidence exp(mean log probability), 0..1
 * @property {{code: string|null, message: string}|null} error why it failed
 *
 * @typedef {object} Item
 * @property {string} id
 * @property {"user"|"assistant"|"system"|null} role null for calls and their outputs
 * @property {"message"|"function_call"|"function_call_output"|string} type
 * @property {"pending"|"in_progress"|"completed"|"incomplete"} status "pending": announced by `speech_started`, not yet in the conversation
 * @property {string} text written text of all text parts
 * @property {string} transcript spoken text of all audio parts; grows while it is spoken
 * @property {boolean} has_audio
 * @property {Transcription|null} transcription only for spoken user items
 * @property {{name: string, call_id: string, arguments: string, output: string|null}|null} call
 * @property {string|null} response_id
 * @property {{ms: number, text_chars: number}|null} heard null while nothing is known; `transcript.slice(0, text_chars)` was heard, the rest not
 * @property {boolean} interrupted cut short by the user (speech, Esc, stop); a reply that broke off by itself is only "incomplete", see its response's `reason` and `error`
 * @property {number} audio_ms audio received from the server
 * @property {number} at_ms when it appeared
 * @property {boolean} past belongs to a session that has ended (see `newSession`)
 * @property {object[]} parts by content_index: {type: "text"|"audio", text}
 *
 * @typedef {object} Response
 * @property {string} id
 * @property {"in_progress"|"completed"|"cancelled"|"failed"|"incomplete"} status
 * @property {string|null} reason e.g. "turn_detected", "client_cancelled", "max_output_tokens"
 * @property {{code: string|null, type: string|null, message: string}|null} error
 * @property {object|null} usage as the server sent it
 * @property {number} at_ms
 *
 * @typedef {object} SessionState
 * @property {object|null} session the server's session object, latest
 * @property {Item[]} items in conversation order
 * @property {Object<string, Response>} responses
 * @property {string|null} active_response_id
 * @property {{total_tokens: number, input_tokens: number, output_tokens: number, input_text_tokens: number,
 *   input_audio_tokens: number, cached_tokens: number, output_text_tokens: number, output_audio_tokens: number,
 *   transcription_tokens: number, transcription_s: number, responses: number}} usage totals of the session
 * @property {{code: string|null, type: string|null, message: string, param: string|null, event_id: string|null, at_ms: number}|null} error latest that matters
 * @property {{level: "info"|"warning", code: string, message: string, at_ms: number}[]} notices newest last, at most 20
 * @property {boolean} listening the server hears the user speak right now
 * @property {boolean} awaiting the user's turn has ended and no response has begun
 * @property {boolean} speaking the assistant sounds right now (from the playback, not from the network)
 * @property {string|null} playing_item_id
 * @property {{item_id: string, start_ms: number|null, end_ms: number|null, stopped_at_ms: number|null}|null} speech latest user speech
 * @property {number|null} expires_at unix seconds
 * @property {{expires_at: number, seconds_left: number, at_ms: number}|null} expiring set by `parley.session_expiring`
 * @property {object[]} rate_limits
 */

import { changeItem } from "./items.js";
import { gaType } from "./protocol.js";
import { BENIGN_ERRORS, GUESS_BELOW, REDUCERS, confidenceOf } from "./reducers.js";

export { BENIGN_ERRORS, GUESS_BELOW, confidenceOf };

/** @returns {SessionState} */
export function initialState() {
  return {
    session: null,
    items: [],
    responses: {},
    active_response_id: null,
    usage: {
      total_tokens: 0,
      input_tokens: 0,
      output_tokens: 0,
      input_text_tokens: 0,
      input_audio_tokens: 0,
      cached_tokens: 0,
      output_text_tokens: 0,
      output_audio_tokens: 0,
      transcription_tokens: 0,
      transcription_s: 0,
      responses: 0,
    },
    error: null,
    notices: [],
    listening: false,
    awaiting: false,
    speaking: false,
    playing_item_id: null,
    speech: null,
    expires_at: null,
    expiring: null,
    rate_limits: [],
  };
}

/**
 * Begin a new session with the old conversation still shown.
 * @param {SessionState} state
 * @returns {SessionState} a fresh state whose items are the old ones, marked `past`
 */
export function newSession(state) {
  const items = state.items
    .filter((item) => item.status !== "pending")
    .map((item) => (item.past ? item : { ...item, past: true }));
  return { ...initialState(), items };
}

/**
 * Apply one server event.
 * @param {SessionState} state
 * @param {object} event parsed server event; an audio delta may carry `audio_bytes` instead of `delta`
 * @param {number} at_ms when it came, any monotonic clock
 * @returns {SessionState} the same object when nothing changed
 */
export function reduce(state, event, at_ms) {
  const type = gaType(event?.type);
  return Object.hasOwn(REDUCERS, type) ? REDUCERS[type](state, event, at_ms) : state;
}

/**
 * Apply what the loudspeaker says.
 * @param {SessionState} state
 * @param {{state: "started"|"ended"|"flushed", item_id: string|null, heard_ms?: number, played_ms: number,
 *   dropped_ms: number}} detail of the engine's `playback` event
 * @returns {SessionState}
 */
export function reducePlayback(state, detail) {
  if (detail.state === "started") {
    return { ...state, speaking: true, playing_item_id: detail.item_id };
  }
  const quiet =
    detail.state === "flushed" || detail.item_id === state.playing_item_id
      ? { ...state, speaking: false, playing_item_id: null }
      : state;
  if (!detail.item_id) return quiet;
  const ms = detail.heard_ms ?? detail.played_ms;
  return changeItem(quiet, detail.item_id, (item) => ({
    heard: { ms, text_chars: 0 },
    interrupted: item.interrupted || (detail.state === "flushed" && detail.dropped_ms > 0),
  }));
}

/**
 * Say in one word what is going on.
 * @param {SessionState} state
 * @param {"idle"|"connecting"|"open"|"closed"|"trouble"} connection state of the connection; "trouble" when it ended badly
 * @param {boolean} muted
 * @returns {"ready"|"connecting"|"listening"|"thinking"|"speaking"|"muted"|"trouble"}
 */
export function phase(state, connection, muted) {
  if (connection === "trouble") return "trouble";
  if (connection === "connecting") return "connecting";
  if (connection !== "open") return "ready";
  if (!state.session) return "connecting";
  if (state.speaking) return "speaking";
  if (state.listening && !muted) return "listening";
  if (state.active_response_id || state.awaiting) return "thinking";
  return muted ? "muted" : "listening";
}

/**
 * Split what an item says into what was heard and what was not.
 * @param {Item} item
 * @returns {{heard: string, unheard: string}}
 */
export function spokenParts(item) {
  const words = item.transcript || item.text;
  if (!item.interrupted || !item.heard || !item.has_audio) return { heard: words, unheard: "" };
  return { heard: words.slice(0, item.heard.text_chars), unheard: words.slice(item.heard.text_chars) };
}
