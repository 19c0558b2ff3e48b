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
 * @property {boolean} interrupted cut short by the user, by Esc or by a failure
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

import {
  changeItem,
  changePart,
  ensureItem,
  mergeItem,
  pendingTranscription,
  placeAfter,
} from "./items.js";
import { gaType } from "./protocol.js";
import { SAMPLES_PER_MS } from "./turns.js";

export { gaType };

/** Mean probability of the words below which a transcript is shown as a guess. */
export const GUESS_BELOW = 0.6;

/** Errors that are part of normal races: nothing is wrong and nothing is to be done. */
export const BENIGN_ERRORS = new Set([
  "response_cancel_not_active",
  "conversation_already_has_active_response",
  "input_audio_buffer_commit_empty",
  "item_truncate_invalid_item_id",
  "item_delete_invalid_item_id",
  "item_retrieve_invalid_item_id",
  "unsupported_content_type",
]);

const MAX_NOTICES = 20;

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

/**
 * Mean probability of a transcript's words.
 * @param {{logprob: number}[]|null|undefined} logprobs
 * @returns {number|null} 0..1, null without log probabilities
 */
export function confidenceOf(logprobs) {
  if (!Array.isArray(logprobs) || logprobs.length === 0) return null;
  let sum = 0;
  for (const { logprob } of logprobs) sum += Number.isFinite(logprob) ? logprob : -10;
  return Math.exp(sum / logprobs.length);
}

// ---- numbers and errors -----------------------------------------------------------------------------------------------

function addUsage(total, usage) {
  const input = usage.input_token_details ?? {};
  const output = usage.output_token_details ?? {};
  return {
    ...total,
    total_tokens: total.total_tokens + (usage.total_tokens ?? 0),
    input_tokens: total.input_tokens + (usage.input_tokens ?? 0),
    output_tokens: total.output_tokens + (usage.output_tokens ?? 0),
    input_text_tokens: total.input_text_tokens + (input.text_tokens ?? 0),
    input_audio_tokens: total.input_audio_tokens + (input.audio_tokens ?? 0),
    cached_tokens: total.cached_tokens + (input.cached_tokens ?? 0),
    output_text_tokens: total.output_text_tokens + (output.text_tokens ?? 0),
    output_audio_tokens: total.output_audio_tokens + (output.audio_tokens ?? 0),
  };
}

function addTranscriptionUsage(total, usage) {
  if (usage?.type === "duration") {
    return { ...total, transcription_s: total.transcription_s + (usage.seconds ?? 0) };
  }
  return { ...total, transcription_tokens: total.transcription_tokens + (usage?.total_tokens ?? 0) };
}

function plainError(error) {
  return {
    code: error?.code ?? null,
    type: error?.type ?? null,
    message: error?.message ?? "The service reported an error without a message.",
    param: error?.param ?? null,
    event_id: error?.event_id ?? null,
  };
}

// ---- events --------------------------------------------------------------------------------------------------------

const withSession = (state, event) => ({
  ...state,
  session: event.session ?? state.session,
  expires_at: event.session?.expires_at ?? state.expires_at,
});

const partDelta = (type, field) => (state, event, at_ms) =>
  changeItem(
    ensureItem(state, event.item_id, at_ms, { role: "assistant", response_id: event.response_id ?? null }),
    event.item_id,
    (item) =>
      changePart(item, event.content_index ?? 0, type, (old) =>
        field === "delta" ? old + (event.delta ?? "") : (event[field] ?? old),
      ),
  );

/** @type {Object<string, (state: SessionState, event: any, at_ms: number) => SessionState>} */
const REDUCERS = {
  "session.created": withSession,
  "session.updated": withSession,

  "conversation.item.added": (state, event, at_ms) =>
    placeAfter(mergeItem(state, event.item, at_ms), event.item?.id, event.previous_item_id),
  "conversation.item.done": (state, event, at_ms) => mergeItem(state, event.item, at_ms),
  "conversation.item.retrieved": (state, event, at_ms) => mergeItem(state, event.item, at_ms),
  "conversation.item.deleted": (state, event) => ({
    ...state,
    items: state.items.filter((item) => item.past || item.id !== event.item_id),
  }),
  "conversation.item.truncated": (state, event) =>
    changeItem(state, event.item_id, { heard: { ms: event.audio_end_ms, text_chars: 0 }, interrupted: true }),

  "conversation.item.input_audio_transcription.delta": (state, event, at_ms) =>
    changeItem(
      ensureItem(state, event.item_id, at_ms, { role: "user", status: "pending" }),
      event.item_id,
      (item) => ({
        ...changePart(item, event.content_index ?? 0, "audio", (old) => old + (event.delta ?? "")),
        transcription: item.transcription ?? pendingTranscription(),
      }),
    ),
  "conversation.item.input_audio_transcription.completed": (state, event, at_ms) => {
    const confidence = confidenceOf(event.logprobs);
    const certainty = confidence === null ? "unknown" : confidence < GUESS_BELOW ? "guess" : "certain";
    const next = changeItem(
      ensureItem(state, event.item_id, at_ms, { role: "user" }),
      event.item_id,
      (item) => ({
        ...changePart(item, event.content_index ?? 0, "audio", () => event.transcript ?? ""),
        transcription: { state: "done", certainty, confidence, error: null },
      }),
    );
    return { ...next, usage: addTranscriptionUsage(next.usage, event.usage) };
  },
  "conversation.item.input_audio_transcription.failed": (state, event, at_ms) => {
    const { code, message } = plainError(event.error);
    return changeItem(ensureItem(state, event.item_id, at_ms, { role: "user" }), event.item_id, {
      transcription: { state: "failed", certainty: "unknown", confidence: null, error: { code, message } },
    });
  },

  "input_audio_buffer.speech_started": (state, event, at_ms) => ({
    ...(event.item_id
      ? ensureItem(state, event.item_id, at_ms, {
          role: "user",
          status: "pending",
          transcription: pendingTranscription(),
        })
      : state),
    listening: true,
    awaiting: false,
    speech: {
      item_id: event.item_id,
      start_ms: event.audio_start_ms ?? null,
      end_ms: null,
      stopped_at_ms: null,
    },
  }),
  "input_audio_buffer.speech_stopped": (state, event, at_ms) => ({
    ...state,
    listening: false,
    awaiting: true,
    speech: {
      item_id: event.item_id,
      start_ms: state.speech?.item_id === event.item_id ? state.speech.start_ms : null,
      end_ms: event.audio_end_ms ?? null,
      stopped_at_ms: at_ms,
    },
  }),
  "input_audio_buffer.committed": (state, event, at_ms) => ({
    ...placeAfter(
      ensureItem(state, event.item_id, at_ms, {
        role: "user",
        status: "pending",
        transcription: pendingTranscription(),
      }),
      event.item_id,
      event.previous_item_id,
    ),
    listening: false,
  }),
  "input_audio_buffer.cleared": (state) => ({
    ...state,
    listening: false,
    awaiting: false,
    items: state.items.filter((item) => item.past || item.status !== "pending"),
  }),

  "response.created": (state, event, at_ms) => {
    const response = event.response ?? {};
    return {
      ...state,
      // An out-of-band response says nothing about the conversation's own turn.
      active_response_id: response.conversation_id === null ? state.active_response_id : response.id,
      awaiting: false,
      responses: {
        ...state.responses,
        [response.id]: {
          id: response.id,
          status: response.status ?? "in_progress",
          reason: null,
          error: null,
          usage: null,
          at_ms,
        },
      },
    };
  },
  "response.done": (state, event, at_ms) => {
    const response = event.response ?? {};
    // Compatible vendors send a bare string here.
    const details = typeof response.status_details === "string" ? {} : (response.status_details ?? {});
    const error = details.error ? plainError(details.error) : null;
    const is_cut = response.status === "cancelled" || response.status === "failed";
    let next = {
      ...state,
      active_response_id: state.active_response_id === response.id ? null : state.active_response_id,
      awaiting: false,
      usage: response.usage
        ? { ...addUsage(state.usage, response.usage), responses: state.usage.responses + 1 }
        : state.usage,
      error: error ? { ...error, at_ms } : state.error,
      responses: {
        ...state.responses,
        [response.id]: {
          id: response.id,
          status: response.status ?? "completed",
          reason: details.reason ?? null,
          error,
          usage: response.usage ?? null,
          at_ms: state.responses[response.id]?.at_ms ?? at_ms,
        },
      },
    };
    for (const item of state.items) {
      if (item.response_id === response.id && item.status === "in_progress" && !item.past) {
        next = changeItem(next, item.id, {
          status: is_cut ? "incomplete" : "completed",
          interrupted: item.interrupted || is_cut,
        });
      }
    }
    return next;
  },

  "response.output_item.added": (state, event, at_ms) =>
    mergeItem(state, event.item, at_ms, { response_id: event.response_id ?? null }),
  "response.output_item.done": (state, event, at_ms) =>
    mergeItem(state, event.item, at_ms, { response_id: event.response_id ?? null }),
  "response.content_part.added": (state, event, at_ms) =>
    changeItem(
      ensureItem(state, event.item_id, at_ms, { role: "assistant", response_id: event.response_id ?? null }),
      event.item_id,
      (item) => {
        const is_audio = event.part?.type === "audio" || event.part?.type === "output_audio";
        const said = (is_audio ? event.part?.transcript : event.part?.text) ?? "";
        return changePart(item, event.content_index ?? 0, is_audio ? "audio" : "text", (old) => old || said);
      },
    ),
  "response.output_text.delta": partDelta("text", "delta"),
  "response.output_text.done": partDelta("text", "text"),
  "response.output_audio_transcript.delta": partDelta("audio", "delta"),
  "response.output_audio_transcript.done": partDelta("audio", "transcript"),
  "response.output_audio.delta": (state, event, at_ms) =>
    changeItem(
      ensureItem(state, event.item_id, at_ms, { role: "assistant", response_id: event.response_id ?? null }),
      event.item_id,
      (item) => ({ audio_ms: item.audio_ms + audioMs(event, state.session) }),
    ),
  "response.function_call_arguments.delta": (state, event) =>
    changeItem(state, event.item_id, (item) => ({
      call: { ...emptyCall(event), ...item.call, arguments: (item.call?.arguments ?? "") + (event.delta ?? "") },
    })),
  "response.function_call_arguments.done": (state, event) =>
    changeItem(state, event.item_id, (item) => ({
      call: { ...emptyCall(event), ...item.call, arguments: event.arguments ?? item.call?.arguments ?? "" },
    })),

  "rate_limits.updated": (state, event) => ({ ...state, rate_limits: event.rate_limits ?? [] }),

  error: (state, event, at_ms) => {
    const error = plainError(event.error);
    if (BENIGN_ERRORS.has(error.code)) return state;
    // A truncate that lost a race against the end of the item has no code of its own.
    if (/is already shorter than/.test(error.message)) return state;
    return { ...state, awaiting: false, error: { ...error, at_ms } };
  },
  "parley.notice": (state, event, at_ms) => ({
    ...state,
    notices: [
      ...state.notices,
      { level: event.level ?? "info", code: event.code ?? "", message: event.message ?? "", at_ms },
    ].slice(-MAX_NOTICES),
  }),
  "parley.session_expiring": (state, event, at_ms) => ({
    ...state,
    expires_at: event.expires_at ?? state.expires_at,
    expiring: { expires_at: event.expires_at, seconds_left: event.seconds_left, at_ms },
  }),
};

function emptyCall(event) {
  return { name: event.name ?? "", call_id: event.call_id ?? "", arguments: "", output: null };
}

/** Milliseconds of one audio delta, whether it still carries its base64 or only its size. */
function audioMs(event, session) {
  const bytes = event.audio_bytes ?? base64Bytes(event.delta ?? "");
  const format = session?.audio?.output?.format?.type ?? session?.output_audio_format;
  const is_g711 = format === "audio/pcmu" || format === "audio/pcma" || /^g711/.test(format ?? "");
  return is_g711 ? bytes / 8 : bytes / 2 / SAMPLES_PER_MS;
}

function base64Bytes(text) {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor(text.length / 4) * 3 - padding;
}
