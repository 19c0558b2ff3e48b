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

await main(async (run) => [await CLASSES[run.kind](run), PREVIEW]);
