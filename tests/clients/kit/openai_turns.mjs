/**
 * The steps that a program takes with a connection of the `openai` package, in either dialect.
 *
 *     await main((run, step) => [connection, dialect]);
 *
 * `program SPEECH.wav RUN...`: what a RUN is and what is printed, tests/support/matrix.py says.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const LIMIT_MS = 30_000;
const WAV_HEADER_BYTES = 44;
const STARTS = ['session.created', 'transcription_session.created'];
const LONG = 'Count to thirty'; // the answer takes many seconds to speak
export const HEARD = 'conversation.item.input_audio_transcription.completed';
export const SERVER_VAD = { type: 'server_vad', silence_duration_ms: 300 };
const SILENCE = Buffer.alloc(48 * 600);
const speech = readFileSync(process.argv[2]).subarray(WAV_HEADER_BYTES);
export const question = Buffer.concat([Buffer.alloc(24_000), speech]);
export const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the current weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', description: 'Name of the city' } },
    required: ['city'],
  },
};

/** How a program of today says it. */
export const GA = {
  textDelta: 'response.output_text.delta',
  transcriptDelta: 'response.output_audio_transcript.delta',
  audioDelta: 'response.output_audio.delta',
  itemAdded: 'conversation.item.added',
  modalities: 'output_modalities',
  session: ({ isText, turn_detection, transcription, ...rest }) => ({
    type: 'realtime',
    ...(isText ? { output_modalities: ['text'] } : {}),
    audio: { input: { turn_detection, transcription } },
    ...rest,
  }),
};

/** How a program of the preview said it. */
export const PREVIEW = {
  textDelta: 'response.text.delta',
  transcriptDelta: 'response.audio_transcript.delta',
  audioDelta: 'response.audio.delta',
  itemAdded: 'conversation.item.created',
  modalities: 'modalities',
  session: ({ isText, transcription, ...rest }) => ({
    ...(isText ? { modalities: ['text'] } : {}),
    input_audio_transcription: transcription,
    ...rest,
  }),
};

/** A connection, the events that came, and what a program does with them. */
class Talk {
  constructor(connection, dialect) {
    this.connection = connection;
    this.dialect = dialect;
    this.events = [];
    this.read = 0;
    this.wake = () => {};
    connection.on('event', (event) => {
      this.events.push(event);
      this.wake();
    });
    connection.on('error', (error) => {
      if (error.error === undefined) this.broken = error; // the connection, not an event
      this.wake();
    });
  }

  /** The next event for which `wanted` holds; those before it are passed over. */
  async find(wanted) {
    for (;;) {
      while (this.read < this.events.length) {
        const event = this.events[this.read++];
        if (wanted(event)) return event;
      }
      if (this.broken) throw this.broken;
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Read until each of these types has come; the last one. An error fails. */
  until(...types) {
    const missing = new Set(types);
    return this.find((event) => {
      if (event.type === 'error') throw new Error(JSON.stringify(event.error));
      missing.delete(event.type);
      return missing.size === 0;
    });
  }

  send(type, fields = {}) {
    this.connection.send({ type, ...fields });
  }

  async update(fields) {
    this.send('session.update', { session: this.dialect.session(fields) });
    return (await this.until('session.updated')).session;
  }

  async say(text, fields = {}) {
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
    this.send('conversation.item.create', { item, ...fields });
    return this.until(this.dialect.itemAdded);
  }

  async ask(text, response) {
    await this.say(text);
    this.send('response.create', { response });
  }

  append(audio) {
    for (let at = 0; at < audio.length; at += 4800) {
      const piece = audio.subarray(at, at + 4800);
      this.send('input_audio_buffer.append', { audio: piece.toString('base64') });
    }
  }

  async done() {
    return (await this.until('response.done')).response;
  }

  of(type) {
    return this.events.filter((event) => event.type === type);
  }

  get text() {
    const { textDelta, transcriptDelta } = this.dialect;
    return [...this.of(textDelta), ...this.of(transcriptDelta)].map((one) => one.delta).join('');
  }

  get audioBytes() {
    const deltas = this.of(this.dialect.audioDelta).map((event) => event.delta);
    return deltas.reduce((sum, delta) => sum + Buffer.from(delta, 'base64').length, 0);
  }

  /** Check an answer to the recorded question. */
  isSpoken() {
    assert.deepEqual(
      this.of(HEARD).map((event) => event.transcript),
      ['What time is it?'],
    );
    assert.equal(this.text, 'You said: What time is it?');
    assert.ok(this.audioBytes > 24_000);
  }
}

const STEPS = {
  async connect(talk) {
    const { session } = talk.events[0];
    assert.equal(session.model, 'gpt-realtime');
    assert.ok(session[talk.dialect.modalities]);
  },

  async update(talk) {
    const session = await talk.update({
      instructions: 'Be brief.',
      isText: true,
      tools: [weather],
    });
    assert.equal(session.instructions, 'Be brief.');
    assert.deepEqual(session[talk.dialect.modalities], ['text']);
    assert.equal(session.tools[0].name, 'get_weather');
    assert.equal(session.id, talk.events[0].session.id);
  },

  async text(talk) {
    await talk.update({ isText: true });
    await talk.ask('Good morning');
    const { status, output, usage } = await talk.done();
    assert.equal(talk.text, 'You said: Good morning');
    assert.equal(status, 'completed');
    assert.equal(output[0].content[0].text, talk.text);
    assert.ok(usage.total_tokens > 0);
    assert.equal(talk.audioBytes, 0);
  },

  async voice(talk) {
    await talk.update({ turn_detection: SERVER_VAD, transcription: { model: 'whisper-1' } });
    talk.append(Buffer.concat([question, SILENCE]));
    await talk.until('response.done', HEARD);
    const order = talk.events.map((event) => event.type);
    const parts = ['speech_started', 'speech_stopped', 'committed'];
    const places = parts.map((part) => order.indexOf(`input_audio_buffer.${part}`));
    places.push(order.indexOf('response.created'));
    assert.ok(places[0] > 0);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    talk.isSpoken();
  },

  async manual(talk) {
    await talk.update({ turn_detection: null, transcription: { model: 'whisper-1' } });
    talk.append(question);
    talk.send('input_audio_buffer.commit');
    talk.send('response.create');
    await talk.until('response.done', HEARD);
    assert.deepEqual(talk.of('input_audio_buffer.speech_started'), []);
    talk.isSpoken();
  },

  async tool(talk) {
    await talk.update({ isText: true, tools: [weather] });
    await talk.ask('get_weather in Paris');
    await talk.done();
    const [call] = talk.of('response.function_call_arguments.done');
    assert.deepEqual(JSON.parse(call.arguments), { city: 'get_weather in Paris' });
    const [{ item }] = talk.of('response.output_item.done');
    assert.deepEqual([item.name, item.call_id], ['get_weather', call.call_id]);
    talk.send('conversation.item.create', {
      item: { type: 'function_call_output', call_id: call.call_id, output: '21 degrees' },
    });
    talk.send('response.create');
    await talk.done();
    assert.equal(talk.text, 'The tool says: 21 degrees');
  },

  async interruption(talk) {
    await talk.update({ turn_detection: SERVER_VAD });
    await talk.ask(LONG);
    const { item_id } = await talk.until(talk.dialect.audioDelta);
    talk.append(question);
    const { status, status_details } = await talk.done();
    assert.deepEqual([status, status_details.reason], ['cancelled', 'turn_detected']);
    talk.send('conversation.item.truncate', { item_id, content_index: 0, audio_end_ms: 90 });
    assert.equal((await talk.until('conversation.item.truncated')).audio_end_ms, 90);
    talk.append(SILENCE);
    assert.equal((await talk.done()).status, 'completed');
  },

  async cancel(talk) {
    await talk.ask(LONG);
    await talk.until(talk.dialect.audioDelta);
    talk.send('response.cancel');
    const { status, status_details } = await talk.done();
    assert.deepEqual([status, status_details.reason], ['cancelled', 'client_cancelled']);
  },

  async items(talk) {
    const first = (await talk.say('My name is Ada.')).item;
    const second = await talk.say('Good morning', { previous_item_id: first.id });
    assert.equal(second.previous_item_id, first.id);
    talk.send('conversation.item.retrieve', { item_id: first.id });
    const { item } = await talk.until('conversation.item.retrieved');
    assert.equal(item.content[0].text, 'My name is Ada.');
    talk.send('conversation.item.delete', { item_id: second.item.id });
    assert.equal((await talk.until('conversation.item.deleted')).item_id, second.item.id);
  },

  async error(talk) {
    talk.send('response.cancel', { event_id: 'mine' });
    const { error } = await talk.find((event) => event.type === 'error');
    assert.deepEqual([error.code, error.event_id], ['response_cancel_not_active', 'mine']);
    talk.send('input_audio_buffer.clear');
    await talk.until('input_audio_buffer.cleared');
  },

  async transcription(talk) {
    const hearing = { transcription: { model: 'gpt-4o-transcribe' }, turn_detection: SERVER_VAD };
    if (talk.dialect === GA) {
      const session = await talk.update({ type: 'transcription', ...hearing });
      assert.equal(session.type, 'transcription');
    } else {
      talk.send('transcription_session.update', { session: PREVIEW.session(hearing) });
      await talk.until('transcription_session.updated');
    }
    talk.append(Buffer.concat([question, SILENCE]));
    assert.equal((await talk.until(HEARD)).transcript, 'What time is it?');
    assert.deepEqual(talk.of('response.created'), []);
  },

  async secret(talk) {
    assert.equal(talk.events[0].session.instructions, 'I come from the secret.');
  },
};

/** Do something with a connection within the limit, and close it. */
export async function talked(connection, dialect, does) {
  const talk = new Talk(connection, dialect);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const seen = talk.events.map((event) => event.type);
      reject(new Error(`nothing came any more after ${seen.slice(-5)}`));
    }, LIMIT_MS);
  });
  try {
    return await Promise.race([does(talk), late]);
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

/** A wrong key: the client must say that it broke, and no session may come. */
async function refused(talk) {
  await assert.rejects(talk.find(() => true));
}

async function turn(talk, step) {
  await talk.find(({ type }) => STARTS.includes(type));
  await STEPS[step](talk);
}

async function take(open, run, step) {
  const isRefusal = step === 'refusal';
  const [connection, dialect] = await open(isRefusal ? { ...run, key: 'wrong' } : run, step);
  await talked(connection, dialect, (talk) => (isRefusal ? refused(talk) : turn(talk, step)));
}

/** Take every step of every run; `open(run, step)` gives the connection and its dialect. */
export async function main(open) {
  const runs = process.argv.slice(3).map((told) => JSON.parse(told));
  const takeRun = async (run) => {
    for (const step of run.steps) {
      let result = 'pass';
      try {
        await take(open, run, step);
      } catch (error) {
        result = String(error.message ?? error);
      }
      console.log(JSON.stringify({ run: run.id, step, result }));
    }
  };
  await Promise.all(runs.map(takeRun));
}
