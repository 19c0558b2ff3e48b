import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";

import {
  confidenceOf,
  initialState,
  newSession,
  phase,
  reduce,
  reducePlayback,
  spokenParts,
} from "../../public/js/session.js";
import { includes, script } from "./scripts.js";

const names = readdirSync(new URL("../fixtures", import.meta.url))
  .filter((name) => /^conversation_.*\.jsonl$/.test(name))
  .map((name) => name.replace(".jsonl", ""));

/** Run a script; `change` may alter an event before it is reduced. */
function run(name, change = (event) => event) {
  let state = initialState();
  script(name).forEach((line, index) => {
    if (line.server) state = reduce(state, change(line.server), line.at_ms);
    if (line.playback) state = reducePlayback(state, line.playback);
    if (line.state) includes(state, line.state, `${name}:${index + 1}`);
  });
  return state;
}

for (const name of names) {
  test(`${name}: the state follows the events`, () => {
    run(name);
  });

  test(`${name}: the sound's size does as well as the sound`, () => {
    run(name, (event) => {
      if (!/audio\.delta$/.test(event.type)) return event;
      return { ...event, delta: undefined, audio_bytes: Buffer.from(event.delta, "base64").length };
    });
  });

  test(`${name}: nothing is changed in place`, () => {
    let state = freeze(initialState());
    for (const { server, playback, at_ms } of script(name)) {
      if (server) state = freeze(reduce(state, freeze(server), at_ms));
      if (playback) state = freeze(reducePlayback(state, playback));
    }
  });
}

function freeze(value) {
  if (value && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

for (const [status, is_interrupted] of [
  ["cancelled", true],
  ["incomplete", false],
  ["failed", false],
]) {
  test(`a reply that ended ${status} was ${is_interrupted ? "" : "not "}interrupted by the user`, () => {
    const item = { id: "i", type: "message", role: "assistant", content: [{ type: "output_audio", transcript: "Well" }] };
    const events = [
      { type: "response.created", response: { id: "r" } },
      { type: "response.output_item.added", response_id: "r", item: { ...item, status: "in_progress" } },
      { type: "response.output_item.done", response_id: "r", item: { ...item, status: "incomplete" } },
      { type: "response.done", response: { id: "r", status, status_details: { reason: "max_output_tokens" } } },
    ];
    const state = events.reduce((old, event) => reduce(old, event, 0), initialState());
    assert.equal(state.items[0].status, "incomplete");
    assert.equal(state.items[0].interrupted, is_interrupted);
    assert.equal(state.responses.r.reason, "max_output_tokens");
  });
}

test("there are scripts of every kind of turn", () => {
  assert.ok(names.length >= 6, names.join());
});

test("unknown and broken events change nothing", () => {
  const state = run("conversation_voice_turn");
  for (const event of [{ type: "response.dream.delta" }, { type: "toString" }, {}, null, undefined]) {
    assert.equal(reduce(state, event, 1), state);
  }
});

test("an item that did not change keeps its identity", () => {
  const state = run("conversation_voice_turn");
  const next = reduce(state, { type: "response.output_audio_transcript.delta", item_id: "item_B", delta: "!" }, 1);
  assert.equal(next.items[0], state.items[0]);
  assert.notEqual(next.items[1], state.items[1]);
});

test("what was not heard is told apart from what was", () => {
  const [, cut, , whole] = run("conversation_barge_in").items;
  assert.deepEqual(spokenParts(cut), { heard: "One two three four", unheard: " five six seven eight" });
  assert.deepEqual(spokenParts(whole), { heard: "Sorry.", unheard: "" });
});

test("an item is put in its place even when its announcement came late", () => {
  let state = initialState();
  const item = (id) => ({ id, type: "message", role: "user", status: "completed", content: [] });
  const add = (id, previous_item_id) =>
    (state = reduce(state, { type: "conversation.item.added", item: item(id), previous_item_id }, 1));
  add("a", null);
  add("c", "a");
  add("b", "a");
  assert.deepEqual(state.items.map(({ id }) => id), ["a", "b", "c"]);
  add("d", "gone");
  add("e", undefined);
  assert.deepEqual(state.items.map(({ id }) => id), ["a", "b", "c", "d", "e"]);
});

test("speech that is cleared leaves no empty bubble", () => {
  let state = reduce(initialState(), { type: "input_audio_buffer.speech_started", item_id: "a" }, 1);
  assert.equal(state.items.length, 1);
  state = reduce(state, { type: "input_audio_buffer.cleared" }, 2);
  assert.equal(state.items.length, 0);
  assert.equal(state.listening, false);
});

test("a new session keeps the conversation in sight and apart", () => {
  const old = run("conversation_barge_in");
  let state = newSession(old);
  assert.equal(state.session, null);
  assert.equal(state.usage.total_tokens, 0);
  assert.ok(state.items.every((item) => item.past));
  const item = { id: "item_A", type: "message", role: "user", content: [{ type: "input_text", text: "again" }] };
  state = reduce(state, { type: "conversation.item.added", item, previous_item_id: null }, 1);
  assert.equal(state.items.length, 5);
  assert.equal(state.items[4].text, "again");
  state = reduce(state, { type: "conversation.item.deleted", item_id: "item_A" }, 2);
  assert.deepEqual(state.items.map(({ past }) => past), [true, true, true, true]);
});

test("nobody waits for an answer that the session does not give by itself", () => {
  const stopped = { type: "input_audio_buffer.speech_stopped", item_id: "a", audio_end_ms: 900 };
  const session = { audio: { input: { turn_detection: { create_response: false } } } };
  const state = reduce(initialState(), { type: "session.created", session }, 1);
  assert.equal(reduce(state, stopped, 2).awaiting, false);
  assert.equal(reduce(initialState(), stopped, 2).awaiting, true);
});

test("g711 audio has eight bytes per millisecond", () => {
  const session = { audio: { output: { format: { type: "audio/pcmu" } } } };
  let state = reduce(initialState(), { type: "session.created", session }, 1);
  state = reduce(state, { type: "response.output_audio.delta", item_id: "a", audio_bytes: 800 }, 2);
  assert.equal(state.items[0].audio_ms, 100);
});

test("a transcript is a guess when its words are doubtful", () => {
  assert.equal(confidenceOf(undefined), null);
  assert.equal(confidenceOf([]), null);
  assert.equal(confidenceOf([{ logprob: 0 }]), 1);
  assert.ok(confidenceOf([{ logprob: -0.5 }, { logprob: -0.6 }]) < 0.6);
  assert.ok(confidenceOf([{ logprob: NaN }]) < 0.01);
});

test("phases", () => {
  const none = initialState();
  const open = { ...none, session: {} };
  assert.equal(phase(none, "idle", false), "ready");
  assert.equal(phase(none, "closed", false), "ready");
  assert.equal(phase(none, "trouble", false), "trouble");
  assert.equal(phase(none, "connecting", false), "connecting");
  assert.equal(phase(none, "open", false), "connecting");
  assert.equal(phase(open, "open", false), "listening");
  assert.equal(phase(open, "open", true), "muted");
  assert.equal(phase({ ...open, awaiting: true }, "open", false), "thinking");
  assert.equal(phase({ ...open, active_response_id: "r" }, "open", true), "thinking");
  assert.equal(phase({ ...open, active_response_id: "r", speaking: true }, "open", true), "speaking");
  assert.equal(phase({ ...open, listening: true, active_response_id: "r" }, "open", false), "listening");
});
