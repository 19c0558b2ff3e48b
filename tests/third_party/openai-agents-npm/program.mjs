/**
 * @openai/agents (npm): a RealtimeSession over its WebSocket transport, as in its voice quickstart.
 *
 * `RealtimeSession in a browser` is the build for browsers, in a process of its own: it knows no
 * request headers and sends the key as a subprotocol.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';

import {
  asked,
  INSTRUCTIONS,
  LONG_REQUEST,
  main,
  MODEL,
  pieces,
  REQUEST,
  silence,
  speech,
  Told,
  TOOL_REQUEST,
  VOICE,
  WEATHER,
} from './conversation.mjs';

const IN_BROWSER = '--conditions=browser';

/** A session and what it told. */
class Talk extends Told {
  constructor({ origin, path, kind }) {
    super();
    const weather = tool({
      name: 'get_weather',
      description: 'Get the current weather of a city',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      },
      execute: async ({ city }) => (city.includes('Paris') ? WEATHER : 'unknown'),
    });
    const agent = new RealtimeAgent({
      name: 'Assistant',
      instructions: INSTRUCTIONS,
      tools: [weather],
    });
    const transport = new OpenAIRealtimeWebSocket({
      url: `${origin.replace('http', 'ws')}${path}?model=${MODEL}`,
      useInsecureApiKey: kind.endsWith('browser'),
    });
    const input = {
      transcription: { model: 'whisper-1' },
      turnDetection: { type: 'server_vad', interruptResponse: true },
    };
    this.session = new RealtimeSession(agent, {
      transport,
      model: MODEL,
      config: { audio: { input, output: { voice: VOICE } } },
    });
    for (const type of ['agent_end', 'agent_tool_end', 'audio', 'audio_interrupted']) {
      this.session.on(type, (...details) => this.add({ type, details }));
    }
    this.session.on('transport_event', (event) => this.add(event));
    this.session.on('error', ({ error }) => this.fail(error));
  }

  get said() {
    return this.of('response.output_audio_transcript.delta')
      .map(({ delta }) => delta)
      .join('');
  }

  hear(sound) {
    for (const piece of pieces(sound)) this.session.sendAudio(piece.buffer);
  }
}

const STEPS = {
  async connect(talk) {
    assert.equal(talk.of('session.created').length, 1);
  },

  async update(talk) {
    const { session } = talk.of('session.updated').at(-1);
    assert.equal(session.audio.output.voice, VOICE);
    assert.equal(session.instructions, INSTRUCTIONS);
    assert.equal(session.tools[0].name, 'get_weather');
  },

  async text(talk) {
    talk.session.sendMessage(REQUEST);
    await talk.until(() => talk.of('agent_end').length > 0);
    assert.match(talk.said, /banana/i);
    const sizes = talk.of('audio').map(({ details: [audio] }) => audio.data.byteLength);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) > 12_000);
  },

  async voice(talk) {
    talk.hear(speech);
    talk.hear(silence);
    const heard = () => talk.of('conversation.item.input_audio_transcription.completed');
    await talk.until(() => talk.of('agent_end').length > 0 && heard().length > 0);
    assert.match(heard()[0].transcript, /time/i);
    assert.ok(talk.said);
  },

  async tool(talk) {
    talk.session.sendMessage(TOOL_REQUEST);
    await talk.until(() => talk.of('agent_end').length === 2);
    assert.equal(talk.of('agent_tool_end')[0].details[3], WEATHER);
    assert.match(talk.said, /21/);
  },

  async interruption(talk) {
    talk.session.sendMessage(LONG_REQUEST);
    await talk.until(() => talk.of('audio').length > 3);
    talk.hear(speech);
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
  try {
    await talk.session.connect({ apiKey: run.key });
    await talk.until(() => talk.of('session.updated').length === 2);
    await STEPS[step](talk);
  } finally {
    talk.session.close();
  }
}

/** Take the runs in a browser in a process that loads what browsers load. */
async function inBrowser(runs) {
  const told = runs.map((run) => JSON.stringify(run));
  const program = [IN_BROWSER, fileURLToPath(import.meta.url), process.argv[2], ...told];
  const [code] = await once(spawn(process.execPath, program, { stdio: 'inherit' }), 'exit');
  process.exitCode = code;
}

const isBrowser = process.execArgv.includes(IN_BROWSER);
const elsewhere = isBrowser ? [] : asked.filter(({ kind }) => kind.endsWith('browser'));
const here = asked.filter((run) => !elsewhere.includes(run));
await Promise.all([main(take, here), ...(elsewhere.length > 0 ? [inBrowser(elsewhere)] : [])]);
