/**
 * @openai/agents (npm): a RealtimeSession over its WebSocket transport, as in its voice quickstart.
 *
 * `RealtimeSession in a browser` is the build for browsers, in a process of its own: it knows no
 * request headers and sends the key as a subprotocol.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';

const LIMIT_MS = 15_000;
const WAV_HEADER_BYTES = 44;
const IN_BROWSER = '--conditions=browser';
const speech = readFileSync(process.argv[2]).subarray(WAV_HEADER_BYTES);
const silence = Buffer.alloc(48 * 1000);

/** A session and what it told. */
class Talk {
  constructor({ origin, path, key, kind }) {
    this.told = [];
    this.errors = [];
    this.said = '';
    this.wake = () => {};
    const weather = tool({
      name: 'get_weather',
      description: 'Get the current weather of a city',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      },
      execute: async ({ city }) => (city.includes('Paris') ? '21 degrees and sunny' : 'unknown'),
    });
    const instructions = 'You are a helpful assistant. Be brief.';
    const agent = new RealtimeAgent({ name: 'Assistant', instructions, tools: [weather] });
    const transport = new OpenAIRealtimeWebSocket({
      url: `${origin.replace('http', 'ws')}${path}?model=gpt-realtime`,
      useInsecureApiKey: kind.endsWith('browser'),
    });
    this.session = new RealtimeSession(agent, {
      transport,
      model: 'gpt-realtime',
      config: {
        audio: {
          input: {
            transcription: { model: 'whisper-1' },
            turnDetection: { type: 'server_vad', interruptResponse: true },
          },
          output: { voice: 'ash' },
        },
      },
    });
    for (const name of ['agent_end', 'agent_tool_end', 'audio', 'audio_interrupted']) {
      this.session.on(name, (...details) => this.note({ type: name, details }));
    }
    this.session.on('transport_event', (event) => this.note(event));
    this.session.on('error', ({ error }) => {
      this.errors.push(error);
      this.wake();
    });
    this.key = key;
  }

  note(event) {
    this.told.push(event);
    if (event.type === 'response.output_audio_transcript.delta') this.said += event.delta;
    this.wake();
  }

  async open() {
    await this.session.connect({ apiKey: this.key });
    await this.until(() => this.of('session.updated').length === 2);
  }

  of(type) {
    return this.told.filter((event) => event.type === type);
  }

  hear(audio) {
    for (let at = 0; at < audio.length; at += 4800) {
      // A copy: what the SDK wants is a whole ArrayBuffer, not a view.
      this.session.sendAudio(new Uint8Array(audio.subarray(at, at + 4800)).buffer);
    }
  }

  /** Wait until this holds; an error that the SDK tells fails. */
  async until(done) {
    while (!done()) {
      if (this.errors.length > 0) throw new Error(JSON.stringify(this.errors));
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

const STEPS = {
  async connect(talk) {
    assert.equal(talk.of('session.created').length, 1);
  },

  async update(talk) {
    const { session } = talk.of('session.updated').at(-1);
    assert.equal(session.audio.output.voice, 'ash');
    assert.equal(session.instructions, 'You are a helpful assistant. Be brief.');
    assert.equal(session.tools[0].name, 'get_weather');
  },

  async text(talk) {
    talk.session.sendMessage('Repeat after me: banana');
    await talk.until(() => talk.of('agent_end').length > 0);
    assert.match(talk.said, /banana/i);
    const sizes = talk.of('audio').map(({ details: [audio] }) => audio.data.byteLength);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) > 12_000);
  },

  async voice(talk) {
    talk.hear(Buffer.concat([Buffer.alloc(24_000), speech, silence]));
    const heard = () => talk.of('conversation.item.input_audio_transcription.completed');
    await talk.until(() => talk.of('agent_end').length > 0 && heard().length > 0);
    assert.match(heard()[0].transcript, /time/i);
    assert.ok(talk.said);
  },

  async tool(talk) {
    talk.session.sendMessage('Please use get_weather for Paris.');
    await talk.until(() => talk.of('agent_end').length === 2);
    assert.equal(talk.of('agent_tool_end')[0].details[3], '21 degrees and sunny');
    assert.match(talk.said, /21/);
  },

  async interruption(talk) {
    talk.session.sendMessage('Count to thirty');
    await talk.until(() => talk.of('audio').length > 3);
    talk.hear(Buffer.concat([Buffer.alloc(24_000), speech]));
    await talk.until(() => talk.of('audio_interrupted').length > 0);
    // The SDK cuts the item to what was played, then asks what is left of it.
    await talk.until(() => talk.of('conversation.item.truncated').length > 0);
    await talk.until(() => talk.of('conversation.item.retrieved').length > 0);
    talk.hear(silence);
    await talk.until(() => talk.of('response.done').length === 2);
    const statuses = talk.of('response.done').map(({ response }) => response.status);
    assert.deepEqual(statuses, ['cancelled', 'completed']);
  },
};

async function take(run, step) {
  const talk = new Talk(run);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const seen = talk.told.map((event) => event.type);
      reject(new Error(`nothing came any more after ${seen.slice(-8)}`));
    }, LIMIT_MS);
  });
  try {
    await Promise.race([talk.open().then(() => STEPS[step](talk)), late]);
  } finally {
    clearTimeout(timer);
    talk.session.close();
  }
}

async function takeAll(run) {
  for (const step of run.steps) {
    let result = 'pass';
    try {
      await take(run, step);
    } catch (error) {
      result = String(error.message ?? error);
    }
    console.log(JSON.stringify({ run: run.id, step, result }));
  }
}

/** Take the runs in a browser in a process that loads what browsers load. */
async function inBrowser(runs) {
  const told = runs.map((run) => JSON.stringify(run));
  const script = fileURLToPath(import.meta.url);
  const options = { stdio: 'inherit' };
  const child = spawn(process.execPath, [IN_BROWSER, script, process.argv[2], ...told], options);
  const [code] = await once(child, 'exit');
  process.exitCode = code;
}

const runs = process.argv.slice(3).map((told) => JSON.parse(told));
const isBrowser = process.execArgv.includes(IN_BROWSER);
const elsewhere = isBrowser ? [] : runs.filter(({ kind }) => kind.endsWith('browser'));
const here = runs.filter((run) => !elsewhere.includes(run));
await Promise.all([...here.map(takeAll), ...(elsewhere.length > 0 ? [inBrowser(elsewhere)] : [])]);
