import assert from "node:assert/strict";
import test from "node:test";

import { PlaybackQueue } from "../../public/js/audio/playback-queue.js";
import { GatewayClient, Microphone, Speaker, createRealtimeConfig, retryDelay } from "../../public/gateway-client.js";

/** Sockets that a test opens and closes, and a clock that stands. */
function setup(options = {}) {
  const sockets = [];
  const timers = [];
  const log = [];
  const clock = { ms: 0 };
  class Socket {
    readyState = 0;
    bufferedAmount = 0;
    sent = [];
    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }
    send(data) {
      this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
    }
    close(code) {
      this.readyState = 3;
      this.closed_with = code;
    }
    open() {
      this.readyState = 1;
      this.onopen();
    }
    tell(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
    lose(code = 1006) {
      this.readyState = 3;
      this.onclose({ code, reason: "" });
    }
  }
  const config = createRealtimeConfig("engine");
  const client = new GatewayClient("http://localhost:3000/realtime", config, {
    WebSocket: Socket,
    random: () => 0.5,
    now: () => clock.ms,
    setTimeout: (call, ms) => timers.push({ call, ms }),
    clearTimeout: (number) => timers.splice(number - 1, 1),
    ...options,
  });
  for (const type of ["ready", "transcript", "error", "reconnecting", "closed", "audio"]) {
    client.addEventListener(type, ({ detail }) => log.push([type, detail]));
  }
  return { client, config, sockets, timers, log, clock };
}

test("the defaults are those of the document", () => {
  assert.deepEqual(createRealtimeConfig("openai"), {
    provider: "openai",
    model: "gpt-4o-realtime-preview",
    voice: "alloy",
    instructions: "",
    turn_detection: "server_vad",
    vad: { enabled: true, threshold: 0.5, silence_duration_ms: 500, prefix_padding_ms: 300 },
    input_transcription: { enabled: true, model: "whisper-1" },
    temperature: 0.8,
    max_response_tokens: "inf",
  });
});

test("overrides win one by one, and the provider is the one that was named", () => {
  const vad = { threshold: 0.9 };
  const config = createRealtimeConfig("azure", { voice: "nova", vad, provider: "openai", tools: [] });
  assert.equal(config.provider, "azure");
  assert.equal(config.voice, "nova");
  assert.deepEqual(config.tools, []);
  assert.deepEqual(config.vad, { enabled: true, threshold: 0.9, silence_duration_ms: 500, prefix_padding_ms: 300 });
  assert.deepEqual(vad, { threshold: 0.9 });
});

test("the wait is anything from 0 up to a bound that doubles until 15 s", () => {
  const bounds = [1, 2, 3, 4, 5, 6, 100, Infinity].map((attempt) => retryDelay(attempt, () => 1));
  assert.deepEqual(bounds, [1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000]);
  assert.equal(retryDelay(3, () => 0), 0);
  assert.equal(retryDelay(3, () => 0.25), 1000);
});

test("every connection begins with the configuration, the latest one", () => {
  const { client, config, sockets, timers, log } = setup();
  client.connect();
  client.connect();
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0].url, "ws://localhost:3000/realtime");
  assert.deepEqual(sockets[0].protocols, []);
  sockets[0].open();
  assert.deepEqual(sockets[0].sent, [{ type: "config", ...config }]);
  const other = { ...config, voice: "sage" };
  client.configure(other);
  sockets[0].lose();
  assert.deepEqual(log, [["reconnecting", { attempt: 1, delay_ms: 500 }]]);
  timers[0].call();
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ type: "config", ...other }]);
});

test("waits grow while nothing lasts, and begin anew after a connection that did", () => {
  const { client, sockets, timers, clock } = setup();
  client.connect();
  sockets[0].lose();
  timers[0].call();
  sockets[1].open();
  sockets[1].lose();
  timers[1].call();
  sockets[2].open();
  clock.ms = 10001;
  sockets[2].lose(1012);
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [500, 1000, 500],
  );
});

test("an error that names a wait is obeyed, never by all in one moment; one that names none ends it", () => {
  const { client, sockets, timers, log } = setup();
  client.connect();
  sockets[0].open();
  sockets[0].tell({ type: "error", code: "RateLimitExceeded", fatal: true, retry_after_ms: 9000 });
  sockets[0].lose(1013);
  assert.equal(timers[0].ms, 9500);
  timers[0].call();
  sockets[1].open();
  sockets[1].tell({ type: "error", code: "InvalidMessage", fatal: false, retry_after_ms: null });
  sockets[1].lose(1011);
  assert.equal(timers[1].ms, 1000);
  timers[1].call();
  sockets[2].open();
  sockets[2].tell({ type: "error", code: "AuthenticationFailed", fatal: true, retry_after_ms: null });
  sockets[2].lose(1008);
  assert.equal(timers.length, 2);
  assert.deepEqual(log.at(-1), ["closed", { code: 1008, reason: "" }]);
});

test("who closes is not called back, and may connect again", () => {
  const { client, sockets, timers, log } = setup();
  client.connect();
  sockets[0].open();
  client.close();
  client.close();
  assert.equal(sockets[0].closed_with, 1000);
  sockets[0].tell({ type: "transcript" });
  sockets[0].lose(1000);
  assert.deepEqual(log, [["closed", { code: 1000, reason: "" }]]);
  client.connect();
  sockets[1].open();
  sockets[0].tell({ type: "transcript" });
  sockets[0].lose(1006);
  assert.equal(log.length, 1);
  sockets[1].lose();
  assert.equal(timers.length, 1);
  client.close();
  assert.equal(timers.length, 0);
});

test("a normal close by the server is the end", () => {
  const { client, sockets, timers, log } = setup();
  client.connect();
  sockets[0].open();
  sockets[0].lose(1000);
  assert.equal(timers.length, 0);
  assert.equal(log[0][0], "closed");
});

test("nothing is sent without a connection, and no sound to one that is far behind", () => {
  const { client, sockets } = setup();
  assert.equal(client.sendAudio(new ArrayBuffer(2)), false);
  client.connect();
  assert.equal(client.sendText("hello"), false);
  sockets[0].open();
  assert.equal(client.sendText("hello"), true);
  sockets[0].bufferedAmount = 480001;
  assert.equal(client.sendAudio(new ArrayBuffer(2)), false);
  assert.deepEqual(sockets[0].sent.slice(1), [{ type: "text", text: "hello" }]);
});

test("long sound goes out in frames that the server takes, whole", () => {
  const { client, sockets } = setup();
  client.connect();
  sockets[0].open();
  const pcm = Int16Array.from({ length: 70000 }, (_, n) => n - 35000);
  client.sendAudio(pcm.subarray(1000));
  const frames = sockets[0].sent.slice(1);
  assert.ok(frames.every((frame) => frame.byteLength <= 65536 && frame.byteLength % 2 === 0));
  assert.deepEqual(Buffer.concat(frames), Buffer.from(pcm.buffer.slice(2000)));
});

test("a token travels as a subprotocol", () => {
  const { client, sockets } = setup({ token: "secret" });
  client.connect();
  assert.deepEqual(sockets[0].protocols, ["realtime", "openai-insecure-api-key.secret"]);
});

test("a token that no browser can send is refused with the way out", () => {
  for (const token of ["a/b", "a=", "a b"]) assert.throws(() => setup({ token }), /letters, digits/);
});

test("who may not dial may try again", () => {
  let is_allowed = false;
  const sockets = [];
  const Forbidding = function () {
    if (!is_allowed) throw new Error("not from a page of https");
    sockets.push(this);
  };
  const { client } = setup({ WebSocket: Forbidding });
  assert.throws(() => client.connect(), /https/);
  is_allowed = true;
  client.connect();
  assert.equal(sockets.length, 1);
});

/** A speaker whose worklet is its queue, at 24 kHz. */
function speaker() {
  const { client, sockets } = setup();
  const queue = new PlaybackQueue(24000);
  const port = {
    postMessage(message) {
      if (message.type === "audio") queue.push(message.item_id, message.content_index, message.samples);
      else if (message.type === "finish") queue.finish(message.item_id, message.content_index);
      else if (message.type === "flush") queue.flush();
    },
  };
  const loudspeaker = new Speaker(port, client);
  client.connect();
  sockets[0].open();
  const hear = (ms) => sockets[0].onmessage({ data: new Int16Array(ms * 24).fill(16384).buffer });
  const tell = (type) => sockets[0].tell({ type });
  const play = (ms) => {
    const sound = new Float32Array(ms * 24);
    queue.render(sound);
    return sound;
  };
  return { queue, hear, tell, play, loudspeaker };
}
const isSilent = (sound) => sound.every((value) => value === 0);

test("sound of several frames plays without a gap", () => {
  const { hear, play, queue } = speaker();
  for (let i = 0; i < 10; i += 1) hear(20);
  const sound = play(200);
  assert.ok(sound.subarray(120, 4600).every((value) => Math.abs(value - 0.5) < 0.001));
  assert.equal(queue.underruns, 0);
});

test("a short answer plays once it is complete, and its end is no gap of the network", () => {
  const { hear, tell, play, queue } = speaker();
  hear(40);
  assert.ok(isSilent(play(20)));
  tell("response_done");
  assert.ok(!isSilent(play(60)));
  play(100);
  assert.equal(queue.underruns, 0);
});

for (const type of ["interrupted", "speech_started"]) {
  test(`${type} silences at once, and the next answer is heard`, () => {
    const { hear, tell, play } = speaker();
    hear(1000);
    play(100);
    tell(type);
    play(20); // the fade
    assert.ok(isSilent(play(100)));
    hear(200);
    assert.ok(!isSilent(play(100)));
  });
}

test("a speaker that was closed takes nothing more from its client", () => {
  const { hear, tell, queue, loudspeaker } = speaker();
  loudspeaker.close();
  hear(200);
  tell("response_done");
  assert.equal(queue.queued_samples, 0);
});

test("on a page that is not secure, speaker and microphone say what to do", async () => {
  const insecure = { resume: async () => {} }; // browsers leave audioWorklet out there
  await assert.rejects(Speaker.open(insecure, new EventTarget(), {}), /https/);
  await assert.rejects(Microphone.open(insecure, new EventTarget()), /https/);
});

/** Give the page something until the test is over. */
function provide(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true });
  t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
}

const context = { resume: async () => {}, audioWorklet: { addModule: async () => {} } };

test("a speaker lets no reports of its worklet pile up, and frees it when closed", async (t) => {
  const nodes = [];
  let pending;
  provide(t, "AudioWorkletNode", class {
    calls = [];
    port = { postMessage: (message) => this.calls.push(message.type) };
    constructor() {
      nodes.push(this);
    }
    connect() {
      this.calls.push("connected");
    }
    disconnect() {
      this.calls.push("disconnected");
    }
  });
  provide(t, "MessageChannel", class {
    port1 = {};
    port2 = { start: () => (pending = 0) };
    constructor() {
      pending = Infinity; // a port that was not started keeps all that comes
    }
  });
  const loudspeaker = await Speaker.open(context, new EventTarget(), {});
  assert.equal(pending, 0);
  loudspeaker.close();
  assert.deepEqual(nodes[0].calls, ["connected", "connect", "end", "disconnected"]);
});

test("a microphone that cannot be connected is given back", async (t) => {
  const track = { is_live: true, stop: () => (track.is_live = false) };
  const devices = { getUserMedia: async () => ({ getTracks: () => [track] }) };
  provide(t, "navigator", { mediaDevices: devices });
  await assert.rejects(Microphone.open(context, new EventTarget())); // Node can make no AudioWorkletNode
  assert.equal(track.is_live, false);
});
