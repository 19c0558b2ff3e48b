/**
 * Sound and connection of the page: one object that starts, runs and frees everything.
 *
 * Microphone → capture worklet → socket worker → server → socket worker → playback worklet → loudspeaker. Audio never
 * passes the main thread; a page that is busy drawing neither delays speech nor a barge-in.
 *
 * Events (`CustomEvent`, see `.detail`):
 *
 * | type | detail |
 * |---|---|
 * | `event` | `{event, at_ms}` parsed server event; audio deltas come as `{…, delta: undefined, audio_bytes}` |
 * | `sent` | `{event, at_ms}` a client event that went out, appends excepted (also the worker's own truncate, delete, cancel) |
 * | `connection` | `{state: "connecting"|"open"|"closed", code, reason, wasClean, error?}`; "open" = socket open |
 * | `level` | `{input_db, output_db, input_peak, output_peak, playing_item_id, played_ms}` about 25 per second; dB of full scale ≥ −100, peaks 0..1 |
 * | `playback` | `{state: "started"|"ended"|"flushed", item_id, content_index, played_ms, heard_ms, dropped_ms, context_time}` |
 * | `capture` | `{captured_samples, sent_samples, sent_ms, skipped_samples, first_context_time}` about once per second |
 * | `trouble` | `{code, message, fatal}`; codes below; `fatal`: the conversation cannot go on, everything was freed |
 * | `devices` | `{inputs, outputs}` after a device came or went |
 *
 * Trouble codes: insecure_context, microphone_denied, microphone_missing, microphone_busy, audio_blocked, unsupported,
 * microphone_lost, network_slow.
 *
 * @typedef {"insecure_context"|"microphone_denied"|"microphone_missing"|"microphone_busy"|"audio_blocked"|"unsupported"|"microphone_lost"|"network_slow"} TroubleCode
 *
 * @typedef {object} StartOptions
 * @property {boolean} [microphone=true] false: no microphone is asked for; typed conversation with spoken answers
 * @property {string} [deviceId] wished microphone; another one is taken when it is gone
 * @property {boolean} [echoCancellation=true]
 * @property {boolean} [noiseSuppression=true]
 * @property {boolean} [autoGainControl=true]
 */

/** Why the sound could not start; `code` is a trouble code. */
export class TroubleError extends Error {
  /**
   * @param {TroubleCode} code
   * @param {string} message what happened and what to do
   */
  constructor(code, message) {
    super(message);
    this.name = "TroubleError";
    this.code = code;
  }
}

export class AudioEngine extends EventTarget {
  /**
   * @param {object} arg
   * @param {string} arg.url of the socket; http(s), ws(s) or a path such as "/ws"
   * @param {object} [arg.options]
   * @param {boolean} [arg.options.debug] publish `window.__parley`; default: the page's query has `debug=1`
   */
  constructor({ url, options = {} }) {
    super();
  }

  /** @returns {"idle"|"connecting"|"open"|"closed"} */
  get state() {}

  /** @returns {boolean} whether the microphone is muted; stays set over a restart */
  get muted() {}

  /** @returns {boolean} whether this conversation has a microphone */
  get hasMicrophone() {}

  /**
   * Start sound and connection. Call it synchronously in the handler of a click or key: the audio context is created
   * and resumed before this function returns, else the browser keeps it silent.
   *
   * @param {StartOptions} [options]
   * @returns {Promise<void>} resolves when the microphone and the socket are ready. Rejects with TroubleError after
   *   everything was freed, with an `AbortError` when stop() came first, or with Error when the socket failed
   *   (a `connection` event "closed" tells code and reason).
   */
  start(options) {}

  /**
   * Send one client event.
   * @param {object} event e.g. from protocol.js; gets an `event_id` when it has none
   * @returns {boolean} false when there is no connection
   */
  send(event) {}

  /**
   * Mute or open the microphone. Muted, the server gets digital silence for 10 s (so that it can end the turn) and
   * then nothing; skipped samples are counted.
   * @param {boolean} muted
   */
  setMuted(muted) {}

  /**
   * Interrupt the assistant: cancel its response, silence it at once, cut the item to what was heard.
   * What Esc and the stop key do.
   */
  flush() {}

  /** Let a context that the browser has suspended go on; call it in a click handler. Harmless otherwise. */
  resume() {}

  /** End the conversation and free microphone, socket, worker, context, wake lock. `start()` works again afterwards. */
  stop() {}

  /**
   * List sound devices. Labels are empty until a microphone was allowed once.
   * @returns {Promise<{inputs: {id: string, label: string}[], outputs: {id: string, label: string}[]}>}
   */
  async devices() {}
}
