import assert from "node:assert/strict";
import test from "node:test";

import { CaptureBatcher } from "../../public/js/audio/capture-batcher.js";

const sine = (hz, rate, count) =>
  Float32Array.from({ length: count }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate));

/** Push a signal in blocks; returns the batches, their buffers given back when asked. */
function batches(batcher, signal, give_back = true) {
  const all = [];
  for (let i = 0; i + 128 <= signal.length; i += 128) {
    batcher.push(signal.subarray(i, i + 128), 128, (buffer) => {
      all.push(new Int16Array(buffer.slice(0)));
      if (give_back) batcher.giveBack(buffer);
    });
  }
  return all;
}

for (const rate of [24000, 44100, 48000, 16000, 96000]) {
  test(`from ${rate} Hz: batches of 40 ms that hold the sound at its own time`, () => {
    const all = batches(new CaptureBatcher(rate), sine(440, rate, rate));
    assert.ok(all.length === 24 || all.length === 25, `${all.length}`);
    assert.ok(all.every((batch) => batch.length === 960));
    const samples = all.flatMap((batch) => [...batch]);
    for (let n = 100; n < samples.length; n += 1) {
      const ideal = 16384 * Math.sin((2 * Math.PI * 440 * n) / 24000);
      assert.ok(Math.abs(samples[n] - ideal) < 4, `sample ${n}: ${samples[n]} for ${ideal}`);
    }
  });
}

test("level of the last batch", () => {
  const batcher = new CaptureBatcher(48000);
  batches(batcher, sine(1000, 48000, 48000));
  assert.ok(Math.abs(batcher.peak - 0.5) < 0.005);
  assert.ok(Math.abs(batcher.rms - 0.5 / Math.SQRT2) < 0.005);
});

test("no input counts as silence: the clock goes on", () => {
  const batcher = new CaptureBatcher(48000);
  batches(batcher, sine(1000, 48000, 48000));
  const before = batcher.captured_samples;
  const all = [];
  for (let i = 0; i < 375; i += 1) batcher.push(null, 128, (buffer) => all.push(new Int16Array(buffer)));
  assert.equal(batcher.captured_samples - before, all.length * 960);
  assert.ok(all.at(-1).every((value) => value === 0));
  assert.equal(batcher.peak, 0);
});

test("buffers go round: none is made while they come back", () => {
  const batcher = new CaptureBatcher(48000);
  batches(batcher, new Float32Array(480000));
  assert.equal(batcher.pool_misses, 0);
});

test("when the worker is late sound is kept and the miss counted", () => {
  const batcher = new CaptureBatcher(48000);
  const all = batches(batcher, sine(300, 48000, 48000), false);
  assert.ok(all.length >= 24);
  assert.equal(batcher.pool_misses, all.length - 8);
});

test("a foreign buffer is not taken into the pool", () => {
  const batcher = new CaptureBatcher(48000);
  for (let i = 0; i < 20; i += 1) batcher.giveBack(new ArrayBuffer(10));
  const [batch] = batches(batcher, sine(300, 48000, 4800));
  assert.equal(batch.length, 960);
});

test("a block that is too long is refused", () => {
  assert.throws(() => new CaptureBatcher(48000).push(new Float32Array(4096), 4096, () => {}), RangeError);
});
