/**
 * openai-realtime-api (npm): its RealtimeClient, a typed copy of OpenAI's reference client of the
 * preview (openai-realtime-api-beta, which no registry has) with the same calls and events.
 *
 * It configures the session before it has seen `session.created`, and answers a tool call before
 * the response that made the call is over.
 */
import assert from 'node:assert/strict';

import { RealtimeClient } from 'openai-realtime-api';

import {
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

/** A client and what it told. */
class Talk extends Told {
  constructor({ origin, path, key }) {
    super();
    this.client = new RealtimeClient({
      url: `${origin.replace('http', 'ws')}${path}`,
      apiKey: key,
      model: MODEL,
      sessionConfig: {
        instructions: INSTRUCTIONS,
        voice: VOICE,
        turn_detection: { type: 'server_vad', silence_duration_ms: 300 },
      },
    });
    const parameters = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    };
    this.client.addTool(
      { name: 'get_weather', description: 'Get the current weather of a city', parameters },
      async ({ city }) => (city.includes('Paris') ? WEATHER : 'unknown'),
    );
    this.client.on('realtime.event', ({ source, event }) => {
      if (source === 'server') this.add(event);
      if (event.type === 'error') this.fail(event.error);
    });
  }

  /** The assistant's messages as the client has put them together. */
  get answers() {
    const items = this.client.conversation.getItems();
    return items.filter(({ role }) => role === 'assistant');
  }

  say(text) {
    this.client.sendUserMessageContent([{ type: 'input_text', text }]);
  }

  hear(sound) {
    for (const piece of pieces(sound)) this.client.appendInputAudio(piece.buffer);
  }

  async responses(count) {
    await this.until(() => this.of('response.done').length === count);
    return this.of('response.done').map(({ response }) => response.status);
  }
}

const STEPS = {
  async connect(talk) {
    assert.equal(talk.of('session.created').length, 1);
  },

  async update(talk) {
    const { session } = talk.of('session.updated')[0];
    assert.equal(session.voice, VOICE);
    assert.equal(session.instructions, INSTRUCTIONS);
    assert.equal(session.tools[0].name, 'get_weather');
  },

  async text(talk) {
    talk.say(REQUEST);
    await talk.responses(1);
    const [{ formatted, status }] = talk.answers;
    assert.match(formatted.transcript, /banana/i);
    assert.ok(formatted.audio.length > 6000);
    assert.equal(status, 'completed');
  },

  async voice(talk) {
    talk.hear(speech);
    talk.hear(silence);
    await talk.responses(1);
    const [question, answer] = talk.client.conversation.getItems();
    await talk.until(() => question.formatted.transcript !== '');
    assert.match(question.formatted.transcript, /time/i);
    assert.ok(question.formatted.audio.length > 24_000); // cut from what was sent, by the times
    assert.ok(answer.formatted.transcript);
  },

  async tool(talk) {
    talk.say(TOOL_REQUEST);
    await talk.responses(2);
    assert.match(talk.answers.at(-1).formatted.transcript, /21/);
  },

  async interruption(talk) {
    talk.say(LONG_REQUEST);
    await talk.until(() => talk.of('response.audio.delta').length > 3);
    const [answer] = talk.answers;
    talk.hear(speech);
    await talk.responses(1);
    talk.client.realtime.send('conversation.item.truncate', {
      item_id: answer.id,
      content_index: 0,
      audio_end_ms: 100,
    });
    await talk.until(() => talk.of('conversation.item.truncated').length > 0);
    assert.equal(answer.formatted.audio.length, 2400);
    talk.hear(silence);
    assert.deepEqual(await talk.responses(2), ['cancelled', 'completed']);
  },

  async cancel(talk) {
    talk.say(LONG_REQUEST);
    await talk.until(() => talk.of('response.audio.delta').length > 3);
    talk.client.cancelResponse(talk.answers[0].id, 2400);
    await talk.until(() => talk.of('conversation.item.truncated').length > 0);
    assert.deepEqual(await talk.responses(1), ['cancelled']);
  },
};

await main(async (run, step) => {
  const talk = new Talk(run);
  try {
    await talk.client.connect();
    await talk.until(() => talk.of('session.updated').length > 0);
    await STEPS[step](talk);
  } finally {
    talk.client.disconnect();
  }
});
