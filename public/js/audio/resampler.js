/**
 * Streaming sample-rate conversion: a Kaiser-windowed sinc in polyphase form. Pure.
 *
 * Flat to 0.85 of the lower Nyquist frequency (10.2 kHz at 24 kHz), −80 dB or better from 1.085 of it (13 kHz). Phases
 * are exact when the reduced ratio allows (all usual rates); else coefficients are interpolated between 512 phases.
 * Output sample m stands at input time m · inRate / outRate exactly: the filter's delay appears as look-ahead (about
 * 1 ms), never as a shift.
 */

const HALF_WIDTH = 25; // in samples of the lower rate
const CUTOFF = 0.9667; // −6 dB point in units of the lower Nyquist frequency: 11.6 kHz at 24 kHz
const BETA = 9; // Kaiser: about 90 dB
const MAX_EXACT_PHASES = 640;
const INTERPOLATED_PHASES = 512;

/** Converts one mono stream. Equal rates pass through unchanged. */
export class Resampler {
  #up;
  #down;
  #taps;
  #before;
  #phases;
  #table;
  #is_exact;
  #buffer;
  #filled = 0;
  #base = 0;
  #phase = 0;

  /**
   * Allocates everything the stream will need.
   * @param {number} inRate Hz, whole, ≥ 1
   * @param {number} outRate Hz, whole, ≥ 1
   * @param {number} [maxInput=4096] most samples that one `process` call brings
   */
  constructor(inRate, outRate, maxInput = 4096) {
    const divisor = gcd(inRate, outRate);
    this.#up = outRate / divisor;
    this.#down = inRate / divisor;
    const lower = Math.min(inRate, outRate);
    // Input samples on each side of an output sample.
    const side = inRate === outRate ? 0 : Math.ceil((HALF_WIDTH * inRate) / lower);
    this.#before = Math.max(0, side - 1);
    this.#taps = inRate === outRate ? 1 : 2 * side;
    this.#is_exact = this.#up <= MAX_EXACT_PHASES;
    this.#phases = this.#is_exact ? this.#up : INTERPOLATED_PHASES;
    this.#table =
      inRate === outRate
        ? Float32Array.of(1, 1)
        : kaiserTable(this.#taps, this.#before, this.#phases, (CUTOFF * lower) / inRate, side);
    this.#buffer = new Float32Array(this.#taps + maxInput + this.#down + 1);
    this.reset();
  }

  /** Input samples after an output sample's own time that must be there before it can be made. */
  get lookAhead() {
    return this.#taps - 1 - this.#before;
  }

  /** Forget the stream: as just constructed. Audio thread; allocates nothing. */
  reset() {
    this.#buffer.fill(0);
    this.#filled = this.#before;
    this.#base = 0;
    this.#phase = 0;
  }

  /**
   * How many input samples `process` needs to give `count` more output samples.
   * Audio thread; allocates nothing.
   * @param {number} count ≥ 0
   * @returns {number} ≥ 0
   */
  needed(count) {
    if (count <= 0) return 0;
    const last = this.#base + Math.floor((this.#phase + (count - 1) * this.#down) / this.#up);
    return Math.max(0, last + this.#taps - this.#filled);
  }

  /**
   * Feed samples and take all that can be made of them. Audio thread; allocates nothing.
   * @param {Float32Array} input
   * @param {number} count samples taken from `input`, ≤ maxInput
   * @param {Float32Array} output long enough: ⌈(count + 1) · outRate / inRate⌉ + 1
   * @param {number} [offset=0] first sample written in `output`
   * @param {number} [limit=Infinity] most samples written; the rest is made by later calls
   * @returns {number} samples written
   */
  process(input, count, output, offset = 0, limit = Infinity) {
    const buffer = this.#buffer;
    for (let i = 0; i < count; i += 1) buffer[this.#filled + i] = input[i];
    this.#filled += count;
    const taps = this.#taps;
    let base = this.#base;
    let phase = this.#phase;
    let written = 0;
    while (base + taps <= this.#filled && written < limit) {
      output[offset + written] = this.#is_exact ? this.#exact(base, phase) : this.#between(base, phase);
      written += 1;
      phase += this.#down;
      base += Math.floor(phase / this.#up);
      phase %= this.#up;
    }
    this.#phase = phase;
    // Downsampling may stand ahead of what has come: keep the distance.
    const drop = Math.min(base, this.#filled);
    buffer.copyWithin(0, drop, this.#filled);
    this.#filled -= drop;
    this.#base = base - drop;
    return written;
  }

  #exact(base, phase) {
    const taps = this.#taps;
    const table = this.#table;
    const buffer = this.#buffer;
    const row = phase * taps;
    let sum = 0;
    for (let k = 0; k < taps; k += 1) sum += table[row + k] * buffer[base + k];
    return sum;
  }

  #between(base, phase) {
    const taps = this.#taps;
    const table = this.#table;
    const buffer = this.#buffer;
    const position = (phase * this.#phases) / this.#up;
    const whole = Math.floor(position);
    const part = position - whole;
    const row = whole * taps;
    let sum = 0;
    for (let k = 0; k < taps; k += 1) {
      const low = table[row + k];
      sum += (low + (table[row + taps + k] - low) * part) * buffer[base + k];
    }
    return sum;
  }
}

/**
 * Coefficients, one row per phase and one more (phase 1) for interpolation. Every row sums to 1, so silence and
 * constant levels come out exact.
 */
function kaiserTable(taps, before, phases, cutoff, side) {
  const table = new Float32Array((phases + 1) * taps);
  const scale = besselI0(BETA);
  for (let phase = 0; phase <= phases; phase += 1) {
    const row = new Float64Array(taps);
    let sum = 0;
    for (let k = 0; k < taps; k += 1) {
      const x = k - before - phase / phases;
      const edge = x / side;
      const window = Math.abs(edge) < 1 ? besselI0(BETA * Math.sqrt(1 - edge * edge)) / scale : 0;
      const angle = Math.PI * cutoff * x;
      row[k] = window * (Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle);
      sum += row[k];
    }
    for (let k = 0; k < taps; k += 1) table[phase * taps + k] = row[k] / sum;
  }
  return table;
}

/** Modified Bessel function of the first kind, order 0. */
function besselI0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}
