/** The least of a browser for `audio/engine.js`: every part is counted, and the test says what happens when. */

/** All that was made, newest last. */
export const made = { contexts: [], workers: [], streams: [], nodes: [], locks: [] };

/** What the browser does next: each may be a promise. */
export const will = { grant: () => new ScriptedStream(), load: () => Promise.resolve(), resume: () => Promise.resolve() };

export class ScriptedStream {
  track = Object.assign(new EventTarget(), { enabled: true, label: "Microphone", is_stopped: false });
  constructor() {
    this.track.stop = () => (this.track.is_stopped = true);
    made.streams.push(this);
  }
  getTracks = () => [this.track];
  getAudioTracks = () => [this.track];
}

class ScriptedContext {
  state = "running";
  currentTime = 0;
  outputLatency = 0.02;
  destination = {};
  has_modules = false;
  audioWorklet = { addModule: () => Promise.resolve(will.load()).then(() => (this.has_modules = true)) };
  constructor() {
    made.contexts.push(this);
  }
  resume = () => will.resume();
  close() {
    this.state = "closed";
    return Promise.resolve();
  }
  createMediaStreamSource = (stream) => ({ stream, connect() {}, disconnect() {} });
}

class ScriptedNode {
  port = { sent: [], postMessage: (message) => this.port.sent.push(message) };
  constructor(context, name) {
    if (!context.has_modules) throw new DOMException(`"${name}" is not known`, "InvalidStateError");
    Object.assign(this, { context, name });
    made.nodes.push(this);
  }
  connect() {}
  disconnect() {}
}

class ScriptedWorker {
  received = [];
  is_terminated = false;
  constructor() {
    made.workers.push(this);
  }
  postMessage(message) {
    this.received.push(message);
    if (message.type === "close") this.onmessage({ data: { type: "connection", state: "closed", code: 1000 } });
  }
  terminate() {
    this.is_terminated = true;
  }
  say(message) {
    this.onmessage({ data: message });
  }
  open() {
    this.say({ type: "connection", state: "open", code: 0, reason: "", wasClean: true });
  }
}

const page = new EventTarget();
const setLater = globalThis.setTimeout;
const listeners = new Set();
const values = {
  AudioContext: ScriptedContext,
  AudioWorkletNode: ScriptedNode,
  Worker: ScriptedWorker,
  MessageChannel: class {
    port1 = {};
    port2 = {};
  },
  isSecureContext: true,
  location: { href: "http://localhost:3000/", search: "" },
  document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
  addEventListener: page.addEventListener.bind(page),
  setInterval: (tick) => {
    const timer = { tick };
    listeners.add(timer);
    return timer;
  },
  clearInterval: (timer) => listeners.delete(timer),
  // A moment (100 ms) is over at the next `settle`; longer times are never waited for.
  setTimeout: (then, ms, ...values) => (ms <= 100 ? setImmediate(then, ...values) : setLater(then, ms, ...values)),
  navigator: {
    userActivation: { hasBeenActive: true },
    mediaDevices: Object.assign(new EventTarget(), {
      getUserMedia: async () => will.grant(),
      enumerateDevices: async () => [],
    }),
    wakeLock: {
      request: async () => {
        const lock = { is_released: false, release: async () => (lock.is_released = true) };
        made.locks.push(lock);
        return lock;
      },
    },
  },
};
for (const [name, value] of Object.entries(values)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

/** One second passes for whoever watches. */
export const second = () => [...listeners].forEach(({ tick }) => tick());

/** Everything that is held; nothing of it may be left after a stop. */
export const held = () => ({
  contexts: made.contexts.filter(({ state }) => state !== "closed").length,
  workers: made.workers.filter(({ is_terminated }) => !is_terminated).length,
  microphones: made.streams.filter(({ track }) => !track.is_stopped).length,
  locks: made.locks.filter(({ is_released }) => !is_released).length,
  timers: listeners.size,
});

/** Let every promise that can settle do so. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
