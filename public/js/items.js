/**
 * Items of the conversation: how they are made, changed, merged with the server's view and put in order. Pure; used by
 * session.js, which describes the shapes.
 *
 * @typedef {import("./session.js").SessionState} SessionState
 * @typedef {import("./session.js").Item} Item
 */

import { heardChars } from "./turns.js";

function newItem(id, at_ms) {
  return {
    id,
    role: null,
    type: "message",
    status: "in_progress",
    text: "",
    transcript: "",
    has_audio: false,
    transcription: null,
    call: null,
    response_id: null,
    heard: null,
    interrupted: false,
    audio_ms: 0,
    at_ms,
    past: false,
    parts: [],
  };
}

/** Put what follows from the rest of an item in order: joined texts, and how much of the transcript was heard. */
function settled(item) {
  const text = joined(item.parts, "text");
  const transcript = joined(item.parts, "audio");
  const has_audio = item.audio_ms > 0 || item.parts.some((part) => part?.type === "audio");
  const heard = item.heard && {
    ms: item.heard.ms,
    text_chars: item.interrupted
      ? heardChars(transcript, item.heard.ms, item.audio_ms)
      : transcript.length,
  };
  return { ...item, text, transcript, has_audio, heard };
}

function joined(parts, type) {
  return parts
    .filter((part) => part?.type === type && part.text)
    .map((part) => part.text)
    .join("\n");
}

/**
 * Replace fields of one item; nothing happens when there is no such item.
 * @param {SessionState} state
 * @param {string} id
 * @param {object|((item: Item) => object)} fields
 * @returns {SessionState}
 */
export function changeItem(state, id, fields) {
  const index = state.items.findIndex((item) => item.id === id && !item.past);
  if (index < 0) return state;
  const item = state.items[index];
  const items = state.items.slice();
  items[index] = settled({ ...item, ...(typeof fields === "function" ? fields(item) : fields) });
  return { ...state, items };
}

/**
 * Append an item unless it is there.
 * @param {SessionState} state
 * @param {string} id
 * @param {number} at_ms
 * @param {object} [fields] of the new item
 * @returns {SessionState}
 */
export function ensureItem(state, id, at_ms, fields = {}) {
  if (state.items.some((item) => item.id === id && !item.past)) return state;
  return { ...state, items: [...state.items, settled({ ...newItem(id, at_ms), ...fields })] };
}

/**
 * Move an item to its place in the conversation.
 * `previous_id` null or unknown leaves it where it is: new items come last.
 */
export function placeAfter(state, id, previous_id) {
  if (!previous_id || previous_id === id) return state;
  const from = state.items.findIndex((item) => item.id === id && !item.past);
  const previous = state.items.findIndex((item) => item.id === previous_id);
  if (from < 0 || previous < 0 || from === previous + 1) return state;
  const items = state.items.slice();
  const [moved] = items.splice(from, 1);
  items.splice(items.findIndex((item) => item.id === previous_id) + 1, 0, moved);
  return { ...state, items };
}

/**
 * Change the text of one content part.
 * @param {Item} item
 * @param {number} index of the part
 * @param {"text"|"audio"} type
 * @param {(old: string) => string} change
 * @returns {{parts: object[]}} fields for `changeItem`
 */
export function changePart(item, index, type, change) {
  const parts = item.parts.slice();
  while (parts.length < index) parts.push(null);
  const part = parts[index] ?? { type, text: "" };
  parts[index] = { type, text: change(part.text) };
  return { parts };
}

/** Content parts as the server lists them → our parts. Empty text never wipes what the deltas brought. */
function partsOf(content, old) {
  if (!Array.isArray(content)) return old;
  const parts = old.slice();
  content.forEach((part, index) => {
    const is_audio = part.type === "input_audio" || part.type === "output_audio" || part.type === "audio";
    const text = is_audio ? part.transcript : part.text;
    if (is_audio || typeof text === "string") {
      parts[index] = { type: is_audio ? "audio" : "text", text: text || old[index]?.text || "" };
    }
  });
  return parts;
}

/** Take over the server's view of an item. */
export function mergeItem(state, wire, at_ms, extra = {}) {
  if (!wire?.id) return state;
  const next = changeItem(ensureItem(state, wire.id, at_ms), wire.id, (item) => {
    const type = wire.type ?? item.type;
    const role = wire.role ?? item.role;
    const has_user_audio =
      role === "user" && Array.isArray(wire.content) && wire.content.some((part) => part.type === "input_audio");
    const is_call = type === "function_call" || type === "function_call_output";
    return {
      type,
      role,
      status: wire.status ?? (item.status === "pending" ? "completed" : item.status),
      parts: partsOf(wire.content, item.parts),
      transcription: item.transcription ?? (has_user_audio ? pendingTranscription() : null),
      call: is_call
        ? {
            name: wire.name ?? item.call?.name ?? "",
            call_id: wire.call_id ?? item.call?.call_id ?? "",
            arguments: wire.arguments || item.call?.arguments || "",
            output: wire.output ?? item.call?.output ?? null,
          }
        : item.call,
      ...extra,
    };
  });
  return wire.type === "function_call_output" ? answerCall(next, wire) : next;
}

/** Show a call's output on the call as well. */
function answerCall(state, wire) {
  const call = state.items.find(
    (item) => item.type === "function_call" && item.call?.call_id === wire.call_id && !item.past,
  );
  if (!call) return state;
  return changeItem(state, call.id, (item) => ({ call: { ...item.call, output: wire.output } }));
}

/** A transcription that has not come yet. @returns {import("./session.js").Transcription} */
export function pendingTranscription() {
  return { state: "pending", certainty: "unknown", confidence: null, error: null };
}
