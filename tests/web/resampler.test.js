import assert from "node:assert/strict";
import test from "node:test";

import { Resampler } from "../../public/js/audio/resampler.js";

/** Convert a whole signal in blocks; returns all output. */
function convert(signal, inRate, outRate, block = 128) {
  const resampler = new Resampler(inRate, outRate, block);
  const output = new Float32Array(Math.ceil((signal.length * outRate) / inRate) + block);
  let written = 0;
  for (let i = 0; i < signal.length; i += block) {
    const part = signal.subarray(i, i + block);
    written += resampler.process(part, part.length, output, written);
  }
  return output.subarray(0, written);
}

function sine(hz, rate, seconds, amplitude = 0.5) {
  return Float32Array.from(
    { length: Math.round(rate * seconds) },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rate),
  );
}

/** RMS of the middle of a signal, without its edges. */
function rms(signal) {
  const from = Math.round(signal.length * 0.2);
  const to = Math.round(signal.length * 0.8);
  let sum = 0;
  for (let i = from; i < to; i += 1) sum += signal[i] ** 2;
  return Math.sqrt(sum / (to - from));
}

/** RMS of what is left after the best sine of `hz` is taken out. */
function residue(signal, hz, rate) {
  const from = Math.round(signal.length * 0.2);
  const to = from + Math.round(rate * Math.floor((signal.length * 0.6 * 100) / rate) * 0.01);
  let s = 0;
  let c = 0;
  for (let i = from; i < to; i += 1) {
    s += signal[i] * Math.sin((2 * Math.PI * hz * i) / rate);
    c += signal[i] * Math.cos((2 * Math.PI * hz * i) / rate);
  }
  s *= 2 / (to - from);
  c *= 2 / (to - from);
  let sum = 0;
  for (let i = from; i < to; i += 1) {
    const w = (2 * Math.PI * hz * i) / rate;
    sum += (signal[i] - s * Math.sin(w) - c * Math.cos(w)) ** 2;
  }
  return Math.sqrt(sum / (to - from));
}

const dB = (ratio) => 20 * Math.log10(ratio);
const FULL = 0.5 / Math.SQRT2;

for (const rate of [32000, 44100, 48000, 88200, 96000, 44056]) {
  test(`from ${rate} Hz down: flat to 10 kHz within 0.1 dB`, () => {
    for (const hz of [50, 300, 1000, 3000, 6000, 9000, 10000]) {
      const gain = dB(rms(convert(sine(hz, rate, 0.5), rate, 24000)) / FULL);
      assert.ok(Math.abs(gain) < 0.1, `${hz} Hz: ${gain} dB`);
    }
  });

  test(`from ${rate} Hz down: aliases are below -80 dB`, () => {
    for (const hz of [13000, 13700, 15000, 15900]) {
      const gain = dB(rms(convert(sine(hz, rate, 0.5), rate, 24000)) / FULL);
      assert.ok(gain < -80, `${hz} Hz: ${gain} dB`);
    }
  });

  test(`from 24 kHz up to ${rate} Hz: flat to 10 kHz, images below -80 dB`, () => {
    for (const hz of [50, 1000, 6000, 10000]) {
      const output = convert(sine(hz, 24000, 0.5), 24000, rate);
      assert.ok(Math.abs(dB(rms(output) / FULL)) < 0.1, `${hz} Hz gain`);
      const rest = dB(residue(output, hz, rate) / FULL);
      assert.ok(rest < -80, `${hz} Hz: everything else at ${rest} dB`);
    }
  });
}

for (const rate of [8000, 11025, 16000, 22050]) {
  test(`a ${rate} Hz device works both ways`, () => {
    const hz = Math.round((rate * 0.4) / 100) * 100; // whole periods in the measured stretch
    const up = convert(sine(hz, rate, 0.5), rate, 24000);
    assert.ok(Math.abs(dB(rms(up) / FULL)) < 0.1);
    assert.ok(dB(residue(up, hz, 24000) / FULL) < -80);
    const down = convert(sine(hz, 24000, 0.5), 24000, rate);
    assert.ok(Math.abs(dB(rms(down) / FULL)) < 0.1);
    const above = Math.min(rate * 0.56, 11990);
    assert.ok(dB(rms(convert(sine(above, 24000, 0.5), 24000, rate)) / FULL) < -80);
  });
}

test("equal rates pass through bit by bit", () => {
  const signal = sine(440, 24000, 0.1);
  assert.deepEqual(convert(signal, 24000, 24000), signal);
});

test("output stands at the time of its input: no shift", () => {
  for (const [from, to] of [
    [48000, 24000],
    [44100, 24000],
    [24000, 44100],
    [24000, 48000],
  ]) {
    const output = convert(sine(500, from, 0.2), from, to);
    const ideal = sine(500, to, 0.2);
    for (let i = 400; i < 2000; i += 1) {
      assert.ok(Math.abs(output[i] - ideal[i]) < 1e-4, `${from} to ${to} at ${i}`);
    }
  }
});

test("the block size does not change the result", () => {
  const signal = sine(1234, 44100, 0.2);
  const whole = convert(signal, 44100, 24000, 8820);
  for (const block of [1, 7, 128, 1000]) {
    const parts = convert(signal, 44100, 24000, block);
    assert.equal(parts.length, whole.length);
    assert.deepEqual(parts, whole);
  }
});

test("needed tells exactly how much input makes so many samples", () => {
  for (const rate of [8000, 16000, 44100, 48000, 96000]) {
    const resampler = new Resampler(24000, rate, 512);
    const input = new Float32Array(512);
    const output = new Float32Array(2048);
    for (let block = 0; block < 200; block += 1) {
      const count = resampler.needed(128);
      assert.ok(count <= 512);
      if (count > 0) assert.ok(resampler.process(input, count - 1, output, 0, 0) === 0);
      assert.equal(resampler.process(input, count > 0 ? 1 : 0, output, 0, 128), 128);
      assert.equal(resampler.needed(0), 0);
    }
  }
});

test("after reset a stream begins anew", () => {
  const resampler = new Resampler(48000, 24000, 4800);
  const signal = sine(700, 48000, 0.1);
  const first = new Float32Array(2500);
  const second = new Float32Array(2500);
  const count = resampler.process(signal, 4800, first);
  resampler.reset();
  assert.equal(resampler.process(signal, 4800, second), count);
  assert.deepEqual(second, first);
});

test("a constant level comes out exact", () => {
  const output = convert(new Float32Array(4410).fill(0.25), 44100, 24000);
  for (let i = 200; i < 2000; i += 1) assert.ok(Math.abs(output[i] - 0.25) < 1e-6);
});
