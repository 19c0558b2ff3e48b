/** The newest npm package `openai`: its classes as their README has them, given our address. */
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket as BetaWebSocket } from 'openai/beta/realtime/websocket';
import { OpenAIRealtimeWS as BetaWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { GA, main, PREVIEW } from './openai_turns.mjs';

const MODEL = 'gpt-realtime';

const openai = ({ origin, key }) => new OpenAI({ apiKey: key, baseURL: `${origin}/v1` });
const azure = ({ origin, key }) =>
  new AzureOpenAI({
    apiKey: key,
    endpoint: origin,
    apiVersion: '2025-04-01-preview',
    deployment: MODEL,
  });

/** As a browser does it: with a client secret that a server made for it. */
async function withSecret(run) {
  const session = { type: 'realtime', instructions: 'I come from the secret.' };
  const { value } = await openai(run).realtime.clientSecrets.create({ session });
  return openai({ ...run, key: value });
}

const CLASSES = {
  OpenAIRealtimeWS: (run, target, client) => new OpenAIRealtimeWS(target, client),
  OpenAIRealtimeWebSocket: (run, target, client) => new OpenAIRealtimeWebSocket(target, client),
  'OpenAIRealtimeWS.azure': (run, target) => OpenAIRealtimeWS.azure(azure(run), target),
  'OpenAIRealtimeWebSocket.azure': (run, target) =>
    OpenAIRealtimeWebSocket.azure(azure(run), target),
  'beta OpenAIRealtimeWS': (run, target, client) => new BetaWS(target, client),
  'beta OpenAIRealtimeWebSocket': (run, target, client) => new BetaWebSocket(target, client),
  'beta OpenAIRealtimeWS.azure': (run) => BetaWS.azure(azure(run)),
  'beta OpenAIRealtimeWebSocket.azure': (run) => BetaWebSocket.azure(azure(run)),
};

await main(async (run, step) => {
  const isAzure = run.kind.endsWith('.azure');
  const model = isAzure ? undefined : { model: MODEL };
  const target = step === 'transcription' ? { intent: 'transcription' } : model;
  const client = step === 'secret' ? await withSecret(run) : openai(run);
  const connection = await CLASSES[run.kind](run, target, client);
  return [connection, run.kind.startsWith('beta') ? PREVIEW : GA];
});
