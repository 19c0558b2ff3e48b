import assert from "node:assert/strict";
import test from "node:test";

import {
  HAS_NATIVE_BASE64,
  decodeBase64,
  decodeBase64Loop,
  encodeBase64,
  encodeBase64Chunked,
  floatToPcm16,
  pcm16ToFloat,
  samplesOf,
  toDb,
} from "../../public/js/audio/pcm.js";

test("every pcm16 value survives the way through floats", () => {
  const samples = Int16Array.from({ length: 65536 }, (_, n) => n - 32768);
  const floats = new Float32Array(65536);
  const back = new Int16Array(65536);
  pcm16ToFloat(samples, 0, 65536, floats, 0);
  floatToPcm16(floats, 0, 65536, back, 0);
  assert.deepEqual(back, samples);
});

test("too loud is clipped, not wrapped", () => {
  const output = new Int16Array(5);
  floatToPcm16(Float32Array.of(9, 1.5, -1.5, 0.00001, NaN), 0, 5, output, 0);
  assert.deepEqual([...output], [32767, 32767, -32768, 0, 0]);
});

test("parts of arrays are converted where they belong", () => {
  const output = new Int16Array(4);
  floatToPcm16(Float32Array.of(0.5, 0.25, -0.5), 1, 2, output, 2);
  assert.deepEqual([...output], [0, 0, 8192, -16384]);
  const floats = new Float32Array(3);
  pcm16ToFloat(Int16Array.of(1, 16384, -16384), 1, 2, floats, 1);
  assert.deepEqual([...floats], [0, 0.5, -0.5]);
});

test("levels have a floor", () => {
  assert.equal(toDb(1), 0);
  assert.ok(Math.abs(toDb(0.5) + 6.02) < 0.01);
  assert.equal(toDb(0), -100);
  assert.equal(toDb(NaN), -100);
});

const bytesOf = (length) => Uint8Array.from({ length }, (_, n) => (n * 31 + (n >> 8) * 7) & 255);

test("base64 agrees with the reference at every length around the chunks", () => {
  for (const length of [0, 1, 2, 3, 4, 1920, 12287, 12288, 12289, 24575, 24576, 24577, 100001]) {
    const bytes = bytesOf(length);
    const text = Buffer.from(bytes).toString("base64");
    assert.equal(encodeBase64Chunked(bytes), text, `encode ${length}`);
    assert.deepEqual(decodeBase64Loop(text), bytes, `decode ${length}`);
    assert.equal(encodeBase64(bytes), text);
    assert.deepEqual(decodeBase64(text), bytes);
  }
});

test("the browser's own base64 is taken where there is one", async () => {
  if (HAS_NATIVE_BASE64) return assert.notEqual(encodeBase64, encodeBase64Chunked);
  Uint8Array.prototype.toBase64 = function toBase64() {
    return Buffer.from(this).toString("base64");
  };
  Uint8Array.fromBase64 = (text) => new Uint8Array(Buffer.from(text, "base64"));
  try {
    const native = await import("../../public/js/audio/pcm.js?with-native-base64");
    assert.equal(native.HAS_NATIVE_BASE64, true);
    assert.equal(native.encodeBase64(bytesOf(1000)), encodeBase64Chunked(bytesOf(1000)));
    assert.deepEqual(native.decodeBase64("AAEC"), Uint8Array.of(0, 1, 2));
  } finally {
    delete Uint8Array.prototype.toBase64;
    delete Uint8Array.fromBase64;
  }
});

test("text that is not base64 is refused", () => {
  assert.throws(() => decodeBase64Loop("%%%"));
});

test("samples are read at any offset, an odd last byte is left out", () => {
  const bytes = Uint8Array.of(9, 1, 0, 2, 0, 7);
  assert.deepEqual([...samplesOf(bytes.subarray(1, 5))], [1, 2]);
  assert.deepEqual([...samplesOf(Uint8Array.of(1, 0, 2, 0, 7))], [1, 2]);
});
