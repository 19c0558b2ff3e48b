/**
 * What can be wrong with sound and connection, as errors with a code. Main thread.
 *
 * @typedef {"insecure_context"|"microphone_denied"|"microphone_missing"|"microphone_busy"|"audio_blocked"|"unsupported"|"microphone_lost"|"network_slow"} TroubleCode
 */

/** What happened and what to do, by trouble code. */
export const TROUBLE_MESSAGES = {
  insecure_context:
    "The browser gives the microphone only to secure pages. Open this page at http://localhost or over https.",
  microphone_denied: "The microphone is not allowed. Allow it in the browser's site settings, then start again.",
  microphone_missing: "No microphone was found. Plug one in, then start again, or type instead.",
  microphone_busy: "The microphone is in use by another program. Close that program, then start again.",
  audio_blocked: "The browser does not let this page sound. Press the button once more.",
  unsupported: "This browser lacks what live sound needs. Use a current Firefox, Chrome, Edge or Safari.",
  microphone_lost: "The microphone is gone. Plug it in again, then start again, or type instead.",
  network_slow: "The network is slow: some of your speech could not be sent in time.",
};

/** Why the sound could not start; `code` is a trouble code. */
export class TroubleError extends Error {
  /**
   * @param {TroubleCode} code
   * @param {string} [message] what happened and what to do
   */
  constructor(code, message = TROUBLE_MESSAGES[code]) {
    super(message);
    this.name = "TroubleError";
    this.code = code;
  }
}

/** The socket closed before it was open; `code` and `reason` as in the `connection` event. */
export class ConnectionError extends Error {
  constructor({ code, reason }) {
    super(reason || `The connection could not be opened (code ${code}).`);
    this.name = "ConnectionError";
    this.code = code;
    this.reason = reason;
  }
}
