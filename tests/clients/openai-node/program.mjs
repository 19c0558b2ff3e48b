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
  const instructions = 'I come from the secret.';
  if (run.kind.startsWith('beta')) {
    const client = run.kind.endsWith('.azure') ? azure(run) : openai(run);
    const { client_secret } = await client.beta.realtime.sessions.create({
      model: MODEL,
      instructions,
    });
    return { ...run, key: client_secret.value };
  }
  const session = { type: 'realtime', instructions };
  const { value } = await openai(run).realtime.clientSecrets.create({ session });
  return { ...run, key: value };
}

const CLASSES = {
  OpenAIRealtimeWS: (run, target) => new OpenAIRealtimeWS(target, openai(run)),
  OpenAIRealtimeWebSocket: (run, target) => new OpenAIRealtimeWebSocket(target, openai(run)),
  'OpenAIRealtimeWS.azure': (run, target) => OpenAIRealtimeWS.azure(azure(run), target),
  'OpenAIRealtimeWebSocket.azure': (run, target) =>
    OpenAIRealtimeWebSocket.azure(azure(run), target),
  'beta OpenAIRealtimeWS': (run, target) => new BetaWS(target, openai(run)),
  'beta OpenAIRealtimeWebSocket': (run, target) => new BetaWebSocket(target, openai(run)),
  'beta OpenAIRealtimeWS.azure': (run) => BetaWS.azure(azure(run)),
  'beta OpenAIRealtimeWebSocket.azure': (run) => BetaWebSocket.azure(azure(run)),
};

await main(async (run, step) => {
  const model = run.kind.endsWith('.azure') ? undefined : { model: MODEL };
  const target = step === 'transcription' ? { intent: 'transcription' } : model;
  const dialling = step === 'secret' ? await withSecret(run) : run;
  const connection = await CLASSES[run.kind](dialling, target);
  return [connection, run.kind.startsWith('beta') ? PREVIEW : GA];
});
