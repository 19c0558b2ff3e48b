/**
 * Samples and bytes: float ↔ pcm16, levels, base64. Pure; any thread.
 *
 * pcm16 is little-endian signed 16-bit mono. Typed arrays use the machine's byte order; every machine that runs a
 * browser is little-endian, which `Int16Array` here relies on.
 */

/** Lowest level that is told, in dB of full scale. */
export const FLOOR_DB = -100;

/**
 * Convert floats to pcm16, rounding and clipping. Audio thread; allocates nothing.
 * @param {Float32Array} input −1..1, beyond is clipped
 * @param {number} start first sample of `input`
 * @param {number} count samples
 * @param {Int16Array} output
 * @param {number} offset first sample written in `output`
 */
export function floatToPcm16(input, start, count, output, offset) {
  for (let i = 0; i < count; i += 1) {
    let value = Math.round(input[start + i] * 32768);
    if (value > 32767) value = 32767;
    else if (value < -32768) value = -32768;
    output[offset + i] = value;
  }
}

/**
 * Convert pcm16 to floats. Audio thread; allocates nothing.
 * @param {Int16Array} input
 * @param {number} start
 * @param {number} count
 * @param {Float32Array} output −1..1
 * @param {number} offset
 */
export function pcm16ToFloat(input, start, count, output, offset) {
  for (let i = 0; i < count; i += 1) output[offset + i] = input[start + i] / 32768;
}

/**
 * Decibels of full scale. Any thread; allocates nothing.
 * @param {number} amplitude 0..1
 * @returns {number} FLOOR_DB..0 (above 0 when clipped)
 */
export function toDb(amplitude) {
  return amplitude > 1e-5 ? 20 * Math.log10(amplitude) : FLOOR_DB;
}

/** Whether this engine has `Uint8Array.prototype.toBase64` and `Uint8Array.fromBase64`. */
export const HAS_NATIVE_BASE64 =
  typeof Uint8Array.prototype.toBase64 === "function" && typeof Uint8Array.fromBase64 === "function";

// A multiple of 3, so that no chunk but the last is padded; small enough for the argument list of `apply`.
const CHUNK_BYTES = 12288;

/**
 * Encode bytes as base64 where the browser has no method for it. Worker thread; allocates the strings.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function encodeBase64Chunked(bytes) {
  if (bytes.length <= CHUNK_BYTES) return btoa(String.fromCharCode.apply(null, bytes));
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK_BYTES) {
    text += btoa(String.fromCharCode.apply(null, bytes.subarray(i, i + CHUNK_BYTES)));
  }
  return text;
}

/**
 * Decode base64 where the browser has no method for it. Worker thread; allocates the result.
 * @param {string} text
 * @returns {Uint8Array}
 * @throws {Error} when `text` is not base64
 */
export function decodeBase64Loop(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** @type {(bytes: Uint8Array) => string} Encode bytes as base64. Worker thread; allocates the string. */
export const encodeBase64 = HAS_NATIVE_BASE64 ? (bytes) => bytes.toBase64() : encodeBase64Chunked;

/** @type {(text: string) => Uint8Array} Decode base64; throws on anything else. Worker thread; allocates the result. */
export const decodeBase64 = HAS_NATIVE_BASE64 ? (text) => Uint8Array.fromBase64(text) : decodeBase64Loop;

/**
 * Read bytes as pcm16 samples. A trailing odd byte is left out. Worker thread.
 * @param {Uint8Array} bytes
 * @returns {Int16Array} a view where alignment allows, else a copy
 */
export function samplesOf(bytes) {
  const count = bytes.byteLength >> 1;
  if (bytes.byteOffset % 2 === 0) return new Int16Array(bytes.buffer, bytes.byteOffset, count);
  return new Int16Array(bytes.slice(0, count * 2).buffer);
}
