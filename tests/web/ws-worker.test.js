import assert from "node:assert/strict";
import { once } from "node:events";
import test, { after } from "node:test";
import { MessageChannel } from "node:worker_threads";

/** A socket that opens when told to and remembers what it was given. */
class ScriptedSocket {
  static OPEN = 1;
  static CONNECTING = 0;
  static last = null;
  readyState = 0;
  bufferedAmount = 0;
  sent = [];
  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    ScriptedSocket.last = this;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close(code, reason) {
    this.readyState = 3;
    this.onclose({ code, reason, wasClean: true });
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(event) {
    this.onmessage({ data: typeof event === "string" ? event : JSON.stringify(event) });
  }
}

const posted = [];
globalThis.WebSocket = ScriptedSocket;
globalThis.onmessage = null;
globalThis.postMessage = (message) => posted.push(message);
await import("../../public/js/net/ws-worker.js");

const tell = (data) => globalThis.onmessage({ data });
const of = (type) => posted.filter((message) => message.type === type);
const audio = (n) => Buffer.from(new Int16Array(n).fill(7).buffer).toString("base64");

// The worker's side of the ports is Node's own MessagePort; the test holds the worklets' side.
const capture = new MessageChannel();
const playback = new MessageChannel();
for (const { port1, port2 } of [capture, playback]) {
  port1.unref();
  port2.unref();
}
after(() => [capture, playback].forEach(({ port1 }) => port1.close()));

tell({ type: "open", url: "ws://localhost/ws", origin_ms: performance.timeOrigin, debug: false });
tell({ type: "playback_port", port: playback.port2 });
tell({ type: "capture_port", port: capture.port2 });
tell({ type: "latency", seconds: 0.02 });
const socket = ScriptedSocket.last;

async function batch(index) {
  const { buffer } = new Int16Array(960).fill(index);
  const message = { type: "batch", buffer, samples: 960, start_sample: index * 960, first_context_time: 1.5 };
  capture.port1.postMessage({ ...message, peak: 0.5, rms: 0.1, is_muted: false }, [buffer]);
  const [back] = await once(capture.port1, "message");
  assert.equal(back.buffer.byteLength, 1920, "the buffer comes back");
}

test("the socket offers the API's subprotocol", () => {
  assert.deepEqual(socket.protocols, ["realtime"]);
  assert.equal(socket.url, "ws://localhost/ws");
});

test("what the page sends before the socket is open goes out when it is", () => {
  tell({ type: "send", event: { type: "session.update", session: {} } });
  assert.deepEqual(socket.sent, []);
  socket.open();
  assert.equal(of("connection").at(-1).state, "open");
  assert.deepEqual(socket.sent, [{ type: "session.update", session: {}, event_id: "page_1" }]);
  assert.equal(of("sent").length, 1);
});

test("sound waits for the session, keeps its order, and levels reach the page meanwhile", async () => {
  socket.sent.length = 0;
  await batch(0);
  await batch(1);
  assert.deepEqual(socket.sent, []);
  assert.equal(of("level").length, 2);
  assert.ok(Math.abs(of("level")[0].input_db + 20) < 0.01);
  socket.say({ type: "session.created", session: { audio: { input: { turn_detection: {} } } } });
  assert.deepEqual(
    socket.sent.map((event) => [event.type, Buffer.from(event.audio, "base64").readInt16LE(0)]),
    [
      ["input_audio_buffer.append", 0],
      ["input_audio_buffer.append", 1],
    ],
  );
});

test("speech is decoded for the loudspeaker and never reaches the page", async () => {
  socket.say({ type: "response.created", response: { id: "r" } });
  socket.say({ type: "conversation.item.added", item: { id: "i" } });
  socket.say({ type: "response.output_audio.delta", response_id: "r", item_id: "i", content_index: 0, delta: audio(2400) });
  const [message] = await once(playback.port1, "message");
  assert.equal(message.type, "audio");
  assert.deepEqual(message.samples, new Int16Array(2400).fill(7));
  const told = of("event").at(-1).event;
  assert.equal(told.delta, undefined);
  assert.equal(told.audio_bytes, 4800);
});

test("a barge-in goes from socket to loudspeaker to truncate without the page", async () => {
  socket.sent.length = 0;
  socket.say({ type: "input_audio_buffer.speech_started", item_id: "u" });
  const [flush] = await once(playback.port1, "message");
  assert.equal(flush.type, "flush");
  const parts = [{ item_id: "i", content_index: 0, played_samples: 1200, received_samples: 2400, is_complete: false }];
  playback.port1.postMessage({ type: "flushed", token: flush.token, parts, context_time: 3 });
  await once(playback.port2, "message");
  assert.equal(socket.sent[0].type, "conversation.item.truncate");
  assert.equal(socket.sent[0].audio_end_ms, 30);
  assert.equal(of("playback").at(-1).state, "flushed");
});

test("a delta that is no base64 is a gap, not the end", async () => {
  socket.say({ type: "response.created", response: { id: "bad" } });
  const message = { type: "response.output_audio.delta", response_id: "bad", item_id: "b", content_index: 0 };
  socket.say({ ...message, delta: "%%%" });
  socket.say({ ...message, delta: audio(10) });
  const [played] = await once(playback.port1, "message");
  assert.equal(played.samples.length, 10);
  socket.say({ type: "response.done", response: { id: "bad", status: "completed" } });
  await once(playback.port1, "message");
});

test("a question waits for the flush, and no longer than a moment when nobody answers", async () => {
  socket.say({ type: "response.done", response: { id: "r", status: "cancelled" } });
  await once(playback.port1, "message");
  socket.sent.length = 0;
  tell({ type: "interrupt" });
  await once(playback.port1, "message");
  tell({ type: "send", event: { type: "response.create" } });
  assert.deepEqual(socket.sent, []);
  await new Promise((resolve) => (socket.send = (text) => resolve(socket.sent.push(JSON.parse(text)))));
  delete socket.send;
  assert.equal(socket.sent[0].type, "response.create");
});

test("frames that are no events are passed over", () => {
  const before = posted.length;
  for (const text of ["", "{", "[]", "null", '{"no":"type"}', "42"]) socket.say(text);
  assert.equal(posted.length, before);
});

test("a close is told, the sound flushed, and nothing is sent any more", async () => {
  socket.sent.length = 0;
  tell({ type: "close", code: 1000, reason: "" });
  const closed = of("connection").at(-1);
  assert.deepEqual([closed.state, closed.code, closed.wasClean], ["closed", 1000, true]);
  const [flush] = await once(playback.port1, "message");
  assert.equal(flush.token.reason, "closed");
  tell({ type: "send", event: { type: "response.create" } });
  await batch(2);
  assert.deepEqual(socket.sent, []);
});

test("a dead connection is told as lost without waiting for its handshake", async () => {
  tell({ type: "open", url: "ws://localhost/ws", origin_ms: performance.timeOrigin, debug: false });
  const dead = ScriptedSocket.last;
  dead.open();
  dead.close = () => (dead.is_closing = true);
  dead.bufferedAmount = 1e6;
  await batch(3);
  const now = performance.now;
  performance.now = () => now.call(performance) + 60_000;
  await batch(4);
  performance.now = now;
  assert.equal(dead.is_closing, true);
  const { state, code } = of("connection").at(-1);
  assert.deepEqual([state, code], ["closed", 1006]);
  assert.equal(dead.onclose, null, "the late close is not told a second time");
});
