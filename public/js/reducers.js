/**
 * What each server event does to the state of a session. Pure; used by session.js, which describes the shapes.
 *
 * @typedef {import("./session.js").SessionState} SessionState
 */

import {
  changeItem,
  changePart,
  ensureItem,
  mergeItem,
  pendingTranscription,
  placeAfter,
} from "./items.js";
import { SAMPLES_PER_MS } from "./turns.js";

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
export const REDUCERS = {
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
    awaiting: turnDetection(state.session)?.create_response !== false,
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
    const is_cancelled = response.status === "cancelled";
    const is_cut = is_cancelled || response.status === "failed" || response.status === "incomplete";
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
      if (item.response_id === response.id && item.status !== "completed" && !item.past) {
        next = changeItem(next, item.id, {
          status: is_cut ? "incomplete" : "completed",
          interrupted: item.interrupted || is_cancelled,
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

/** Turn detection as the server says it is, GA or beta. */
function turnDetection(session) {
  return session?.audio?.input?.turn_detection ?? session?.turn_detection;
}

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
