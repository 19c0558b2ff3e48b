/** The npm package `openai` 4.95, of the time of the preview, given our address. */
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/beta/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws';

import { main, PREVIEW } from './openai_turns.mjs';

const model = 'gpt-realtime';

const openai = ({ origin, key }) => new OpenAI({ apiKey: key, baseURL: `${origin}/v1` });
const azure = ({ origin, key }) =>
  new AzureOpenAI({
    apiKey: key,
    endpoint: origin,
    apiVersion: '2024-10-01-preview',
    deployment: model,
  });

const CLASSES = {
  OpenAIRealtimeWS: (run) => new OpenAIRealtimeWS({ model }, openai(run)),
  OpenAIRealtimeWebSocket: (run) => new OpenAIRealtimeWebSocket({ model }, openai(run)),
  'OpenAIRealtimeWS.azure': (run) => OpenAIRealtimeWS.azure(azure(run)),
  'OpenAIRealtimeWebSocket.azure': (run) => OpenAIRealtimeWebSocket.azure(azure(run)),
};

/** As a browser does it: with a client secret that a server made for it. */
async function withSecret(run) {
  const client = run.kind.endsWith('.azure') ? azure(run) : openai(run);
  const session = { model, instructions: 'I come from the secret.' };
  const { client_secret } = await client.beta.realtime.sessions.create(session);
  return { ...run, key: client_secret.value };
}

await main(async (run, step) => {
  const dialling = step === 'secret' ? await withSecret(run) : run;
  return [await CLASSES[run.kind](dialling), PREVIEW];
});
