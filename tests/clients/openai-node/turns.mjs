/**
 * The official npm package `openai`, unchanged: every kind of turn, a connection for each.
 *
 *     node turns.mjs QUESTION.wav BASE_URL KEY CLASS...      BASE_URL: https://localhost:PORT
 *
 * Prints a JSON report: class of the client → kind of turn → facts, or `{"failed": why}`. It judges
 * nothing; who runs it does.
 */
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { GA, HEARD, SERVER_VAD, question, talked, weather } from './openai_turns.mjs';

const [, baseURL, apiKey, ...names] = process.argv.slice(2);
const MODEL = 'gpt-realtime';
const openai = new OpenAI({ apiKey, baseURL: `${baseURL}/v1` });
const azure = new AzureOpenAI({
  apiKey,
  endpoint: baseURL,
  apiVersion: '2025-08-28',
  deployment: MODEL,
});
const transcription = { model: 'whisper-1' };

async function spoken(program, turn_detection, after_ms) {
  await program.update({ audio: { input: { transcription, turn_detection } } });
  program.append(Buffer.concat([question, Buffer.alloc(48 * after_ms)]));
  if (turn_detection === null) {
    program.send('input_audio_buffer.commit');
    program.send('response.create');
  }
  await program.until('response.done', HEARD);
  const [heard] = program.of(HEARD);
  return {
    heard: heard.transcript,
    text: program.text,
    audioBytes: program.audioBytes,
    types: program.events.map((event) => event.type),
  };
}

const TURNS = {
  async text(program) {
    await program.update({ output_modalities: ['text'] });
    await program.ask('What is seven plus five?');
    const { status, usage } = await program.done();
    const { text, audioBytes } = program;
    return { status, text, audioBytes, tokens: usage.total_tokens };
  },

  async aloud(program) {
    await program.ask('What is seven plus five?');
    const { status } = await program.done();
    return { status, text: program.text, audioBytes: program.audioBytes };
  },

  server_vad: (program) => spoken(program, SERVER_VAD, 600),

  semantic_vad: (program) => spoken(program, { type: 'semantic_vad', eagerness: 'high' }, 4500),

  push_to_talk: (program) => spoken(program, null, 0),

  async telephone(program) {
    await program.update({ audio: { output: { format: { type: 'audio/pcmu' } } } });
    await program.ask('What is seven plus five?');
    const { status } = await program.done();
    return { status, text: program.text, audioBytes: program.audioBytes };
  },

  async tool(program) {
    await program.update({ output_modalities: ['text'], tools: [weather] });
    await program.ask('What is the weather in Paris?');
    await program.done();
    const [call] = program.of('response.function_call_arguments.done');
    const output = JSON.stringify({ temperature: 21, sky: 'sunny' });
    program.send('conversation.item.create', {
      item: { type: 'function_call_output', call_id: call.call_id, output },
    });
    program.send('response.create');
    await program.done();
    return { name: call.name, arguments: JSON.parse(call.arguments), text: program.text };
  },

  async forced_tool(program) {
    await program.update({ output_modalities: ['text'], tools: [weather] });
    await program.ask('I am in Rome', { tool_choice: { type: 'function', name: 'get_weather' } });
    const { output } = await program.done();
    return { kinds: output.map((item) => item.type) };
  },

  async out_of_band(program) {
    await program.say('What is seven plus five?');
    const { item } = await program.until('conversation.item.done');
    await program.ask('Count to five');
    await program.until('response.output_audio.delta');
    program.send('response.create', {
      response: {
        conversation: 'none',
        output_modalities: ['text'],
        metadata: { topic: 'sum' },
        input: [{ type: 'item_reference', id: item.id }],
      },
    });
    const aside = await program.done();
    const main = await program.done();
    return {
      metadata: aside.metadata,
      text: aside.output[0].content[0].text,
      conversations: [aside.conversation_id, typeof main.conversation_id],
      statuses: [aside.status, main.status],
    };
  },

  async too_long(program) {
    await program.ask('Count to thirty', { output_modalities: ['text'], max_output_tokens: 5 });
    const { status, status_details } = await program.done();
    return { status, reason: status_details.reason };
  },

  async barge_in(program) {
    await program.update({ audio: { input: { transcription, turn_detection: SERVER_VAD } } });
    await program.ask('Count to thirty');
    const { item_id } = await program.until('response.output_audio.delta');
    program.append(question);
    const cut = await program.done();
    const truncation = { item_id, content_index: 0, audio_end_ms: 90 };
    program.send('conversation.item.truncate', truncation);
    await program.until('conversation.item.truncated');
    program.send('conversation.item.retrieve', { item_id });
    const { item } = await program.until('conversation.item.retrieved');
    program.append(Buffer.alloc(48 * 600));
    const next = await program.done();
    return {
      statuses: [cut.status, next.status],
      reason: cut.status_details.reason,
      keptBytes: Buffer.from(item.content[0].audio, 'base64').length,
    };
  },

  async cancel(program) {
    await program.ask('Count to thirty');
    await program.until('response.output_audio.delta');
    program.send('response.cancel');
    const { status, status_details } = await program.done();
    return { status, reason: status_details.reason };
  },

  async items(program) {
    await program.say('My name is Ada.');
    const { item } = await program.until('conversation.item.done');
    const content = [{ type: 'input_text', text: 'Be brief.' }];
    program.send('conversation.item.create', {
      item: { type: 'message', role: 'system', content },
      previous_item_id: 'root',
    });
    const first = await program.until('conversation.item.done');
    program.send('conversation.item.retrieve', { item_id: item.id });
    const found = await program.until('conversation.item.retrieved');
    program.send('conversation.item.delete', { item_id: item.id });
    await program.until('conversation.item.deleted');
    return { before: first.previous_item_id, text: found.item.content[0].text };
  },

  async transcription(program) {
    const input = { transcription: { model: 'gpt-4o-transcribe' }, turn_detection: SERVER_VAD };
    program.send('session.update', { session: { type: 'transcription', audio: { input } } });
    const { session } = await program.until('session.updated');
    program.append(Buffer.concat([question, Buffer.alloc(48 * 600)]));
    const { transcript } = await program.until(HEARD);
    const types = program.events.map((event) => event.type);
    return { type: session.type, heard: transcript, answers: types.includes('response.created') };
  },

  async error(program) {
    program.send('session.update', { event_id: 'mine', session: { type: 'realtime', color: 1 } });
    const { error } = await program.find((event) => event.type === 'error');
    program.send('input_audio_buffer.clear');
    await program.until('input_audio_buffer.cleared');
    return { code: error.code, param: error.param, event_id: error.event_id };
  },
};

TURNS.transcription.target = { intent: 'transcription' };

const CLASSES = {
  OpenAIRealtimeWS: (target) => new OpenAIRealtimeWS(target ?? { model: MODEL }, openai),
  OpenAIRealtimeWebSocket: (target) =>
    new OpenAIRealtimeWebSocket(target ?? { model: MODEL }, openai),
  'OpenAIRealtimeWS.azure': (target) => OpenAIRealtimeWS.azure(azure, target),
  'OpenAIRealtimeWebSocket.azure': (target) => OpenAIRealtimeWebSocket.azure(azure, target),
  /** As a browser does it: with a secret of one minute that a server made for it. */
  async OpenAIRealtimeWebSocketWithSecret(target) {
    const { value } = await openai.realtime.clientSecrets.create({
      session: { type: target?.intent ?? 'realtime' },
      expires_after: { anchor: 'created_at', seconds: 60 },
    });
    const browser = new OpenAI({ apiKey: value, baseURL: `${baseURL}/v1` });
    return new OpenAIRealtimeWebSocket(target ?? { model: MODEL }, browser);
  },
};

/** The others are the same two with another handshake. */
const ALL_TURNS = ['OpenAIRealtimeWS', 'OpenAIRealtimeWebSocket'];
const HANDSHAKES = ['text', 'server_vad', 'tool', 'transcription'];

async function take(open, turn) {
  try {
    return await talked(await open(turn.target), GA, async (program) => {
      await program.until('session.created');
      return turn(program);
    });
  } catch (error) {
    return { failed: String(error) };
  }
}

async function takeAll(name) {
  const kinds = ALL_TURNS.includes(name) ? Object.keys(TURNS) : HANDSHAKES;
  const facts = {};
  for (const kind of kinds) facts[kind] = await take(CLASSES[name], TURNS[kind]);
  return facts;
}

const facts = await Promise.all(names.map(takeAll));
console.log(JSON.stringify(Object.fromEntries(names.map((name, n) => [name, facts[n]]))));
