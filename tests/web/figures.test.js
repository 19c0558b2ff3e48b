import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, initialTiming, onAsked, onAudio, onSound, seconds, spokenTotals, spread } from "../../public/js/figures.js";

test("a turn's time is split into silence window, model and way to the ear", () => {
  let timing = onAsked(initialTiming(), 1000, 500);
  timing = onAudio(timing, "item_1", 1120);
  timing = onSound(timing, "item_1", 1190);
  assert.deepEqual(timing.turns, [
    { item_id: "item_1", silence_ms: 500, model_ms: 120, ear_ms: 70, total_ms: 690 },
  ]);
});

test("only the first audio after the user's turn counts", () => {
  let timing = onAudio(onAsked(initialTiming(), 0, 0), "item_1", 100);
  timing = onAudio(timing, "item_1", 300);
  timing = onSound(timing, "item_1", 150);
  timing = onSound(timing, "item_1", 400);
  assert.equal(timing.turns.length, 1);
  assert.equal(timing.turns[0].model_ms, 100);
});

test("a greeting that nobody asked for has no latency", () => {
  const timing = onSound(onAudio(initialTiming(), "item_0", 10), "item_0", 20);
  assert.deepEqual(timing, initialTiming());
});

test("a clock that steps back never gives a negative part", () => {
  const timing = onSound(onAudio(onAsked(initialTiming(), 100, 0), "i", 90), "i", 80);
  assert.deepEqual(timing.turns[0], { item_id: "i", silence_ms: 0, model_ms: 0, ear_ms: 0, total_ms: 0 });
});

test("the median and p95 are of the nearest rank", () => {
  assert.equal(spread([]), null);
  assert.deepEqual(spread([5]), { median: 5, p95: 5 });
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2, p95: 4 });
});

test("what was heard never exceeds what was said, and old sessions do not count", () => {
  const items = [
    { role: "assistant", audio_ms: 1000, heard: { ms: 400 }, past: false },
    { role: "assistant", audio_ms: 500, heard: { ms: 900 }, past: false },
    { role: "assistant", audio_ms: 9000, heard: { ms: 9000 }, past: true },
    { role: "user", audio_ms: 0, heard: null, past: false },
  ];
  assert.deepEqual(spokenTotals(items), { spoken_ms: 1500, heard_ms: 900 });
});

test("times are said in short words", () => {
  assert.equal(clock(84), "1:24");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(clock(-1), "0:00");
  assert.equal(seconds(780), "0.78 s");
  assert.equal(seconds(1940, 1), "1.9 s");
});
