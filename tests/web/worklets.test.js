import assert from "node:assert/strict";
import test from "node:test";

import { processors } from "./worklet-scope.js";

await import("../../public/js/audio/capture-worklet.js");
await import("../../public/js/audio/playback-worklet.js");

/** A processor with a port to the worker; messages are copied when posted, as a real port does. */
function wired(name) {
  globalThis.currentTime = 10;
  const processor = new processors[name]();
  const port = {
    sent: [],
    postMessage: (message, transfer) => port.sent.push(structuredClone(message, transfer && { transfer })),
  };
  processor.port.onmessage({ data: { type: "connect", port } });
  return { processor, port };
}

function capture(processor, blocks, value = 0.5) {
  for (let i = 0; i < blocks; i += 1) {
    assert.equal(processor.process([[new Float32Array(128).fill(value)]], []), true);
    globalThis.currentTime += 128 / 48000;
  }
}

function play(processor, blocks) {
  let last = null;
  for (let i = 0; i < blocks; i += 1) {
    last = new Float32Array(128);
    assert.equal(processor.process([], [[last]]), true);
    globalThis.currentTime += 128 / 48000;
  }
  return last;
}

const audio = (item_id, ms) => ({
  data: { type: "audio", item_id, content_index: 0, samples: new Int16Array(ms * 24).fill(8000) },
});

test("capture posts a batch with its level and place each 40 ms", () => {
  const { processor, port } = wired("capture");
  capture(processor, 375);
  assert.equal(port.sent.length, 24);
  assert.deepEqual(port.sent.map(({ start_sample }) => start_sample), port.sent.map((_, n) => n * 960));
  const last = port.sent.at(-1);
  assert.equal(last.type, "batch");
  assert.equal(last.samples, 960);
  assert.equal(last.buffer.byteLength, 1920);
  assert.equal(last.first_context_time, 10);
  assert.ok(Math.abs(last.peak - 0.5) < 1e-3 && Math.abs(last.rms - 0.5) < 1e-3);
  assert.equal(last.is_muted, false);
});

test("capture begins with the microphone's first sample", () => {
  const { processor, port } = wired("capture");
  processor.process([[]], []);
  globalThis.currentTime = 11;
  capture(processor, 40);
  assert.equal(port.sent[0].first_context_time, 11);
  assert.equal(port.sent[0].start_sample, 0);
});

test("muted batches are silence and say so; the one in between counts as sound", () => {
  const { processor, port } = wired("capture");
  capture(processor, 10);
  processor.port.onmessage({ data: { type: "mute", muted: true } });
  capture(processor, 60);
  assert.deepEqual(port.sent.map(({ is_muted }) => is_muted), [false, true, true, true]);
  assert.ok(new Int16Array(port.sent[3].buffer).every((value) => value === 0));
  processor.port.onmessage({ data: { type: "mute", muted: false } });
  port.sent.length = 0;
  capture(processor, 30);
  assert.equal(port.sent[0].is_muted, false);
});

test("a microphone that goes away leaves silence, not a hole", () => {
  const { processor, port } = wired("capture");
  capture(processor, 15);
  for (let i = 0; i < 45; i += 1) processor.process([[]], []);
  assert.equal(port.sent.length, 3);
  assert.ok(new Int16Array(port.sent[2].buffer).every((value) => value === 0));
});

test("playback tells start, level and end", () => {
  const { processor, port } = wired("playback");
  port.onmessage(audio("a", 200));
  port.onmessage({ data: { type: "finish", item_id: "a", content_index: 0 } });
  play(processor, 120);
  assert.deepEqual(
    port.sent.filter(({ type }) => type !== "level").map(({ type, played_samples }) => [type, played_samples]),
    [
      ["started", 0],
      ["ended", 4800],
    ],
  );
  assert.equal(port.sent[0].context_time, 10);
  const levels = port.sent.filter(({ type }) => type === "level");
  assert.ok(levels.length >= 5 && levels.length <= 7, `${levels.length}`);
  assert.equal(levels[1].item_id, "a");
  assert.equal(levels[1].received_samples, 4800);
  assert.ok(levels[1].played_samples > levels[0].played_samples);
  assert.ok(Math.abs(levels[1].peak - 8000 / 32768) < 1e-3);
  assert.equal(levels.at(-1).rms, 0);
});

test("in silence playback says nothing", () => {
  const { processor, port } = wired("playback");
  play(processor, 400);
  assert.deepEqual(port.sent, []);
});

test("a flush is answered at once with what had sounded", () => {
  const { processor, port } = wired("playback");
  port.onmessage(audio("a", 1000));
  play(processor, 100);
  port.onmessage({ data: { type: "flush", token: { number: 3, reason: "speech" } } });
  const flushed = port.sent.at(-1);
  assert.equal(flushed.type, "flushed");
  assert.equal(flushed.token.number, 3);
  assert.ok(Math.abs(flushed.parts[0].played_samples - 6400) <= 2);
  assert.equal(flushed.context_time, globalThis.currentTime);
  assert.ok(play(processor, 10).every((value) => value === 0));
});

test("every channel gets the sound", () => {
  const { processor, port } = wired("playback");
  port.onmessage(audio("a", 200));
  const channels = [new Float32Array(128), new Float32Array(128)];
  for (let i = 0; i < 5; i += 1) processor.process([], [channels]);
  assert.ok(channels[0][127] > 0.1);
  assert.deepEqual(channels[1], channels[0]);
});

test("books for tests are kept only when asked for", () => {
  const quiet = wired("playback");
  quiet.port.onmessage(audio("a", 200));
  play(quiet.processor, 50);
  assert.deepEqual(quiet.processor.port.sent, []);

  const { processor, port } = wired("playback");
  processor.port.onmessage({ data: { type: "debug" } });
  port.onmessage(audio("a", 1000));
  play(processor, 50);
  port.onmessage({ data: { type: "flush", token: { number: 1, reason: "speech" } } });
  const flush_time = globalThis.currentTime;
  port.onmessage(audio("a", 100));
  play(processor, 50);
  const flushes = processor.port.sent.flatMap((books) => books.flushes);
  const [book] = processor.port.sent.at(-1).parts;
  assert.equal(flushes.length, 1);
  assert.equal(flushes[0].context_time, flush_time);
  assert.equal(book.received_samples, 24000);
  assert.equal(book.ignored_samples, 2400);
  assert.ok(Math.abs(book.played_samples - 3200) <= 2);
  assert.ok(book.last_loud_time >= flush_time && book.last_loud_time < flush_time + 0.008);
});

test("a worklet that was told to end lets the browser free it", () => {
  for (const name of Object.keys(processors)) {
    const { processor } = wired(name);
    processor.port.onmessage({ data: { type: "end" } });
    assert.equal(processor.process([[new Float32Array(128)]], [[new Float32Array(128)]]), false, name);
  }
});
