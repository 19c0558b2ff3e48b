/**
 * What the programs of frameworks for Node share: the words of `conversation.py`, and the report.
 *
 *     await main(takeStep, runs);      // takeStep(run, step) rejects when the step fails
 *
 * `program SPEECH.wav RUN...`: what a RUN is and what is printed, tests/support/matrix.py says.
 */
import { readFileSync } from 'node:fs';

const LIMIT_MS = 30_000;
const WAV_HEADER_BYTES = 44;
const PIECE_BYTES = 4800;
export const MODEL = 'gpt-realtime';
export const VOICE = 'ash';
export const INSTRUCTIONS = 'You are a helpful assistant. Be brief.';
export const REQUEST = 'Repeat after me: banana';
export const LONG_REQUEST = 'Count to thirty';
export const TOOL_REQUEST = 'Please use get_weather for Paris.';
/** What the tool `get_weather` returns. */
export const WEATHER = '21 degrees and sunny';
/** A turn of the user: half a second of silence, "What time is it?"; then what ends it. */
export const speech = Buffer.concat([
  Buffer.alloc(24_000),
  readFileSync(process.argv[2]).subarray(WAV_HEADER_BYTES),
]);
export const silence = Buffer.alloc(48 * 1000);

/** The sound in pieces of 100 ms; each owns its memory, as what a microphone gives does. */
export function pieces(sound) {
  const count = Math.ceil(sound.length / PIECE_BYTES);
  const cut = (_, at) => new Uint8Array(sound.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES));
  return Array.from({ length: count }, cut);
}

/** A list of what came that lets its reader wait. */
export class Told {
  constructor() {
    this.all = [];
    this.broken = undefined;
    this.wake = () => {};
  }

  add(event) {
    this.all.push(event);
    this.wake();
  }

  /** Let who waits fail. */
  fail(error) {
    this.broken ??= error;
    this.wake();
  }

  of(type) {
    return this.all.filter((event) => event.type === type);
  }

  async until(done) {
    while (!done()) {
      if (this.broken !== undefined) throw new Error(JSON.stringify(this.broken));
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

async function within(going) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    return await Promise.race([going, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function takeAll(takeStep, run) {
  for (const step of run.steps) {
    let result = 'pass';
    try {
      await within(takeStep(run, step));
    } catch (error) {
      result = String(error.message ?? error);
    }
    console.log(JSON.stringify({ run: run.id, step, result }));
  }
}

export const asked = process.argv.slice(3).map((told) => JSON.parse(told));

/** Take every step of the runs; they go side by side. */
export async function main(takeStep, runs = asked) {
  await Promise.all(runs.map((run) => takeAll(takeStep, run)));
}
