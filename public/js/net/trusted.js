/**
 * The one place that turns a string into a script address (Trusted Types policy `app`). Main thread.
 *
 * The page's Content-Security-Policy allows no other policy, so nothing else can load a script from a string.
 */

const WORKER_URL = new URL("./ws-worker.js", import.meta.url);

const policy = globalThis.trustedTypes?.createPolicy("app", {
  createScriptURL(text) {
    if (text !== WORKER_URL.href) throw new TypeError(`not a script of this page: ${text}`);
    return text;
  },
});

/** Start the socket worker. @returns {Worker} */
export function createSocketWorker() {
  const url = policy ? policy.createScriptURL(WORKER_URL.href) : WORKER_URL;
  return new Worker(url, { type: "module", name: "socket" });
}
