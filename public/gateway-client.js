/**
 * A client of Parley's gateway `/realtime` for browsers: connection, playback, microphone. No dependencies.
 *
 * ```js
 * import { createRealtimeConfig, GatewayClient, Microphone, Speaker } from "./gateway-client.js";
 *
 * button.onclick = async () => {
 *   const context = new AudioContext();
 *   const client = new GatewayClient("/realtime", createRealtimeConfig("openai", { voice: "coral" }));
 *   client.addEventListener("transcript", ({ detail }) => console.log(`[${detail.role}] ${detail.text}`));
 *   await Speaker.open(context, client);
 *   await Microphone.open(context, client);
 *   client.connect();
 * };
 * ```
 *
 * `GatewayClient` needs a WebSocket only, so it also runs in Node. `Speaker` and `Microphone` load the worklets
 * in `js/audio/` beside this file; whoever copies the file copies that folder too.
 */

const RATE_HZ = 24000;
const MAX_FRAME_BYTES = 65536;
const MAX_WAITING_BYTES = 10 * RATE_HZ * 2;
const STABLE_MS = 10000;
const NORMAL_CLOSE = 1000;

/**
 * Return a configuration with every option: the defaults, and over them what is given.
 * @param {string} provider "openai", "azure" or "engine"
 * @param {object} [overrides] options; those within `vad` and `input_transcription` one by one
 * @returns {import("./gateway-client.js").RealtimeSessionConfig}
 */
export function createRealtimeConfig(provider, overrides = {}) {
  return {
    model: "gpt-4o-realtime-preview",
    voice: "alloy",
    instructions: "",
    turn_detection: "server_vad",
    temperature: 0.8,
    max_response_tokens: "inf",
    ...overrides,
    provider,
    vad: {
      enabled: true,
      threshold: 0.5,
      silence_duration_ms: 500,
      prefix_padding_ms: 300,
      ...overrides.vad,
    },
    input_transcription: { enabled: true, model: "whisper-1", ...overrides.input_transcription },
  };
}

/**
 * Return how long to wait before a new attempt: full jitter, so that many clients do not come back in one moment.
 * @param {number} attempt 1, 2, …
 * @param {() => number} [random] from 0 up to 1
 * @returns {number} milliseconds, 15 000 at most
 */
export function retryDelay(attempt, random = Math.random) {
  return random() * Math.min(15000, 500 * 2 ** Math.min(attempt, 10));
}

/**
 * One conversation, over as many connections as it takes.
 *
 * Every message of the server is an event of its own type (`ready`, `transcript`, `speech_started`, `interrupted`,
 * `function_call`, `notice`, `error` …) with the message as `detail`; sound is `audio`, an `ArrayBuffer` of PCM16. Of
 * its own: `reconnecting` {attempt, delay_ms} and, at the very end, `closed` {code, reason}.
 *
 * A lost connection is dialled again and the configuration sent again. Not so after close(), after close code 1000,
 * and after an error that says that another attempt would not help. A server that refuses the handshake, for a wrong
 * token or origin, looks to a page like one that is away: it is tried again until close().
 */
export class GatewayClient extends EventTarget {
  #url;
  #options;
  #config;
  #socket = null;
  #timer = null;
  #attempt = 0;
  #opened_at_ms = 0;
  #least_wait_ms = 0;
  #is_refused = false;
  #is_over = true;

  /**
   * @param {string | URL} url of the gateway; http(s), ws(s), or a path of the page's server
   * @param {object} config as createRealtimeConfig() returns
   * @param {import("./gateway-client.js").GatewayOptions} [options]
   */
  constructor(url, config, options = {}) {
    super();
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace(/^http/, "ws");
    this.#config = config;
    this.#options = {
      token: "",
      WebSocket: globalThis.WebSocket,
      random: Math.random,
      now: () => Date.now(),
      setTimeout: (call, ms) => setTimeout(call, ms),
      clearTimeout: (timer) => clearTimeout(timer),
      ...options,
    };
    if (!/^[\w!#$%&'*+.^`|~-]*$/.test(this.#options.token)) {
      throw new TypeError("A browser cannot send this token: give the server one of letters, digits, - and _.");
    }
  }

  /** Whether there is a connection. */
  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  /** Dial; harmless when that was done. */
  connect() {
    if (!this.#is_over) return;
    this.#is_refused = false;
    this.#attempt = 0;
    this.#dial(); // throws when the page may not open such an address
    this.#is_over = false;
  }

  /** End the conversation. */
  close() {
    if (this.#is_over) return;
    this.#options.clearTimeout(this.#timer);
    if (this.#socket) this.#socket.close(NORMAL_CLOSE);
    this.#end(NORMAL_CLOSE, "");
  }

  /**
   * Change the configuration, now and for every further connection.
   * @param {object} config
   */
  configure(config) {
    this.#config = config;
    this.#send({ type: "config", ...config });
  }

  /**
   * Send sound. What is said while there is no connection is lost: it would come too late.
   * @param {ArrayBuffer | Int16Array} pcm PCM16, mono, 24 kHz
   * @returns {boolean} false when it was not sent: no connection, or one that is ten seconds behind
   */
  sendAudio(pcm) {
    if (!this.isOpen || this.#socket.bufferedAmount > MAX_WAITING_BYTES) return false;
    const bytes = ArrayBuffer.isView(pcm) ? new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength) : new Uint8Array(pcm);
    for (let from = 0; from < bytes.length; from += MAX_FRAME_BYTES) {
      this.#socket.send(bytes.subarray(from, from + MAX_FRAME_BYTES));
    }
    return true;
  }

  /**
   * Say something by keyboard; it is answered.
   * @param {string} text
   * @returns {boolean} false when there is no connection; so with all that follow
   */
  sendText(text) {
    return this.#send({ type: "text", text });
  }

  /**
   * Answer a `function_call`; the model goes on by itself.
   * @param {string} call_id
   * @param {unknown} result a string, or anything that JSON can say
   */
  functionResult(call_id, result) {
    return this.#send({ type: "function_result", call_id, result });
  }

  /** End the user's turn and ask for an answer: with turn_detection "none". */
  commitAudio() {
    return this.#send({ type: "commit_audio" });
  }

  /** Forget the sound that was sent and not committed. */
  clearAudio() {
    return this.#send({ type: "clear_audio" });
  }

  /** Ask for an answer. */
  createResponse() {
    return this.#send({ type: "create_response" });
  }

  /** Stop the answer. */
  cancelResponse() {
    return this.#send({ type: "cancel_response" });
  }

  #dial() {
    const { WebSocket, token, now } = this.#options;
    // Browsers cannot send headers with a socket; this is how a key passes.
    const protocols = token ? ["realtime", `openai-insecure-api-key.${token}`] : [];
    const socket = new WebSocket(this.#url.href, protocols);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#opened_at_ms = Infinity;
    this.#least_wait_ms = 0;
    socket.onopen = () => {
      this.#opened_at_ms = now();
      this.#send({ type: "config", ...this.#config });
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return; // what still comes after close()
      if (typeof data === "string") this.#take(JSON.parse(data));
      else this.#tell("audio", data);
    };
    socket.onclose = ({ code, reason }) => this.#onClose(socket, code, reason);
  }

  #take(message) {
    if (message.type === "error" && message.fatal) {
      this.#is_refused = message.retry_after_ms == null;
      this.#least_wait_ms = message.retry_after_ms ?? 0;
    }
    this.#tell(message.type, message);
  }

  #onClose(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    const { random, now } = this.#options;
    if (code === NORMAL_CLOSE || this.#is_refused) {
      this.#end(code, reason);
      return;
    }
    if (now() - this.#opened_at_ms > STABLE_MS) this.#attempt = 0;
    this.#attempt += 1;
    const delay_ms = this.#least_wait_ms + retryDelay(this.#attempt, random);
    this.#timer = this.#options.setTimeout(() => this.#dial(), delay_ms);
    this.#tell("reconnecting", { attempt: this.#attempt, delay_ms });
  }

  #end(code, reason) {
    this.#is_over = true;
    this.#socket = null;
    this.#tell("closed", { code, reason });
  }

  #send(message) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * The loudspeaker: sound in order, without clicks at gaps, silent within 5 ms when interrupted.
 *
 * The worklet waits for 80 ms before it begins, for more after each gap, and resamples to the context's rate.
 */
export class Speaker {
  #port;
  #node = null;
  #listening = new AbortController();
  #part = 0;

  /**
   * Play what a client hears.
   * @param {AudioContext} context made in the handler of a click, else browsers keep it silent
   * @param {GatewayClient} client
   * @param {AudioNode} [output] where the sound goes: a gain, a meter
   * @returns {Promise<Speaker>}
   */
  static async open(context, client, output = context.destination) {
    context.resume().catch(() => {});
    await addWorklet(context, new URL("./js/audio/playback-worklet.js", import.meta.url));
    const shape = { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [1] };
    const node = new AudioWorkletNode(context, "playback", shape);
    node.connect(output);
    const speaker = new Speaker(connectPort(node), client);
    speaker.#node = node;
    return speaker;
  }

  /**
   * @param {{postMessage: (message: object, transfer?: Transferable[]) => void}} port of the playback worklet
   * @param {EventTarget} client
   */
  constructor(port, client) {
    this.#port = port;
    const on = (type, call) => client.addEventListener(type, call, { signal: this.#listening.signal });
    on("audio", ({ detail }) => this.play(detail));
    // All of an answer comes long before it was heard: who speaks into it means to interrupt.
    for (const type of ["interrupted", "speech_started"]) on(type, () => this.stop());
    for (const type of ["response_done", "reconnecting", "closed"]) on(type, () => this.finish());
  }

  /** Add sound. @param {ArrayBuffer} pcm PCM16, mono, 24 kHz; it is given away */
  play(pcm) {
    const samples = new Int16Array(pcm, 0, pcm.byteLength >> 1);
    this.#port.postMessage({ type: "audio", item_id: `${this.#part}`, content_index: 0, samples }, [pcm]);
  }

  /** Say that the answer is complete: a gap after it is no fault of the network. */
  finish() {
    this.#port.postMessage({ type: "finish", item_id: `${this.#part}`, content_index: 0 });
    this.#part += 1;
  }

  /** Be silent at once and forget what waits. */
  stop() {
    this.#port.postMessage({ type: "flush", token: this.#part });
    this.#part += 1; // the worklet ignores what still comes of a part that it forgot
  }

  /** Be silent, listen to the client no more, and let the browser free the worklet. The context stays open. */
  close() {
    this.#listening.abort();
    this.#node?.port.postMessage({ type: "end" });
    this.#node?.disconnect();
  }
}

/** The microphone: batches of 40 ms for a client, at 24 kHz whatever the device's rate. */
export class Microphone {
  #stream;
  #source;
  #node;

  /**
   * Ask for the microphone and send what it hears.
   * @param {AudioContext} context
   * @param {GatewayClient} client
   * @param {MediaTrackConstraints} [constraints] over echo cancellation, noise suppression and gain control
   * @returns {Promise<Microphone>} rejects as `getUserMedia` does
   */
  static async open(context, client, constraints = {}) {
    await addWorklet(context, new URL("./js/audio/capture-worklet.js", import.meta.url));
    const wishes = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...wishes, ...constraints } });
    try {
      return new Microphone(context, client, stream);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop(); // else its light stays on
      throw error;
    }
  }

  /** Send what a stream holds; the module of the capture worklet must have been added. */
  constructor(context, client, stream) {
    this.#stream = stream;
    const shape = { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" };
    this.#node = new AudioWorkletNode(context, "capture", shape);
    const port = connectPort(this.#node);
    port.onmessage = ({ data: { buffer } }) => {
      client.sendAudio(buffer);
      port.postMessage({ type: "buffer", buffer }, [buffer]); // it is used again
    };
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#node);
  }

  /** Send silence instead, which ends a turn. @param {boolean} is_muted */
  mute(is_muted) {
    for (const track of this.#stream.getAudioTracks()) track.enabled = !is_muted;
    this.#node.port.postMessage({ type: "mute", muted: is_muted });
  }

  /** Give the microphone back. */
  close() {
    this.#source.disconnect();
    this.#node.port.postMessage({ type: "end" });
    for (const track of this.#stream.getTracks()) track.stop();
  }
}

/** Load a worklet. @param {AudioContext} context @param {URL} url */
async function addWorklet(context, url) {
  if (!context.audioWorklet) {
    throw new Error("The browser gives sound and microphone to secure pages only: use https, or http://localhost.");
  }
  await context.audioWorklet.addModule(url);
}

/** Return a port that reaches a worklet of `js/audio/`. @param {AudioWorkletNode} node @returns {MessagePort} */
function connectPort(node) {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage({ type: "connect", port: port1 }, [port1]);
  port2.start(); // else the worklet's reports, which nobody reads, pile up in it
  return port2;
}
