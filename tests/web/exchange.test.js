import assert from "node:assert/strict";
import test from "node:test";

import { Exchange } from "../../public/js/net/exchange.js";
import { CONGESTED_BYTES, HELD_CAP_SAMPLES, MUTED_TAIL_SAMPLES, STALLED_AFTER_MS } from "../../public/js/net/outbox.js";
import { script } from "./scripts.js";

const CREATED = {
  type: "session.created",
  session: { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: true } } } },
};
const BATCH = 960;

/** An exchange with an open session. */
function ready(session = CREATED.session) {
  const exchange = new Exchange();
  exchange.received({ ...CREATED, session }, 0);
  return exchange;
}

const batch = (index, is_muted = false) => ({
  audio: `batch${index}`,
  samples: BATCH,
  start_sample: index * BATCH,
  is_muted,
});
const done = (actions, what) => actions.filter((action) => action.do === what);
const sent = (actions) => done(actions, "send").map(({ event }) => event);
const posted = (actions, type) =>
  done(actions, "post")
    .map(({ message }) => message)
    .filter((message) => message.type === type);

const started = (id, more = {}) => ({ type: "response.created", response: { id, ...more } });
const item = (id) => ({ type: "conversation.item.added", item: { id, role: "assistant" } });
const delta = (response_id, item_id, content_index = 0) => ({
  type: "response.output_audio.delta",
  response_id,
  item_id,
  content_index,
  delta: "AAAAAAAA",
});
const SPEECH = { type: "input_audio_buffer.speech_started", item_id: "user", audio_start_ms: 1 };

/** Give one response's speech to the loudspeaker. */
function speak(exchange, response_id = "r1", item_id = "i1") {
  exchange.received(started(response_id), 0);
  exchange.received(item(item_id), 0);
  return exchange.received(delta(response_id, item_id), 0);
}

const part = (more = {}) => ({
  item_id: "i1",
  content_index: 0,
  played_samples: 24000,
  received_samples: 48000,
  is_complete: false,
  ...more,
});
const report = (parts, reason = "speech") => ({ token: { number: 1, reason }, parts, context_time: 2.5 });

test("the first batches wait for the session, then go in order", () => {
  const exchange = new Exchange();
  for (let i = 0; i < 3; i += 1) assert.deepEqual(exchange.outbox.captured(batch(i), 0, 0), []);
  const actions = exchange.received(CREATED, 0);
  assert.deepEqual(done(actions, "append").map(({ audio }) => audio), ["batch0", "batch1", "batch2"]);
  assert.deepEqual(exchange.outbox.captured(batch(3), 0, 0), [{ do: "append", audio: "batch3" }]);
  assert.equal(exchange.outbox.sent_samples, 4 * BATCH);
  assert.equal(exchange.outbox.skipped_samples, 0);
});

test("held audio has a cap: the oldest goes and is counted", () => {
  const exchange = new Exchange();
  for (let i = 0; i < 60; i += 1) exchange.outbox.captured(batch(i), 0, 0);
  const kept = HELD_CAP_SAMPLES / BATCH;
  const appended = done(exchange.received(CREATED, 0), "append");
  assert.equal(appended.length, kept);
  assert.equal(appended.at(-1).audio, "batch59");
  assert.equal(exchange.outbox.dropped_batches, 60 - kept);
  assert.equal(exchange.outbox.skipped_samples, (60 - kept) * BATCH);
});

test("a slow network holds audio back, says so once, and drops the oldest", () => {
  const exchange = ready();
  const slow = CONGESTED_BYTES + 1;
  assert.equal(posted(exchange.outbox.captured(batch(0), slow, 0), "trouble")[0].code, "network_slow");
  for (let i = 1; i < 60; i += 1) {
    assert.deepEqual(posted(exchange.outbox.captured(batch(i), slow, i * 40), "trouble"), []);
  }
  assert.equal(posted(exchange.outbox.captured(batch(60), slow, 6000), "trouble").length, 1);
  const actions = exchange.outbox.captured(batch(61), 0, 6040);
  assert.equal(done(actions, "append").length, HELD_CAP_SAMPLES / BATCH + 1);
  assert.equal(exchange.outbox.sent_samples + exchange.outbox.skipped_samples, 62 * BATCH);
});

test("a connection that takes nothing for long is given up; one that recovers in time is not", () => {
  const { outbox } = ready();
  const slow = CONGESTED_BYTES + 1;
  const half = STALLED_AFTER_MS / 2;
  outbox.captured(batch(0), slow, 0);
  outbox.captured(batch(1), 0, half);
  outbox.captured(batch(2), slow, half + 1);
  assert.deepEqual(done(outbox.captured(batch(3), slow, STALLED_AFTER_MS + 1), "give_up"), []);
  assert.deepEqual(outbox.captured(batch(4, true), slow, half + 1 + STALLED_AFTER_MS), [{ do: "give_up" }]);
});

test("a buffer at the limit is not yet slow", () => {
  assert.equal(done(ready().outbox.captured(batch(0), CONGESTED_BYTES, 0), "append").length, 1);
});

test("muted: silence ends the turn, then nothing is sent and the clock stays true", () => {
  const exchange = ready();
  const tail = MUTED_TAIL_SAMPLES / BATCH;
  let appended = 0;
  for (let i = 0; i < tail + 100; i += 1) appended += exchange.outbox.captured(batch(i, true), 0, 0).length;
  assert.equal(appended, tail);
  assert.equal(done(exchange.outbox.captured(batch(tail + 100), 0, 0), "append").length, 1);
  assert.equal(exchange.outbox.skipped_samples, 100 * BATCH);
});

test("with turns by hand a muted microphone sends nothing", () => {
  const exchange = ready({ audio: { input: { turn_detection: null } } });
  assert.deepEqual(exchange.outbox.captured(batch(0, true), 0, 0), []);
  assert.equal(done(exchange.outbox.captured(batch(1), 0, 0), "append").length, 1);
});

test("speech goes to the loudspeaker and its size to the page", () => {
  const actions = speak(ready());
  assert.deepEqual(done(actions, "play"), [{ do: "play", item_id: "i1", content_index: 0, audio: "AAAAAAAA" }]);
  const [{ event }] = posted(actions, "event");
  assert.equal(event.delta, undefined);
  assert.equal(event.audio_bytes, 6);
});

test("beta names of speech are played as well", () => {
  const exchange = ready();
  const actions = exchange.received({ ...delta("r", "i"), type: "response.audio.delta" }, 0);
  assert.equal(done(actions, "play").length, 1);
  assert.equal(posted(actions, "event")[0].event.audio_bytes, 6);
});

test("the user speaks: the flush comes first, then the page is told", () => {
  const exchange = ready();
  speak(exchange);
  const actions = exchange.received(SPEECH, 0);
  assert.equal(actions[0].do, "flush");
  assert.equal(actions[0].token.reason, "speech");
  assert.equal(posted(actions, "event").length, 1);
});

test("late speech of an interrupted response is not played", () => {
  const exchange = ready();
  speak(exchange);
  exchange.received(SPEECH, 0);
  assert.deepEqual(done(exchange.received(delta("r1", "i1"), 0), "play"), []);
  assert.deepEqual(done(exchange.received(delta("r1", "another"), 0), "play"), []);
  assert.equal(done(speak(exchange, "r2", "i2"), "play").length, 1);
});

test("interrupted before its first sound, a response stays silent", () => {
  const exchange = ready();
  exchange.received(started("r1"), 0);
  exchange.received(SPEECH, 0);
  assert.deepEqual(done(exchange.received(delta("r1", "i1"), 0), "play"), []);
});

test("speech does not interrupt where the session says so", () => {
  const exchange = ready({ audio: { input: { turn_detection: { interrupt_response: false } } } });
  speak(exchange);
  assert.deepEqual(done(exchange.received(SPEECH, 0), "flush"), []);
  exchange.received({ type: "session.updated", session: CREATED.session }, 0);
  assert.equal(done(exchange.received(SPEECH, 0), "flush").length, 1);
});

test("an update without turn detection changes nothing about it", () => {
  const exchange = ready({ audio: { input: { turn_detection: { interrupt_response: false } } } });
  exchange.received({ type: "session.updated", session: { audio: { output: {} } } }, 0);
  exchange.received({ type: "session.updated", session: { audio: { input: {} } } }, 0);
  assert.deepEqual(done(exchange.received(SPEECH, 0), "flush"), []);
});

test("what was heard is cut by the device's latency and sent once", () => {
  const exchange = ready();
  speak(exchange);
  exchange.received(SPEECH, 0);
  const actions = exchange.flushed(report([part()]), 0.03);
  assert.deepEqual(sent(actions), [
    { type: "conversation.item.truncate", item_id: "i1", content_index: 0, audio_end_ms: 970, event_id: "page_1" },
  ]);
  const [told] = posted(actions, "playback");
  assert.equal(told.state, "flushed");
  assert.equal(told.played_ms, 1000);
  assert.equal(told.heard_ms, 970);
  assert.equal(told.dropped_ms, 1000);
  assert.equal(told.context_time, 2.5);
  assert.deepEqual(sent(exchange.flushed(report([part()]), 0.03)), []);
});

test("an item that nobody heard is deleted, an unknown one left alone", () => {
  const exchange = ready();
  speak(exchange);
  assert.deepEqual(
    sent(exchange.flushed(report([part({ played_samples: 0 }), part({ item_id: "stranger" })]), 0)).map(
      ({ type, item_id }) => [type, item_id],
    ),
    [["conversation.item.delete", "i1"]],
  );
});

test("an item heard to its end is not cut", () => {
  const exchange = ready();
  speak(exchange);
  const whole = part({ played_samples: 48000, is_complete: true });
  assert.deepEqual(sent(exchange.flushed(report([whole]), 0.03)), []);
});

test("a second part that was not heard does not delete the first one", () => {
  const exchange = ready();
  speak(exchange);
  const ended = { type: "ended", item_id: "i1", content_index: 0, played_samples: 24000, context_time: 1 };
  assert.equal(posted(exchange.sounded(ended), "playback")[0].played_ms, 1000);
  assert.deepEqual(sent(exchange.flushed(report([part({ content_index: 1, played_samples: 0 })]), 0)), []);
});

test("only the first part of an item is cut", () => {
  const exchange = ready();
  speak(exchange);
  const parts = [part(), part({ content_index: 1, played_samples: 0 })];
  const events = sent(exchange.flushed(report(parts), 0));
  assert.equal(events.length, 1);
  assert.equal(events[0].audio_end_ms, 1000);
});

test("an item known only from its response can be cut", () => {
  const exchange = ready();
  exchange.received(started("r1"), 0);
  exchange.received({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } }, 0);
  exchange.received(delta("r1", "i1"), 0);
  assert.equal(sent(exchange.flushed(report([part()]), 0)).length, 1);
});

test("an out-of-band response is not cut and not cancelled", () => {
  const exchange = ready();
  exchange.received(started("r1", { conversation_id: null }), 0);
  exchange.received({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } }, 0);
  exchange.received(delta("r1", "i1"), 0);
  assert.deepEqual(sent(exchange.interrupted()), []);
  assert.deepEqual(sent(exchange.flushed(report([part()], "user"), 0)), []);
});

test("the user stops: cancel, flush, cut, in this order", () => {
  const exchange = ready();
  speak(exchange);
  const actions = exchange.interrupted();
  assert.deepEqual(sent(actions), [{ type: "response.cancel", response_id: "r1", event_id: "page_1" }]);
  assert.equal(actions.at(-1).do, "flush");
  assert.equal(sent(exchange.flushed(report([part()], "user"), 0))[0].type, "conversation.item.truncate");
});

test("the user stops a finished response that still sounds: nothing to cancel, all else the same", () => {
  const exchange = ready();
  speak(exchange);
  exchange.received({ type: "response.done", response: { id: "r1", status: "completed" } }, 0);
  const actions = exchange.interrupted();
  assert.deepEqual(actions.map((action) => action.do), ["flush"]);
  assert.equal(sent(exchange.flushed(report([part({ is_complete: true })], "user"), 0)).length, 1);
});

test("the user stops when nothing sounds: the page is told all the same", () => {
  const [message] = posted(ready().flushed(report([], "user"), 0), "playback");
  assert.equal(message.item_id, null);
  assert.deepEqual(ready().flushed(report([], "speech"), 0), []);
});

test("a cancel of the page silences as well", () => {
  const exchange = ready();
  speak(exchange);
  const actions = exchange.outgoing({ type: "response.cancel" });
  assert.deepEqual(actions.map((action) => action.do), ["send", "flush"]);
  assert.deepEqual(done(exchange.received(delta("r1", "i1"), 0), "play"), []);
});

test("cancelled by the server without a word: silence too, once", () => {
  const exchange = ready();
  speak(exchange);
  const end = { type: "response.done", response: { id: "r1", status: "cancelled" } };
  assert.equal(done(exchange.received(end, 0), "flush").length, 1);
  exchange.flushed(report([part()], "cancelled"), 0);
  assert.equal(done(exchange.received(end, 0), "flush").length, 0);
});

test("cancelled after the flush: the old item's end does not silence the next one", () => {
  const exchange = ready();
  speak(exchange);
  exchange.received(SPEECH, 0);
  exchange.flushed(report([part()]), 0);
  const end = { type: "response.done", response: { id: "r1", status: "cancelled" } };
  assert.deepEqual(done(exchange.received(end, 0), "flush"), []);
});

test("a part is finished when its audio is done, or at the latest with its response", () => {
  const exchange = ready();
  speak(exchange);
  exchange.received(delta("r1", "i1", 1), 0);
  const audioDone = { type: "response.output_audio.done", response_id: "r1", item_id: "i1", content_index: 0 };
  assert.deepEqual(done(exchange.received(audioDone, 0), "finish"), [
    { do: "finish", item_id: "i1", content_index: 0 },
  ]);
  assert.deepEqual(done(exchange.received(audioDone, 0), "finish"), []);
  const end = { type: "response.done", response: { id: "r1", status: "failed" } };
  assert.deepEqual(done(exchange.received(end, 0), "finish"), [{ do: "finish", item_id: "i1", content_index: 1 }]);
});

test("every client event has an id, its own one is kept", () => {
  const exchange = ready();
  assert.equal(sent(exchange.outgoing({ type: "response.create" }))[0].event_id, "page_1");
  assert.equal(sent(exchange.outgoing({ type: "response.create" }))[0].event_id, "page_2");
  assert.equal(sent(exchange.outgoing({ type: "x", event_id: "mine" }))[0].event_id, "mine");
});

const CREATE = { type: "response.create" };
const types = (actions) => sent(actions).map(({ type }) => type);
const ended = (id, status = "cancelled") => ({ type: "response.done", response: { id, status } });

test("typed over a reply: the new response is asked for when the old one is done and cut", () => {
  const exchange = ready();
  speak(exchange);
  const [, { token }] = exchange.interrupted();
  assert.deepEqual(types(exchange.outgoing({ type: "conversation.item.create" })), ["conversation.item.create"]);
  assert.deepEqual(exchange.outgoing(CREATE), []);
  assert.deepEqual(types(exchange.received(ended("r1"), 0)), [], "the cut is not known yet");
  assert.deepEqual(types(exchange.flushed({ ...report([part()], "user"), token }, 0)), [
    "conversation.item.truncate",
    "response.create",
  ]);
  assert.deepEqual(types(exchange.received(ended("r2", "completed"), 0)), [], "asked once");
});

test("the cut may come before the old response is done", () => {
  const exchange = ready();
  speak(exchange);
  const [, { token }] = exchange.interrupted();
  exchange.outgoing(CREATE);
  assert.deepEqual(types(exchange.flushed({ ...report([part()], "user"), token }, 0)), ["conversation.item.truncate"]);
  assert.deepEqual(types(exchange.received(ended("r1"), 0)), ["response.create"]);
});

test("a loudspeaker that does not answer holds no question back for ever", () => {
  const exchange = ready();
  const [{ token }] = exchange.interrupted();
  assert.deepEqual(exchange.outgoing(CREATE), []);
  assert.deepEqual(types(exchange.unanswered(token)), ["response.create"]);
  assert.deepEqual(exchange.unanswered(token), []);
});

test("two questions at once: the one that the server refuses is asked again after the other's answer", () => {
  const exchange = ready();
  exchange.outgoing(CREATE);
  const [{ event_id }] = sent(exchange.outgoing(CREATE));
  exchange.received(started("r1"), 0);
  const code = "conversation_already_has_active_response";
  assert.deepEqual(sent(exchange.received({ type: "error", error: { code, event_id: "page_1" } }, 0)), []);
  assert.deepEqual(sent(exchange.received({ type: "error", error: { code, event_id } }, 0)), []);
  assert.deepEqual(sent(exchange.received(ended("r1", "completed"), 0)), [{ ...CREATE, event_id }]);
  assert.deepEqual(sent(exchange.received(ended("r1", "completed"), 0)), []);
});

test("Esc takes back a question that has not gone out", () => {
  const exchange = ready();
  speak(exchange);
  assert.deepEqual(exchange.outgoing(CREATE), []);
  exchange.interrupted();
  exchange.flushed(report([part()], "user"), 0);
  assert.deepEqual(types(exchange.received(ended("r1"), 0)), []);
});

test("an out-of-band response waits for nobody", () => {
  const exchange = ready();
  speak(exchange);
  assert.equal(sent(exchange.outgoing({ ...CREATE, response: { conversation: "none" } })).length, 1);
});

test("speech that was never played is taken out of the conversation, once", () => {
  const exchange = ready();
  exchange.received(started("r1"), 0);
  exchange.interrupted();
  exchange.received(item("i1"), 0);
  exchange.received(delta("r1", "i1"), 0);
  exchange.received(delta("r1", "i1"), 0);
  const events = sent(exchange.received(ended("r1"), 0));
  assert.deepEqual(events.map(({ type, item_id }) => [type, item_id]), [["conversation.item.delete", "i1"]]);
  assert.deepEqual(sent(exchange.received(ended("r1"), 0)), []);
});

test("speech of which a part was played is cut, not taken out", () => {
  const exchange = ready();
  speak(exchange);
  exchange.interrupted();
  exchange.received(delta("r1", "i1"), 0);
  assert.deepEqual(types(exchange.received(ended("r1"), 0)), []);
  assert.deepEqual(types(exchange.flushed(report([part()], "user"), 0)), ["conversation.item.truncate"]);
});

test("a turn by hand is committed with the speech that a slow network held back", () => {
  const exchange = ready({ audio: { input: { turn_detection: null } } });
  exchange.outbox.captured(batch(0), CONGESTED_BYTES + 1, 0);
  const actions = exchange.outgoing({ type: "input_audio_buffer.commit" });
  assert.deepEqual(actions.map((action) => action.audio ?? action.event.type), ["batch0", "input_audio_buffer.commit"]);
});

test("cleared input takes with it what was held back", () => {
  const exchange = ready();
  exchange.outbox.captured(batch(0), CONGESTED_BYTES + 1, 0);
  exchange.outgoing({ type: "input_audio_buffer.clear" });
  assert.deepEqual(done(exchange.outbox.captured(batch(1), 0, 0), "append").map(({ audio }) => audio), ["batch1"]);
  assert.equal(exchange.outbox.skipped_samples, BATCH);
});

test("a replaced loudspeaker: cut to what had sounded, the rest is not played by the new one", () => {
  const exchange = ready();
  speak(exchange, "r0", "heard");
  exchange.received(ended("r0", "completed"), 0);
  exchange.sounded({ type: "ended", item_id: "heard", content_index: 0, played_samples: 4, context_time: 1 });
  speak(exchange, "r1", "i1");
  exchange.received(item("i2"), 0);
  exchange.received(delta("r1", "i2"), 0);
  const events = sent(exchange.speakerReplaced({ item_id: "i1", played_samples: 24000 }, 0.1));
  assert.deepEqual(events.map(({ type, item_id, audio_end_ms }) => [type, item_id ?? "", audio_end_ms]), [
    ["response.cancel", "", undefined],
    ["conversation.item.truncate", "i1", 900],
    ["conversation.item.delete", "i2", undefined],
  ]);
  assert.deepEqual(done(exchange.received(delta("r1", "i1"), 0), "play"), []);
  assert.deepEqual(exchange.speakerReplaced({ item_id: null, played_samples: 0 }, 0.1), []);
});

test("the barge-in script: the page's truncate is the one that the script has", () => {
  const exchange = new Exchange();
  const events = [];
  for (const { server, playback, at_ms, client } of script("conversation_barge_in")) {
    if (server) exchange.received(server, at_ms);
    if (playback?.state === "flushed") {
      const flushed = part({ item_id: playback.item_id, played_samples: 2472, received_samples: 4800 });
      events.push(...sent(exchange.flushed(report([flushed]), 0.003)));
    }
    if (client) assert.deepEqual({ ...events.shift(), event_id: undefined }, { ...client, event_id: undefined });
  }
  assert.deepEqual(events, []);
});

test("an event of no known type reaches the page and does nothing", () => {
  for (const type of ["x.y", "toString", "constructor"]) {
    assert.deepEqual(ready().received({ type }, 7), [
      { do: "post", message: { type: "event", event: { type }, at_ms: 7 } },
    ]);
  }
});

test("after thousands of interruptions the next one is cut once", () => {
  const exchange = ready();
  for (let i = 0; i < 2000; i += 1) {
    speak(exchange, `r${i}`, `i${i}`);
    exchange.received(SPEECH, 0);
    exchange.flushed(report([part({ item_id: `i${i}` })]), 0);
    exchange.received({ type: "response.done", response: { id: `r${i}`, status: "cancelled" } }, 0);
  }
  assert.equal(sent(exchange.flushed(report([part({ item_id: "i1999" })]), 0)).length, 0);
  speak(exchange, "last", "last");
  assert.equal(sent(exchange.flushed(report([part({ item_id: "last" })]), 0)).length, 1);
});
