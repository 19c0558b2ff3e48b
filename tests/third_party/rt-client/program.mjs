/**
 * rt-client (npm): Microsoft's client of the preview, as in its samples. It waits for every event of
 * an item by name: one that is missing or out of order stops it.
 *
 * So does one that it does not know, and it is older than the `delta` events of the transcription
 * (`isServerMessageType` in its dist/esm/index.js): its programs can only do without the words.
 */
import assert from 'node:assert/strict';

import { RTClient } from 'rt-client';

import {
  INSTRUCTIONS,
  LONG_REQUEST,
  main,
  MODEL,
  pieces,
  REQUEST,
  silence,
  speech,
  TOOL_REQUEST,
  VOICE,
  WEATHER,
} from './conversation.mjs';

const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the current weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

async function hear(client, sound) {
  for (const piece of pieces(sound)) await client.sendAudio(piece);
}

async function say(client, text) {
  const content = [{ type: 'input_text', text }];
  await client.sendItem({ type: 'message', role: 'user', content });
  return client.generateResponse();
}

/** Read a message to its end. */
async function spoken(message) {
  const told = { text: '', bytes: 0 };
  for await (const part of message) {
    const sound = async () => {
      for await (const chunk of part.audioChunks()) told.bytes += chunk.length;
    };
    const words = async () => {
      for await (const chunk of part.transcriptChunks()) told.text += chunk;
    };
    await Promise.all([sound(), words()]);
  }
  return told;
}

/** Read a response to its end: its messages and calls. */
async function read(response) {
  const told = { messages: [], calls: [] };
  for await (const item of response) {
    if (item.type === 'message') {
      told.messages.push(await spoken(item));
    } else {
      await item.waitForCompletion();
      told.calls.push(item);
    }
  }
  return told;
}

const configure = (client) =>
  client.configure({
    instructions: INSTRUCTIONS,
    voice: VOICE,
    turn_detection: { type: 'server_vad', silence_duration_ms: 300 },
    tools: [weather],
  });

const STEPS = {
  async connect(client) {
    assert.ok(client.session.id);
    assert.deepEqual(client.session.modalities.toSorted(), ['audio', 'text']);
  },

  async update(client) {
    const session = await configure(client);
    assert.equal(session.voice, VOICE);
    assert.equal(session.instructions, INSTRUCTIONS);
    assert.equal(session.tools[0].name, 'get_weather');
  },

  async text(client) {
    await configure(client);
    const response = await say(client, REQUEST);
    const { messages } = await read(response);
    assert.match(messages[0].text, /banana/i);
    assert.ok(messages[0].bytes > 12_000);
    assert.equal(response.status, 'completed');
  },

  async voice(client) {
    await configure(client);
    await hear(client, speech);
    await hear(client, silence);
    let turn;
    for await (const event of client.events()) {
      if (event.type === 'input_audio') {
        await event.waitForCompletion();
        turn = event;
      } else {
        assert.ok((await read(event)).messages[0].bytes > 12_000);
        break;
      }
    }
    assert.ok(turn.audioEndMillis > turn.audioStartMillis + 500);
  },

  async manual(client) {
    await client.configure({ turn_detection: { type: 'none' } }); // Azure's word for `null`
    await hear(client, speech);
    const item = await client.commitAudio();
    const { messages } = await read(await client.generateResponse());
    await item.waitForCompletion();
    assert.ok(messages[0].text);
  },

  async tool(client) {
    await configure(client);
    const { calls } = await read(await say(client, TOOL_REQUEST));
    assert.equal(calls[0].functionName, 'get_weather');
    assert.match(calls[0].arguments, /Paris/);
    const call_id = calls[0].callId;
    await client.sendItem({ type: 'function_call_output', call_id, output: WEATHER });
    const { messages } = await read(await client.generateResponse());
    assert.match(messages[0].text, /21/);
  },

  async interruption(client) {
    await configure(client);
    const response = await say(client, LONG_REQUEST);
    const reading = read(response);
    await hear(client, speech);
    await reading;
    assert.equal(response.status, 'cancelled');
    await hear(client, silence);
    for await (const event of client.events()) {
      if (event.type === 'input_audio') await event.waitForCompletion();
      else if (event.id !== response.id) {
        await read(event);
        assert.equal(event.status, 'completed');
        break;
      }
    }
  },

  async cancel(client) {
    await configure(client);
    const response = await say(client, LONG_REQUEST);
    await response.cancel();
    await read(response);
    assert.equal(response.status, 'cancelled');
  },
};

await main(async ({ origin, key }, step) => {
  const client = new RTClient(new URL(origin), { key }, { deployment: MODEL });
  try {
    await client.init();
    await STEPS[step](client);
  } finally {
    await client.close();
  }
});
