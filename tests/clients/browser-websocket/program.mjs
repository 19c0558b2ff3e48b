/**
 * A WebSocket as browsers have it: its only way to send a key are subprotocols.
 *
 * `undici` is the implementation inside Node; here it is a package, so its version is pinned.
 */
import { WebSocket } from 'undici';

import { GA, main, PREVIEW } from './openai_turns.mjs';

/** As the page's program sees it: the events, and what broke. */
class Connection {
  constructor(url, protocols) {
    this.socket = new WebSocket(url, protocols);
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

await main(async ({ kind, origin, path, key }) => {
  const [dialect, ...others] = KINDS[kind];
  const url = `${origin.replace('http', 'ws')}${path}?model=gpt-realtime`;
  const protocols = ['realtime', `openai-insecure-api-key.${key}`, ...others];
  return [new Connection(url, protocols), dialect];
});
