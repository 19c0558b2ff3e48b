/**
 * What went wrong, in words: code → what happened → what to do. Pure.
 *
 * @typedef {"start"|"sound"|"type"|"settings"|"reload"|"dismiss"|null} Action what the card's button does; null: no button
 * @typedef {{code: string, title: string, text: string, label: string, action: Action}} Trouble
 */

const START = ["Start again", "start"];
const TYPE = ["Type instead", "type"];
const SETTINGS = ["Open settings", "settings"];
const RELOAD = ["Load again", "reload"];
const DISMISS = ["Close", "dismiss"];

/** code → [title, text or "" for the server's own words, [label, action]] */
const TROUBLES = {
  // Sound of this browser.
  insecure_context: [
    "The microphone needs a secure address",
    "This page was opened over plain http from another machine, so the browser keeps the microphone away. Open it as http://localhost:3000 on the machine that runs Parley, or put https in front of it.",
    [null, null],
  ],
  microphone_denied: [
    "The microphone is blocked",
    "Allow it with the sign beside the address, then press the round button again. Typing works without it.",
    TYPE,
  ],
  microphone_missing: [
    "No microphone was found",
    "Plug one in and press the round button again. Typing works without it.",
    TYPE,
  ],
  microphone_busy: [
    "The microphone is in use",
    "Another program holds it. Close that program, or choose another microphone in the settings.",
    SETTINGS,
  ],
  microphone_lost: [
    "The microphone went away",
    "Typing goes on working. To speak again, plug the microphone in and press its button beside the round one.",
    TYPE,
  ],
  audio_blocked: [
    "The browser keeps the sound off",
    "Sound may start only after a press.",
    ["Turn the sound on", "sound"],
  ],
  unsupported: [
    "This browser cannot do it",
    "Parley needs AudioWorklet, WebSocket and module workers. A current Chrome, Edge, Firefox or Safari has them.",
    [null, null],
  ],
  network_slow: ["The network is slow", "Some of what you said was left out because it could not be sent in time.", [null, null]],

  // What the server says about the upstream. It adds its own advice; these titles are the short form.
  upstream_auth_failed: ["The service refused the key", "", START],
  upstream_forbidden: ["The service does not allow this", "", START],
  upstream_not_found: ["The service does not know this model or deployment", "", START],
  upstream_bad_request: ["The service refused the request", "", START],
  upstream_redirected: ["The service's address is wrong", "", START],
  upstream_rate_limited: ["Too many requests right now", "", START],
  upstream_unavailable: ["The service is not available", "", START],
  upstream_unreachable: ["The service cannot be reached", "", START],
  upstream_timeout: ["The service does not answer", "", START],
  upstream_tls_failed: ["The service could not be verified", "", START],
  upstream_closed: ["The service ended the conversation", "", START],
  upstream_bad_data: ["The service sent something unreadable", "", START],
  session_defaults_rejected: ["The service refused the settings", "", SETTINGS],
  upstream_dialect_mismatch: ["The service speaks an older or newer protocol", "", START],
  engine_starting: ["The built-in engine is still starting", "", START],
  engine_failed: ["The built-in engine did not start", "", START],

  // What the server says about this connection.
  too_many_sessions: ["Every place is taken", "", START],
  session_limit_reached: ["The time is up", "", START],
  session_idle: ["Ended after a long silence", "", START],
  session_expired: [
    "This session has reached its end",
    "The service ends every session after a while. Press the round button to go on; the conversation stays on the page.",
    START,
  ],
  slow_client: ["This browser could not keep up", "", START],
  slow_upstream: ["The service could not keep up", "", START],
  unauthorized: ["Please sign in", "Open the login link that the server printed when it started.", RELOAD],
  origin_not_allowed: ["This address may not talk to the server", "", RELOAD],
  host_not_allowed: ["The server does not know this address", "", RELOAD],
  internal_error: ["Something broke on the server", "", START],

  // The connection itself.
  connection_lost: ["The connection broke", "Nothing on the page is lost. Press the round button to go on.", START],
  connection_refused: ["The server does not answer", "Look whether Parley still runs where you started it, then start again.", START],
  server_stopped: ["The server was stopped", "Start Parley again, then press the round button.", START],
  page_broken: ["The page stumbled", "Load it again. If this comes back, please report it.", RELOAD],
};

/** Close codes without an error event before them → code of the table. */
const CLOSES = {
  1000: "upstream_closed",
  1001: "server_stopped",
  1008: "unauthorized",
  1011: "internal_error",
  1012: "server_stopped",
  1013: "upstream_unavailable",
};

/**
 * Say what happened and what to do.
 *
 * @param {string|null} code of a trouble, an error event, or "connection_lost"
 * @param {string} [message] the server's own words: what happened and what to do
 * @returns {Trouble}
 */
export function troubleOf(code, message = "") {
  const [title, text, [label, action]] = TROUBLES[code] ?? ["The service reported an error", "", START];
  // Words of the server know more (which setting, which deployment) than a table that ships with the page.
  const said = text || message || "Press the round button to start again.";
  return { code: code ?? "error", title, text: said, label, action };
}

/**
 * An error during a conversation that goes on: there is nothing to start again.
 * @param {string|null} code
 * @param {string} [message]
 * @returns {Trouble}
 */
export function passingTrouble(code, message = "") {
  const [label, action] = DISMISS;
  return { ...troubleOf(code, message || "The conversation goes on."), label, action };
}

/**
 * Say why a connection ended.
 *
 * @param {{code: number, reason: string, was_open: boolean, error: {code: string|null, message: string}|null,
 *   expires_at: number|null, now_s: number}} end `error`: the last error event of this connection
 * @returns {Trouble}
 */
export function troubleOfClose({ code, reason, was_open, error, expires_at, now_s }) {
  if (error) return troubleOf(error.code, error.message);
  if (expires_at && now_s >= expires_at - 5) return troubleOf("session_expired");
  if (!was_open) return troubleOf("connection_refused");
  const known = CLOSES[code];
  return known ? troubleOf(known, reason || "Press the round button to start again.") : troubleOf("connection_lost");
}

/** Seconds without a word after which the page says why. */
export const UNHEARD_AFTER_S = 6;

/** Below this a device gives no sound at all: even a quiet room has some noise. dB of full scale. */
const SILENT_DB = -72;

/** Above this somebody may be speaking. dB of full scale. */
const AUDIBLE_DB = -52;

/**
 * Say why nothing is heard.
 *
 * @param {{quiet_s: number, muted: boolean, has_microphone: boolean, peak_db: number, device: string, threshold: number,
 *   last_unclear: boolean, phrases: string[]}} now `peak_db`: loudest input of the quiet time; `last_unclear`: the last
 *   turn was no phrase that the built-in engine knows
 * @returns {{reason: "muted"|"silent"|"threshold"|"phrase"|"quiet", text: string}|null} null: nothing to say yet
 */
export function whyUnheard({ quiet_s, muted, has_microphone, peak_db, device, threshold, last_unclear, phrases }) {
  if (quiet_s < UNHEARD_AFTER_S || !has_microphone) return null;
  if (muted) return { reason: "muted", text: "You are muted, so nothing is sent. Press the microphone or M to speak." };
  if (peak_db < SILENT_DB) {
    const name = device || "The microphone";
    return {
      reason: "silent",
      text: `${name} gives no sound at all. It may be switched off; choose another one in the settings.`,
    };
  }
  if (last_unclear && phrases.length > 0) {
    return { reason: "phrase", text: `That was no phrase the built-in engine knows. Try “${phrases[0]}”.` };
  }
  if (peak_db < AUDIBLE_DB) {
    return { reason: "quiet", text: "I hear the room but no voice. Speak up or come closer." };
  }
  return {
    reason: "threshold",
    text: `There is sound, but not enough voice for the threshold of ${threshold.toFixed(2)}. Speak up, or lower it in the settings.`,
  };
}
