/**
 * Sound and connection of the page: one object that starts, runs and frees everything.
 *
 * Microphone → capture worklet → socket worker → server → socket worker → playback worklet → loudspeaker. Audio never
 * passes the main thread; a page that is busy drawing neither delays speech nor a barge-in.
 *
 * Events (`CustomEvent`, see `.detail`):
 *
 * | type | detail |
 * |---|---|
 * | `event` | `{event, at_ms}` parsed server event; audio deltas come as `{…, delta: undefined, audio_bytes}` |
 * | `sent` | `{event, at_ms}` a client event that went out, appends excepted (also the worker's own truncate, delete, cancel) |
 * | `connection` | `{state: "connecting"|"open"|"closed", code, reason, wasClean, error?}`; "open" = socket open |
 * | `level` | `{input_db, output_db, input_peak, output_peak, playing_item_id, content_index, played_ms, received_ms}` about 25 per second; dB of full scale ≥ −100, peaks 0..1 |
 * | `playback` | `{state: "started"|"ended"|"flushed", item_id, content_index, played_ms, heard_ms, dropped_ms, context_time, at_ms}`; `at_ms` on the page's clock, when it is heard (output latency included) |
 * | `capture` | `{captured_samples, sent_samples, sent_ms, skipped_samples, first_context_time}` about once per second |
 * | `trouble` | `{code, message, fatal}`; codes below; `fatal`: the conversation cannot go on, everything was freed |
 * | `devices` | `{inputs, outputs}` after a device came or went |
 *
 * Trouble codes: insecure_context, microphone_denied, microphone_missing, microphone_busy, audio_blocked, unsupported,
 * microphone_lost, network_slow.
 *
 * @typedef {object} StartOptions
 * @property {boolean} [microphone=true] false: no microphone is asked for; typed conversation with spoken answers
 * @property {string} [deviceId] wished microphone; another one is taken when it is gone
 * @property {boolean} [echoCancellation=true]
 * @property {boolean} [noiseSuppression=true]
 * @property {boolean} [autoGainControl=true]
 */

import { createSocketWorker } from "../net/trusted.js";
import { microphoneTrouble, openMicrophone, stopTracks } from "./microphone.js";
import { ConnectionError, TROUBLE_MESSAGES, TroubleError } from "./trouble.js";

export { ConnectionError, TroubleError };

const RESUME_LIMIT_MS = 3000;
const WATCH_EVERY_MS = 1000;
const REBUILD_EVERY_MS = 5000;
const CLOSE_LIMIT_MS = 1000;
const WORKLETS_END_MS = 100;

/** Everything that one conversation holds; freed as a whole. */
class Run {
  /** @param {Required<StartOptions>} options */
  constructor(options) {
    this.options = options;
    this.life = new AbortController(); // aborted when freed: ends every listener
    this.context = null;
    this.worker = null;
    this.stream = null;
    this.source = null;
    this.capture = null;
    this.playback = null;
    this.wake_lock = null;
    this.is_sounding = false;
    this.level = null; // the latest, for the moment when nobody is left to ask
    this.graph = null; // promise of the worklets' modules and the playback node
    this.timer = 0;
    this.latency_s = -1;
    this.watched_time = -1;
    this.rebuilt_at_ms = 0;
    this.opened = new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
    this.opened.catch(() => {}); // whoever awaits it sees the failure
  }

  get is_over() {
    return this.life.signal.aborted;
  }
}

export class AudioEngine extends EventTarget {
  #url;
  #run = null;
  #state = "idle";
  #is_muted = false;
  #debug = null;

  /**
   * @param {object} arg
   * @param {string} arg.url of the socket; http(s), ws(s) or a path such as "/ws"
   * @param {object} [arg.options]
   * @param {boolean} [arg.options.debug] publish `window.__parley` (audio/debug.js); default: the page's query has `debug=1`
   */
  constructor({ url, options = {} }) {
    super();
    this.#url = new URL(url, location.href);
    this.#url.protocol = this.#url.protocol.replace(/^http/, "ws");
    if (options.debug ?? new URLSearchParams(location.search).get("debug") === "1") {
      this.#debug = import("./debug.js").then(({ DebugBooks }) => new DebugBooks(this));
    }
  }

  /** @returns {"idle"|"connecting"|"open"|"closed"} */
  get state() {
    return this.#state;
  }

  /** @returns {boolean} whether the microphone is muted; stays set over a restart */
  get muted() {
    return this.#is_muted;
  }

  /** @returns {boolean} whether this conversation has a microphone */
  get hasMicrophone() {
    return this.#run?.source != null;
  }

  /**
   * Start sound and connection. Call it synchronously in the handler of a click or key: the audio context is created
   * and resumed before this function returns, else the browser keeps it silent.
   *
   * @param {StartOptions} [options]
   * @returns {Promise<void>} resolves when the microphone and the socket are ready. Rejects, after everything was freed,
   *   with TroubleError, with ConnectionError when the socket failed (a `connection` event "closed" came before), or
   *   with an `AbortError` when stop() or another start() came first.
   */
  start(options = {}) {
    if (this.#run) this.stop();
    const run = new Run({
      microphone: true,
      deviceId: "",
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      ...options,
    });
    this.#run = run;
    let resumed;
    let stream;
    try {
      checkSupport(run.options.microphone);
      // Both in the gesture, before the first await.
      run.context = new AudioContext({ latencyHint: "interactive" });
      resumed = resumedInTime(run.context);
      stream = run.options.microphone ? openMicrophone(run.options) : null;
    } catch (error) {
      return Promise.reject(this.#failed(run, error));
    }
    this.#setConnection({ state: "connecting", code: 0, reason: "", wasClean: true });
    this.#openSocket(run);
    return this.#assemble(run, resumed, stream).catch((error) => {
      throw this.#failed(run, error);
    });
  }

  /**
   * Give a running conversation a microphone, or another one; the connection stays. Call it in a click handler.
   * @param {StartOptions} [options] as for start()
   * @returns {Promise<void>} rejects with TroubleError and leaves everything as it was
   */
  async addMicrophone(options = {}) {
    const run = this.#run;
    if (!run) throw new DOMException("There is no conversation to add a microphone to.", "InvalidStateError");
    this.resume();
    if (!navigator.mediaDevices?.getUserMedia) throw new TroubleError("unsupported");
    const wanted = { ...run.options, ...options, microphone: true };
    const stream = await openMicrophone(wanted).catch((error) => {
      throw microphoneTrouble(error);
    });
    try {
      await run.graph; // a context that has only just been made does not know its worklets yet
      this.#checkLife(run);
    } catch (error) {
      stopTracks(stream);
      throw run.error ?? error;
    }
    const old = run.stream;
    run.options = wanted;
    run.stream = stream;
    this.#connectMicrophone(run);
    if (old) stopTracks(old);
  }

  /**
   * Take another microphone without dropping the conversation.
   * @param {string} deviceId
   * @returns {Promise<void>} as addMicrophone()
   */
  setDevice(deviceId) {
    return this.addMicrophone({ deviceId });
  }

  /**
   * Send one client event.
   * @param {object} event e.g. from protocol.js; gets an `event_id` when it has none. A `response.cancel` also silences
   *   the loudspeaker and cuts the item to what was heard.
   * @returns {boolean} false when there is no connection
   */
  send(event) {
    if (!this.#run?.worker) return false;
    this.#run.worker.postMessage({ type: "send", event });
    return true;
  }

  /**
   * Mute or open the microphone. Muted, the server gets digital silence for 10 s (so that it can end the turn) and
   * then nothing; skipped samples are counted.
   * @param {boolean} muted
   */
  setMuted(muted) {
    this.#is_muted = muted;
    if (this.#run) this.#applyMute(this.#run);
  }

  /**
   * Interrupt the assistant: cancel its response, silence it at once, cut the item to what was heard.
   * What Esc and the stop key do; also due before a typed message. Harmless when nothing sounds.
   */
  flush() {
    this.#run?.worker?.postMessage({ type: "interrupt" });
  }

  /** Let a context that the browser has suspended go on; call it in a click handler. Harmless otherwise. */
  resume() {
    const context = this.#run?.context;
    // While a phone call holds the sound (`interrupted`), resume() can wedge the context for good.
    if (context?.state === "suspended") context.resume().catch(() => {});
  }

  /** End the conversation and free microphone, socket, worker, context, wake lock. `start()` works again afterwards. */
  stop() {
    const run = this.#run;
    if (!run) return;
    this.#free(run, new DOMException("The conversation was stopped.", "AbortError"));
    this.#setConnection({ state: "closed", code: 1000, reason: "", wasClean: true });
  }

  /**
   * List sound devices. Labels are empty until a microphone was allowed once.
   * @returns {Promise<{inputs: {id: string, label: string}[], outputs: {id: string, label: string}[]}>}
   */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const named = (kind) =>
      all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
    return { inputs: named("audioinput"), outputs: named("audiooutput") };
  }

  // ---- start -------------------------------------------------------------------------------------------------------

  async #assemble(run, resumed, stream) {
    run.graph = this.#buildGraph(run, run.context);
    run.graph.catch(() => {}); // awaited below, unless something else fails first
    if (stream) {
      // A microphone that comes when all is over must not stay open.
      stream.then(
        (late) => run.is_over && stopTracks(late),
        () => {},
      );
      try {
        run.stream = await Promise.race([stream, run.opened.then(() => stream)]);
      } catch (error) {
        throw run.is_over || error instanceof ConnectionError ? error : microphoneTrouble(error);
      }
    }
    try {
      await run.graph;
    } catch (error) {
      // Worklets come from the same server: when it is gone, the socket says so in better words.
      await run.opened;
      throw error;
    }
    this.#checkLife(run);
    if (run.stream && !run.source) this.#connectMicrophone(run);
    this.#listen(run);
    await run.opened;
    if (run.options.microphone) {
      if (!(await resumed) && run.context.state !== "running") throw new TroubleError("audio_blocked");
      this.#checkLife(run);
    } else {
      // Typing works without sound: tell, and do not wait.
      resumed.then((is_running) => {
        if (!is_running && !run.is_over) this.#tellTrouble("audio_blocked", false);
      });
    }
  }

  #openSocket(run) {
    run.worker = createSocketWorker();
    run.worker.onmessage = ({ data }) => this.#onWorker(run, data);
    run.worker.onerror = (event) => {
      event.preventDefault?.();
      this.#onWorker(run, {
        type: "connection",
        state: "closed",
        code: 1006,
        reason: "",
        wasClean: false,
        error: event.message || "the worker could not start",
      });
    };
    run.worker.postMessage({
      type: "open",
      url: this.#url.href,
      origin_ms: performance.timeOrigin,
      debug: this.#debug !== null,
    });
  }

  /** Put the worklets into a context and wire them to the worker. */
  async #buildGraph(run, context) {
    const module = (name) => context.audioWorklet.addModule(new URL(name, import.meta.url));
    await Promise.all([module("./capture-worklet.js"), module("./playback-worklet.js")]);
    if (run.is_over) return;
    run.playback = new AudioWorkletNode(context, "playback", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    run.playback.connect(context.destination);
    if (this.#debug) {
      const { port } = run.playback;
      port.postMessage({ type: "debug" });
      this.#debug.then((debug) => {
        port.onmessage = ({ data }) => debug.takeBooks(data);
      });
    }
    this.#wire(run, run.playback, "playback_port");
  }

  /** Wire a worklet to the worker; no sound passes this thread. */
  #wire(run, node, name) {
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ type: "connect", port: port1 }, [port1]);
    run.worker.postMessage({ type: name, port: port2 }, [port2]);
  }

  #connectMicrophone(run) {
    const { context, stream } = run;
    if (!run.capture) {
      run.capture = new AudioWorkletNode(context, "capture", {
        numberOfInputs: 1,
        numberOfOutputs: 0,
        channelCount: 1,
        channelCountMode: "explicit",
      });
      this.#wire(run, run.capture, "capture_port");
    }
    run.source?.disconnect();
    run.source = context.createMediaStreamSource(stream);
    run.source.connect(run.capture);
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => this.#replaceMicrophone(run, stream), { signal: run.life.signal });
    this.#applyMute(run);
  }

  #applyMute(run) {
    for (const track of run.stream?.getAudioTracks() ?? []) track.enabled = !this.#is_muted;
    run.capture?.port.postMessage({ type: "mute", muted: this.#is_muted });
  }

  // ---- while it runs -----------------------------------------------------------------------------------------------

  #onWorker(run, message) {
    if (run.is_over) return;
    const { type, ...detail } = message;
    if (type === "connection") {
      if (detail.state === "open") {
        this.#setConnection(detail);
        run.open();
        return;
      }
      this.#free(run, new ConnectionError(detail));
      this.#setConnection(detail);
    } else if (type === "trouble") {
      this.#tellTrouble(detail.code, false);
    } else if (type === "socket_event") {
      this.#debug?.then((debug) => debug.takeSocketEvent(detail));
    } else if (type === "playback") {
      run.is_sounding = detail.state === "started";
      const ahead_s = detail.context_time - run.context.currentTime + Math.max(0, run.latency_s);
      this.#tell(type, { ...detail, at_ms: performance.now() + ahead_s * 1000 });
    } else {
      if (type === "level") run.level = detail;
      this.#tell(type, detail);
    }
  }

  #listen(run) {
    const { signal } = run.life;
    document.addEventListener("visibilitychange", () => this.#onVisible(run), { signal });
    addEventListener("pagehide", () => this.stop(), { signal });
    navigator.mediaDevices?.addEventListener?.(
      "devicechange",
      async () => {
        const devices = await this.devices();
        if (!run.is_over) this.#tell("devices", devices);
      },
      { signal },
    );
    run.timer = setInterval(() => this.#watch(run), WATCH_EVERY_MS);
    this.#watch(run);
    this.#holdWakeLock(run);
  }

  #onVisible(run) {
    if (document.visibilityState !== "visible") return;
    this.resume();
    this.#holdWakeLock(run);
  }

  /** Once per second: tell the latency, and see that the sound still flows. */
  #watch(run) {
    const { context } = run;
    const latency_s = context.outputLatency || context.baseLatency || 0;
    if (latency_s !== run.latency_s) {
      run.latency_s = latency_s;
      run.worker.postMessage({ type: "latency", seconds: latency_s });
    }
    const is_stuck = context.state === "running" && context.currentTime === run.watched_time;
    run.watched_time = context.currentTime;
    // Without a click ever on the page it would be refused again, second after second.
    if (document.visibilityState === "visible" && navigator.userActivation?.hasBeenActive !== false) this.resume();
    if (is_stuck || context.state === "closed") this.#rebuild(run);
  }

  /** A context that says "running" but stands still does not recover: take a new one. The socket stays. */
  async #rebuild(run) {
    const now = performance.now();
    if (run.rebuilt_at_ms && now - run.rebuilt_at_ms < REBUILD_EVERY_MS) return;
    run.rebuilt_at_ms = now;
    run.source?.disconnect();
    run.playback?.disconnect();
    closeContext(run);
    run.context = new AudioContext({ latencyHint: "interactive" });
    run.source = null;
    run.capture = null;
    run.watched_time = -1;
    run.level = null; // what was heard of it the worker tells
    this.#tellSilent(run);
    const resumed = resumedInTime(run.context);
    try {
      run.graph = this.#buildGraph(run, run.context);
      await run.graph;
      if (run.is_over) return;
      if (run.stream) this.#connectMicrophone(run);
      if (!(await resumed) && !run.is_over) this.#tellTrouble("audio_blocked", false);
    } catch {
      if (!run.is_over) this.#tellTrouble("audio_blocked", false);
    }
  }

  /** The microphone is gone: take another one without dropping the conversation, else go on typed. */
  async #replaceMicrophone(run, lost) {
    if (run.is_over || run.stream !== lost) return;
    try {
      const stream = await openMicrophone(run.options);
      if (run.is_over) {
        stopTracks(stream);
        return;
      }
      run.stream = stream;
      this.#connectMicrophone(run);
      const { label } = stream.getAudioTracks()[0];
      this.#tellTrouble("microphone_lost", false, `The microphone is gone; now using ${label || "another one"}.`);
    } catch {
      if (run.is_over) return;
      run.source?.disconnect();
      run.source = null;
      run.stream = null;
      this.#tellTrouble("microphone_lost", false);
    }
  }

  async #holdWakeLock(run) {
    if (!navigator.wakeLock || document.visibilityState !== "visible") return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      if (run.is_over) await lock.release();
      else run.wake_lock = lock;
    } catch {
      // Refused, e.g. on low battery: the screen may go dark, the conversation goes on.
    }
  }

  // ---- end ---------------------------------------------------------------------------------------------------------

  /** Free all of a run; returns the error that start() rejects with. */
  #failed(run, error) {
    if (run.is_over) return run.error ?? error;
    this.#free(run, error);
    const known = error instanceof TroubleError ? error : new TroubleError("unsupported", String(error));
    this.#tellTrouble(known.code, true, known.message);
    if (this.#state !== "idle") {
      this.#setConnection({ state: "closed", code: 1000, reason: "", wasClean: true });
    }
    return known;
  }

  #free(run, error) {
    if (run.is_over) return;
    run.error = error;
    run.life.abort();
    run.fail(error);
    if (this.#run === run) this.#run = null;
    clearInterval(run.timer);
    run.source?.disconnect();
    run.playback?.disconnect();
    if (run.stream) stopTracks(run.stream);
    closeContext(run);
    run.wake_lock?.release().catch(() => {});
    closeWorker(run.worker);
    this.#tellSilent(run);
  }

  /** Tell that what sounded is silent now, when nobody else is left to say so. */
  #tellSilent(run) {
    if (!run.is_sounding) return;
    run.is_sounding = false;
    const { playing_item_id = null, content_index = 0, played_ms = 0, received_ms = 0 } = run.level ?? {};
    this.#tell("playback", {
      state: "flushed",
      item_id: playing_item_id,
      content_index,
      played_ms,
      heard_ms: Math.max(0, Math.floor(played_ms - Math.max(0, run.latency_s) * 1000)),
      dropped_ms: received_ms - played_ms,
      context_time: 0,
      at_ms: performance.now(),
    });
  }

  #checkLife(run) {
    if (run.is_over) throw run.error;
  }

  #setConnection(detail) {
    this.#state = detail.state;
    this.#tell("connection", detail);
  }

  #tellTrouble(code, fatal, message = TROUBLE_MESSAGES[code]) {
    this.#tell("trouble", { code, message, fatal });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function checkSupport(microphone) {
  if (!globalThis.isSecureContext) throw new TroubleError("insecure_context");
  if (!globalThis.AudioContext || !globalThis.AudioWorkletNode || !globalThis.Worker) {
    throw new TroubleError("unsupported");
  }
  if (microphone && !navigator.mediaDevices?.getUserMedia) throw new TroubleError("unsupported");
}

/** Resolves true when the context runs, false when it does not in time: a blocked resume() stays pending for ever. */
function resumedInTime(context) {
  const late = new Promise((resolve) => setTimeout(resolve, RESUME_LIMIT_MS, false));
  const resumed = context.resume().then(
    () => true,
    () => false,
  );
  return Promise.race([resumed, late]);
}

/** Let the worklets end, then close the context: Chromium never frees a worklet node that was still at work. */
function closeContext({ context, capture, playback }) {
  if (!context) return;
  const worklets = [capture, playback].filter(Boolean);
  for (const { port } of worklets) port.postMessage({ type: "end" });
  setTimeout(() => context.close().catch(() => {}), worklets.length ? WORKLETS_END_MS : 0);
}

/** Let the closing handshake pass, then end the worker. */
function closeWorker(worker) {
  if (!worker) return;
  const end = () => worker.terminate();
  const timer = setTimeout(end, CLOSE_LIMIT_MS);
  worker.onmessage = ({ data }) => {
    if (data.type !== "connection" || data.state !== "closed") return;
    clearTimeout(timer);
    end();
  };
  worker.postMessage({ type: "close", code: 1000, reason: "" });
}
