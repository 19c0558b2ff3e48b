import assert from "node:assert/strict";
import { test } from "node:test";

import { passingTrouble, troubleOf, troubleOfClose, whyUnheard } from "../../public/js/errors.js";

const CLOSED = { code: 1006, reason: "", was_open: true, error: null, expires_at: null, now_s: 1000 };

test("every known trouble says what happened and offers a way on", () => {
  for (const code of ["microphone_denied", "microphone_missing", "microphone_busy", "audio_blocked", "session_expired"]) {
    const { title, text, label, action } = troubleOf(code, "the browser's own words");
    assert.ok(title && text && label && action, code);
  }
});

test("an insecure address names the address that works", () => {
  assert.match(troubleOf("insecure_context").text, /http:\/\/localhost:3000/);
});

test("the server's own advice is shown, because it names the setting", () => {
  const trouble = troubleOf("upstream_auth_failed", "The key was refused. Check AZURE_OPENAI_API_KEY.");
  assert.equal(trouble.text, "The key was refused. Check AZURE_OPENAI_API_KEY.");
  assert.equal(trouble.action, "start");
});

test("an unknown code still gives a sentence", () => {
  const trouble = troubleOf("brand_new_code", "");
  assert.ok(trouble.title && trouble.text);
  assert.equal(trouble.code, "brand_new_code");
});

test("an error in a conversation that goes on can only be closed", () => {
  assert.equal(passingTrouble("invalid_event", "No.").action, "dismiss");
});

test("the error event before the close is the reason of the close", () => {
  const error = { code: "upstream_unreachable", message: "No way there." };
  assert.equal(troubleOfClose({ ...CLOSED, error }).code, "upstream_unreachable");
});

test("a close at the end of the session's time says so", () => {
  assert.equal(troubleOfClose({ ...CLOSED, code: 1000, expires_at: 1003 }).code, "session_expired");
});

test("a connection that never opened is a server that does not answer", () => {
  assert.equal(troubleOfClose({ ...CLOSED, was_open: false }).code, "connection_refused");
});

test("close codes without an error have their own sentences", () => {
  assert.equal(troubleOfClose(CLOSED).code, "connection_lost");
  assert.equal(troubleOfClose({ ...CLOSED, code: 1001 }).code, "server_stopped");
  assert.equal(troubleOfClose({ ...CLOSED, code: 1013, reason: "Later." }).text, "Later.");
});

const QUIET = {
  quiet_s: 7,
  muted: false,
  has_microphone: true,
  peak_db: -60,
  device: "Desk microphone",
  threshold: 0.5,
  last_unclear: false,
  phrases: ["What time is it?"],
};

test("for six seconds nothing is said about the silence", () => {
  assert.equal(whyUnheard({ ...QUIET, quiet_s: 5.9 }), null);
  assert.equal(whyUnheard({ ...QUIET, has_microphone: false }), null);
});

test("being muted is the first reason", () => {
  assert.equal(whyUnheard({ ...QUIET, muted: true, peak_db: -100 }).reason, "muted");
});

test("a device without any sound is named", () => {
  const why = whyUnheard({ ...QUIET, peak_db: -95 });
  assert.equal(why.reason, "silent");
  assert.match(why.text, /Desk microphone/);
});

test("after an unclear turn a phrase is proposed", () => {
  const why = whyUnheard({ ...QUIET, last_unclear: true });
  assert.equal(why.reason, "phrase");
  assert.match(why.text, /What time is it\?/);
});

test("sound below the threshold is told with the threshold", () => {
  assert.match(whyUnheard({ ...QUIET, peak_db: -30 }).text, /0\.50/);
  assert.equal(whyUnheard({ ...QUIET, peak_db: -30 }).reason, "threshold");
  assert.equal(whyUnheard(QUIET).reason, "quiet");
});
