/**
 * A WebSocket as browsers have it: its only way to send a key are subprotocols.
 *
 * `undici` is the implementation inside Node; here it is a package, so its version is pinned.
 */
import { fetch, WebSocket } from 'undici';

import { GA, main, PREVIEW } from './openai_turns.mjs';

/** As the page's program sees it: the events, and what broke. */
class Connection {
  constructor(url, protocols, page) {
    // Every browser says which page it is that connects.
    this.socket = new WebSocket(url, { protocols, headers: { origin: page } });
    this.listeners = {};
    this.socket.addEventListener('message', ({ data }) => this.listeners.event(JSON.parse(data)));
    this.socket.addEventListener('error', ({ error, message }) =>
      this.listeners.error(error ?? new Error(message)),
    );
  }

  on(name, listener) {
    this.listeners[name] = listener;
  }

  send(event) {
    this.socket.send(JSON.stringify(event));
  }

  close() {
    this.socket.close();
  }
}

const BETA = 'openai-beta.realtime-v1';
const AGENTS = 'openai-agents-sdk.0.20.0';
const KINDS = {
  'insecure key': [GA],
  'insecure key, beta': [PREVIEW, BETA],
  'insecure key, agents-sdk': [GA, AGENTS],
};

/** What a server with the key makes for a page of its own. */
async function secretOf({ origin, key }) {
  const answer = await fetch(`${origin}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"session": {"type": "realtime", "instructions": "I come from the secret."}}',
  });
  return (await answer.json()).value;
}

await main(async (run, step) => {
  const [dialect, ...others] = KINDS[run.kind];
  const isForeign = step === 'secret'; // with the key itself only our own page may connect
  const key = isForeign ? await secretOf(run) : run.key;
  const page = isForeign ? 'https://app.example' : run.origin;
  const query = step === 'transcription' ? 'intent=transcription' : 'model=gpt-realtime';
  const url = `${run.origin.replace('http', 'ws')}${run.path}?${query}`;
  const protocols = ['realtime', `openai-insecure-api-key.${key}`, ...others];
  return [new Connection(url, protocols, page), dialect];
});
