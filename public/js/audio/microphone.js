/** The microphone: asking for it, giving it back, saying why it could not be had. Main thread. */

import { TroubleError } from "./trouble.js";

/**
 * Ask for a microphone; echo cancellation, noise suppression and gain control as given, on by default.
 * @param {Required<import("./engine.js").StartOptions>} options a `deviceId` that is gone gives another microphone
 * @returns {Promise<MediaStream>} rejects as `getUserMedia` does
 */
export function openMicrophone({ deviceId, echoCancellation, noiseSuppression, autoGainControl }) {
  const audio = { echoCancellation, noiseSuppression, autoGainControl, channelCount: { ideal: 1 } };
  if (deviceId) audio.deviceId = { ideal: deviceId };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/** Give a microphone back: its light goes out. @param {MediaStream} stream */
export function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * Say in our words why a microphone could not be had.
 * @param {any} error of `getUserMedia`
 * @returns {TroubleError}
 */
export function microphoneTrouble(error) {
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new TroubleError("microphone_denied");
    case "NotFoundError":
    case "OverconstrainedError":
      return new TroubleError("microphone_missing");
    case "NotReadableError":
    case "AbortError":
      return new TroubleError("microphone_busy");
    default:
      return error instanceof TroubleError ? error : new TroubleError("unsupported", String(error));
  }
}
