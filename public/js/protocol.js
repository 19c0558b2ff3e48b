/**
 * The vocabulary of the Realtime API: client events built from plain values, and names of server events. Pure; GA names.
 *
 * Every builder returns a new object without `event_id`; the socket worker adds one, so that an `error` can name its
 * cause.
 */

const BETA_NAMES = new Map([
  ["response.text.delta", "response.output_text.delta"],
  ["response.text.done", "response.output_text.done"],
  ["response.audio.delta", "response.output_audio.delta"],
  ["response.audio.done", "response.output_audio.done"],
  ["response.audio_transcript.delta", "response.output_audio_transcript.delta"],
  ["response.audio_transcript.done", "response.output_audio_transcript.done"],
  ["conversation.item.created", "conversation.item.added"],
  ["transcription_session.created", "session.created"],
  ["transcription_session.updated", "session.updated"],
]);

/**
 * Say the GA name of an event type.
 * @param {string} type GA or beta name
 * @returns {string}
 */
export function gaType(type) {
  return BETA_NAMES.get(type) ?? type;
}

/**
 * Settings that a person can change, as a partial GA session. Only what is given is sent; null is kept (it means off).
 *
 * @param {object} settings
 * @param {string} [settings.voice]
 * @param {string} [settings.instructions]
 * @param {number} [settings.speed] 0.25..1.5
 * @param {{type?: "server_vad"|"semantic_vad", threshold?: number, prefix_padding_ms?: number, silence_duration_ms?: number,
 *   eagerness?: string, create_response?: boolean, interrupt_response?: boolean}|null} [settings.turn_detection] null: turns by hand
 * @param {object|null} [settings.transcription]
 * @param {object|null} [settings.noise_reduction]
 * @param {"audio"|"text"} [settings.output]
 * @param {object[]} [settings.tools]
 * @returns {object} for `sessionUpdate`
 */
export function sessionSettings({
  voice,
  instructions,
  speed,
  turn_detection,
  transcription,
  noise_reduction,
  output,
  tools,
} = {}) {
  const input = defined({
    turn_detection: turn_detection && { type: "server_vad", ...turn_detection },
    transcription,
    noise_reduction,
  });
  const spoken = defined({ voice, speed });
  const audio = defined({ input: filled(input), output: filled(spoken) });
  return defined({
    instructions,
    tools,
    output_modalities: output && [output],
    audio: filled(audio),
  });
}

/** @param {object} session partial GA session @returns {object} */
export function sessionUpdate(session) {
  return { type: "session.update", session: { type: "realtime", ...session } };
}

/** @param {string} text what the user typed @returns {object} */
export function textMessage(text) {
  return {
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  };
}

/** @param {object} [response] parameters of this response only @returns {object} */
export function responseCreate(response) {
  return defined({ type: "response.create", response });
}

/** @param {string} [response_id] default: the active one @returns {object} */
export function cancel(response_id) {
  return defined({ type: "response.cancel", response_id });
}

/** @param {string} item_id @param {number} audio_end_ms @param {number} [content_index] @returns {object} */
export function truncate(item_id, audio_end_ms, content_index = 0) {
  return { type: "conversation.item.truncate", item_id, content_index, audio_end_ms };
}

/** @param {string} item_id @returns {object} */
export function deleteItem(item_id) {
  return { type: "conversation.item.delete", item_id };
}

/** @param {string} item_id @returns {object} */
export function retrieveItem(item_id) {
  return { type: "conversation.item.retrieve", item_id };
}

/** @param {string} call_id @param {string} output a string, JSON by custom @returns {object} */
export function callOutput(call_id, output) {
  return { type: "conversation.item.create", item: { type: "function_call_output", call_id, output } };
}

/** @param {string} audio base64 of pcm16 mono 24 kHz @returns {object} */
export function appendAudio(audio) {
  return { type: "input_audio_buffer.append", audio };
}

/** @returns {object} */
export function commitAudio() {
  return { type: "input_audio_buffer.commit" };
}

/** @returns {object} */
export function clearAudio() {
  return { type: "input_audio_buffer.clear" };
}

function defined(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function filled(fields) {
  return Object.keys(fields).length > 0 ? fields : undefined;
}
