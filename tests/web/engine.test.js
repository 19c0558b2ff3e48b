import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { held, made, ScriptedStream, second, settle, will } from "./browser-scope.js";

const { AudioEngine } = await import("../../public/js/audio/engine.js");

const NOTHING = { contexts: 0, workers: 0, microphones: 0, locks: 0, timers: 0 };
const usual = { ...will };

beforeEach(() => {
  Object.assign(will, usual);
  for (const list of Object.values(made)) list.length = 0;
});

/** An engine that keeps what it tells. */
function listening() {
  const engine = new AudioEngine({ url: "/ws" });
  engine.told = [];
  for (const type of ["connection", "playback", "trouble", "level"]) {
    engine.addEventListener(type, ({ detail }) => engine.told.push({ type, ...detail }));
  }
  engine.of = (type) => engine.told.filter((told) => told.type === type);
  return engine;
}

/** A running conversation. */
async function running(options) {
  const engine = listening();
  const start = engine.start(options);
  made.workers.at(-1).open();
  await start;
  await settle();
  return engine;
}

const playback = (state, item_id = "i", more = {}) => ({ type: "playback", state, item_id, context_time: 0, ...more });
const level = (more) => ({ type: "level", playing_item_id: "i", content_index: 0, played_ms: 0, received_ms: 0, ...more });

test("the context is made and resumed before start() returns", () => {
  let resumed = 0;
  will.resume = async () => (resumed += 1);
  const engine = listening();
  engine.start().catch(() => {});
  assert.equal(made.contexts.length, 1);
  assert.equal(resumed, 1);
  engine.stop();
});

test("the worklets are told to end before their context is closed", async () => {
  const engine = await running();
  engine.stop();
  for (const { port } of made.nodes.slice(-2)) assert.deepEqual(port.sent.at(-1), { type: "end" });
  assert.equal(held().contexts, 1);
  await settle();
  assert.equal(held().contexts, 0);
});

test("over 50 conversations nothing is left behind", async () => {
  const engine = listening();
  for (let i = 0; i < 50; i += 1) {
    const start = engine.start();
    made.workers.at(-1).open();
    await start;
    engine.stop();
    await settle();
  }
  assert.deepEqual(held(), NOTHING);
});

test("a second start takes the place of the first", async () => {
  const engine = listening();
  const first = engine.start();
  const second_start = engine.start();
  await assert.rejects(first, { name: "AbortError" });
  made.workers.at(-1).open();
  await second_start;
  await settle();
  assert.deepEqual(held(), { contexts: 1, workers: 1, microphones: 1, locks: 1, timers: 1 });
  engine.stop();
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("stopped while the browser asks for the microphone: the late microphone is given back", async () => {
  let grant;
  will.grant = () => new Promise((resolve) => (grant = resolve));
  const engine = listening();
  const start = engine.start();
  await settle();
  engine.stop();
  await assert.rejects(start, { name: "AbortError" });
  grant(new ScriptedStream());
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("a denied microphone frees everything and says so once", async () => {
  will.grant = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
  const engine = listening();
  await assert.rejects(engine.start(), { code: "microphone_denied" });
  assert.deepEqual(engine.of("trouble").map(({ code, fatal }) => [code, fatal]), [["microphone_denied", true]]);
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("a socket that is refused while the browser still asks for the microphone ends the start", async () => {
  will.grant = () => new Promise(() => {});
  const engine = listening();
  const start = engine.start();
  made.workers[0].say({ type: "connection", state: "closed", code: 1006, reason: "", wasClean: false });
  await assert.rejects(start, { name: "ConnectionError", code: 1006 });
  await settle();
  assert.deepEqual({ ...held(), microphones: 0 }, NOTHING);
});

test("worklets that cannot be loaded because the server is gone: the socket's reason is told", async () => {
  will.load = () => Promise.reject(new DOMException("Unable to load a worklet's module.", "AbortError"));
  const engine = listening();
  const start = engine.start({ microphone: false });
  await settle();
  made.workers[0].say({ type: "connection", state: "closed", code: 1006, reason: "", wasClean: false });
  await assert.rejects(start, { name: "ConnectionError" });
  assert.deepEqual(engine.of("trouble"), []);
});

test("worklets that cannot be loaded from a server that is there: this browser lacks something", async () => {
  will.load = () => Promise.reject(new DOMException("Unable to load a worklet's module.", "AbortError"));
  const engine = listening();
  const start = engine.start({ microphone: false });
  made.workers[0].open();
  await assert.rejects(start, { code: "unsupported" });
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("a microphone may join while the worklets are still loading", async () => {
  const loads = [];
  will.load = () => new Promise((resolve) => loads.push(resolve));
  const engine = listening();
  const start = engine.start({ microphone: false });
  const join = engine.addMicrophone();
  await settle();
  loads.forEach((resolve) => resolve());
  made.workers[0].open();
  await start;
  await join;
  assert.equal(engine.hasMicrophone, true);
  assert.deepEqual(made.nodes.map(({ name }) => name).sort(), ["capture", "playback"]);
  engine.stop();
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("another microphone gives the old one back, a refused one changes nothing", async () => {
  const engine = await running();
  await engine.setDevice("other");
  assert.deepEqual(made.streams.map(({ track }) => track.is_stopped), [true, false]);
  will.grant = () => Promise.reject(new DOMException("", "NotReadableError"));
  await assert.rejects(engine.setDevice("third"), { code: "microphone_busy" });
  assert.equal(engine.hasMicrophone, true);
  assert.equal(made.streams[1].track.is_stopped, false);
  engine.stop();
});

test("a microphone that is pulled out is replaced, still muted", async () => {
  const engine = await running();
  engine.setMuted(true);
  made.streams[0].track.dispatchEvent(new Event("ended"));
  await settle();
  assert.equal(made.streams.length, 2);
  assert.equal(made.streams[1].track.enabled, false);
  assert.deepEqual(engine.of("trouble").map(({ code, fatal }) => [code, fatal]), [["microphone_lost", false]]);
  engine.stop();
});

test("without another microphone the conversation goes on typed", async () => {
  const engine = await running();
  will.grant = () => Promise.reject(new DOMException("", "NotFoundError"));
  made.streams[0].track.dispatchEvent(new Event("ended"));
  await settle();
  assert.equal(engine.hasMicrophone, false);
  assert.equal(engine.state, "open");
  assert.equal(engine.send({ type: "response.create" }), true);
  engine.stop();
});

test("stopped in the middle of a reply: the page learns what was heard of it", async () => {
  const engine = await running();
  const [worker] = made.workers;
  worker.say(playback("started"));
  worker.say(level({ played_ms: 1500, received_ms: 9000 }));
  engine.stop();
  const [, flushed] = engine.of("playback");
  assert.deepEqual(
    [flushed.state, flushed.item_id, flushed.heard_ms, flushed.dropped_ms],
    ["flushed", "i", 1480, 7500],
  );
});

test("stopped in silence: nothing is told of the loudspeaker", async () => {
  const engine = await running();
  const [worker] = made.workers;
  worker.say(playback("started"));
  worker.say(playback("ended"));
  engine.stop();
  assert.equal(engine.of("playback").at(-1).state, "ended");
});

test("a context that stands still is replaced once; socket and microphone stay", async () => {
  const engine = await running();
  made.contexts[0].currentTime = 5;
  second();
  second();
  await settle();
  assert.equal(made.contexts.length, 2);
  assert.equal(made.contexts[0].state, "closed");
  assert.deepEqual(held(), { contexts: 1, workers: 1, microphones: 1, locks: 1, timers: 1 });
  const ports = made.workers[0].received.filter(({ type }) => type === "playback_port");
  assert.equal(ports.length, 2);
  engine.stop();
  await settle();
  assert.deepEqual(held(), NOTHING);
});

test("a context that a phone call holds is left alone", async () => {
  const engine = await running();
  let resumed = 0;
  will.resume = async () => (resumed += 1);
  made.contexts[0].state = "interrupted";
  second();
  engine.resume();
  assert.equal(resumed, 0);
  made.contexts[0].state = "suspended";
  second();
  assert.equal(resumed, 1);
  engine.stop();
});

test("after the connection has ended late words of its worker are not heard", async () => {
  const engine = await running();
  const [worker] = made.workers;
  worker.say({ type: "connection", state: "closed", code: 1012, reason: "restart", wasClean: true });
  const before = engine.told.length;
  worker.say(playback("started"));
  assert.equal(engine.told.length, before);
  await settle();
  assert.deepEqual(held(), NOTHING);
  assert.equal(engine.send({ type: "response.create" }), false);
});
