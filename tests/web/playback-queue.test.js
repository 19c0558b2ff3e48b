import assert from "node:assert/strict";
import test from "node:test";

import { PlaybackQueue } from "../../public/js/audio/playback-queue.js";

const BLOCK = 128;

/** A queue, and what it said. */
function setup(rate = 24000, options = {}) {
  const log = [];
  const queue = new PlaybackQueue(rate, {
    onStarted: (part, frame) => log.push(["started", part.item_id, part.content_index, frame]),
    onEnded: (part, frame) => log.push(["ended", part.item_id, part.content_index, frame]),
    ...options,
  });
  return { queue, log };
}

/** Sound of so many milliseconds from the queue. */
function play(queue, ms, rate = 24000) {
  const blocks = Math.ceil((ms * rate) / 1000 / BLOCK);
  const all = new Float32Array(blocks * BLOCK);
  for (let i = 0; i < blocks; i += 1) queue.render(all.subarray(i * BLOCK, (i + 1) * BLOCK));
  return all;
}

const ramp = (ms, from = 0) => Int16Array.from({ length: ms * 24 }, (_, n) => ((from + n) % 20000) + 1000);
const constant = (ms, value = 16384) => new Int16Array(ms * 24).fill(value);
const isSilent = (sound) => sound.every((value) => value === 0);
const lastLoud = (sound, limit = 0.001) => sound.findLastIndex((value) => Math.abs(value) > limit);

test("at 24 kHz every sample comes out, bit by bit, after the fade-in", () => {
  const { queue, log } = setup();
  const samples = ramp(1000);
  for (let i = 0; i < samples.length; i += 2400) queue.push("a", 0, samples.slice(i, i + 2400));
  queue.finish("a", 0);
  const sound = play(queue, 1100);
  for (let i = 120; i < samples.length; i += 1) assert.equal(sound[i], samples[i] / 32768, `sample ${i}`);
  assert.deepEqual(log.map(([what]) => what), ["started", "ended"]);
  assert.equal(queue.underruns, 0);
});

for (const rate of [44100, 48000, 16000]) {
  test(`at ${rate} Hz all of a part is played and its length is right`, () => {
    const { queue, log } = setup(rate);
    queue.push("a", 0, constant(1000));
    queue.finish("a", 0);
    const sound = play(queue, 1200, rate);
    assert.equal(log.at(-1)[0], "ended");
    const first = sound.findIndex((value) => Math.abs(value) > 0.25);
    const last = lastLoud(sound, 0.25);
    assert.ok(Math.abs((last - first) / rate - 0.9975) < 0.003, `${(last - first) / rate} s`);
    assert.ok(Math.abs(sound[Math.round(rate / 2)] - 0.5) < 1e-3);
  });
}

test("nothing sounds before 80 ms wait, everything after", () => {
  const { queue, log } = setup();
  queue.push("a", 0, constant(79));
  assert.ok(isSilent(play(queue, 50)));
  assert.equal(queue.is_sounding, false);
  queue.push("a", 0, constant(1));
  assert.ok(!isSilent(play(queue, 6)));
  assert.deepEqual(log, [["started", "a", 0, 0]]);
});

test("a short part sounds as soon as it is complete", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(30));
  assert.ok(isSilent(play(queue, 20)));
  queue.finish("a", 0);
  assert.ok(!isSilent(play(queue, 20)));
});

test("each underrun makes the wait longer, up to 400 ms", () => {
  const { queue } = setup();
  const waits = [];
  for (let i = 0; i < 7; i += 1) {
    queue.push("a", 0, constant(queue.pre_buffer_ms));
    play(queue, queue.pre_buffer_ms + 60);
    waits.push(queue.pre_buffer_ms);
  }
  assert.deepEqual(waits, [120, 180, 270, 400, 400, 400, 400]);
  assert.equal(queue.underruns, 7);
});

test("a wait of nothing is not possible: the floor is 60 ms", () => {
  assert.equal(setup(24000, { pre_buffer_ms: 0 }).queue.pre_buffer_ms, 60);
  assert.equal(setup(24000, { pre_buffer_ms: 4000 }).queue.pre_buffer_ms, 400);
});

test("running dry at the very end is no underrun", () => {
  const { queue, log } = setup();
  queue.push("a", 0, constant(100));
  play(queue, 150);
  assert.equal(queue.underruns, 1);
  queue.finish("a", 0);
  play(queue, 10);
  assert.equal(queue.underruns, 0);
  assert.equal(queue.pre_buffer_ms, 80);
  assert.deepEqual(log.at(-1).slice(0, 2), ["ended", "a"]);
});

test("after an underrun the sound goes on where it stopped", () => {
  const { queue } = setup();
  const samples = ramp(400);
  queue.push("a", 0, samples.slice(0, 2400));
  const first = play(queue, 200);
  queue.push("a", 0, samples.slice(2400));
  const second = play(queue, 400);
  const at = second.findIndex((value) => value !== 0);
  assert.equal(first[2399], samples[2399] / 32768);
  for (let i = 130; i < 5000; i += 1) assert.equal(second[at - 1 + i], samples[2400 + i] / 32768);
});

test("parts follow each other without a gap, in order", () => {
  const { queue, log } = setup();
  queue.push("a", 0, constant(100));
  queue.push("a", 1, constant(100));
  queue.push("b", 0, constant(100));
  queue.finish("b", 0);
  const sound = play(queue, 400);
  assert.deepEqual(
    log.map(([what, id, index]) => `${what} ${id}${index}`),
    ["started a0", "ended a0", "started a1", "ended a1", "started b0", "ended b0"],
  );
  for (let i = 120; i < 7200; i += 1) assert.equal(sound[i], 0.5);
  assert.equal(queue.underruns, 0);
});

test("a flush is silent after 5 ms and tells what had sounded", () => {
  for (const rate of [24000, 44100, 48000]) {
    const { queue } = setup(rate);
    queue.push("a", 0, constant(1000));
    queue.push("b", 0, constant(500));
    const blocks = Math.round((0.5 * rate) / BLOCK);
    play(queue, (blocks * BLOCK * 1000) / rate - 0.01, rate);
    const report = queue.flush();
    const tail = play(queue, 50, rate);
    assert.ok(lastLoud(tail) / rate < 0.0065, `${rate}: loud for ${lastLoud(tail) / rate} s`);
    assert.equal(queue.is_sounding, false);
    const played = (blocks * BLOCK * 24000) / rate;
    assert.ok(Math.abs(report[0].played_samples - played) <= 2, `${report[0].played_samples} of ${played}`);
    assert.deepEqual(report[0], {
      item_id: "a",
      content_index: 0,
      played_samples: report[0].played_samples,
      received_samples: 24000,
      is_complete: true,
    });
    assert.equal(report[1].played_samples, 0);
    assert.equal(report[1].received_samples, 12000);
    assert.equal(report[1].is_complete, false);
  }
});

test("a flush adds no click", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(1000));
  const before = play(queue, 100);
  queue.flush();
  const after = play(queue, 20);
  let step = Math.abs(after[0] - before.at(-1));
  for (let i = 1; i < after.length; i += 1) step = Math.max(step, Math.abs(after[i] - after[i - 1]));
  assert.ok(step < 0.05, `${step}`);
});

test("late speech of a flushed item is ignored, of another one not", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(100));
  play(queue, 20);
  queue.flush();
  assert.equal(queue.push("a", 0, constant(500)), false);
  assert.equal(queue.push("a", 1, constant(500)), false);
  assert.equal(queue.ignored_samples, 24000);
  play(queue, 20);
  assert.ok(isSilent(play(queue, 100)));
  assert.equal(queue.push("b", 0, constant(100)), true);
  assert.ok(!isSilent(play(queue, 20)));
});

test("new speech during the tail of a flush starts with its own fade-in", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(100));
  play(queue, 50);
  queue.flush();
  queue.push("b", 0, constant(100));
  const sound = play(queue, 10);
  assert.ok(Math.abs(sound[0]) < 0.01);
  assert.equal(sound[121], 0.5);
});

test("a flush of silence reports nothing", () => {
  assert.deepEqual(setup().queue.flush(), []);
});

test("a part that was played to its end is not in the report", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(100));
  queue.finish("a", 0);
  play(queue, 300);
  assert.deepEqual(queue.flush(), []);
});

test("a fade-in, not a step, begins the sound", () => {
  const { queue } = setup();
  queue.push("a", 0, constant(100));
  const sound = play(queue, 10);
  assert.equal(sound[0], 0);
  for (let i = 1; i <= 120; i += 1) assert.ok(sound[i] - sound[i - 1] < 0.005);
  assert.equal(sound[121], 0.5);
});

test("empty and unknown things do no harm", () => {
  const { queue, log } = setup();
  assert.equal(queue.push("a", 0, new Int16Array(0)), true);
  queue.finish("nobody", 0);
  assert.ok(isSilent(play(queue, 20)));
  assert.deepEqual(log, []);
});

test("a minute of speech waits in the queue and comes out whole", () => {
  const { queue, log } = setup(48000);
  for (let i = 0; i < 60; i += 1) queue.push("a", 0, constant(1000));
  queue.finish("a", 0);
  assert.equal(queue.queued_samples, 60 * 24000);
  play(queue, 60100, 48000);
  assert.equal(queue.queued_samples, 0);
  assert.equal(log.at(-1)[0], "ended");
  assert.equal(queue.underruns, 0);
});
