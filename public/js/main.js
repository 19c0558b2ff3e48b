/**
 * The page: constructs every part, passes it what it needs, and turns what happens into what is shown.
 *
 * `engine` has sound and socket, `session` is what the server said, `view` is what the page adds; the parts in `ui/`
 * render from both and know nothing of each other.
 */

import { AudioEngine } from "./audio/engine.js";
import { passingTrouble, troubleOf, troubleOfClose, whyUnheard } from "./errors.js";
import { initialTiming, onAsked, onAudio, onSound } from "./figures.js";
import { clearAudio, commitAudio, gaType, responseCreate, sessionSettings, sessionUpdate, textMessage } from "./protocol.js";
import { initialState, newSession, phase, reduce, reducePlayback } from "./session.js";
import { createStore } from "./store.js";
import { Controls } from "./ui/controls.js";
import { Meters } from "./ui/meters.js";
import { Notices } from "./ui/notices.js";
import { Panel } from "./ui/panel.js";
import { loadSettings, saveSettings, SettingsForm } from "./ui/settings.js";
import { Transcript } from "./ui/transcript.js";
import { Welcome } from "./ui/welcome.js";

/** People let go of a key a little before their last sound has ended. */
const RELEASE_TAIL_MS = 150;
/** An error event this long before the end of the connection is its reason. */
const ERROR_MATTERS_MS = 5000;

const find = (selector) => document.querySelector(selector);
const template = (name) => find(`#t-${name}`);

// A page that is left ends its conversation by itself; coming back to it is no trouble.
addEventListener("pagehide", () => store.get().is_running && end());
const engine = new AudioEngine({ url: "/ws" });
const store = createStore({
  config: null,
  settings: loadSettings(),
  session: initialState(),
  connection: "idle",
  is_running: false,
  asking: false,
  has_microphone: false,
  muted: false,
  holding: false,
  device: "",
  timing: initialTiming(),
  trouble: null,
  notices: [],
  hint: "",
  started_at: null,
  ended_at: null,
});

// ---- parts ---------------------------------------------------------------------------------------------------------

const controls = new Controls(find(".bar"), {
  toggle: () => (store.get().is_running ? end() : begin({ microphone: true })),
  mute: toggleMicrophone,
  hush: () => engine.flush(),
  hold: (held) => hold(held),
  say: (text) => say(text),
});
const transcript = new Transcript(find("#talk"), {
  turn: template("turn"),
  call: template("call"),
  latency: template("latency"),
  divider: template("divider"),
});
const notices = new Notices(find(".desk-edge"), { trouble: template("trouble"), notice: template("notice") }, act);
const panel = new Panel(
  { aside: find("#panel"), sheet: find("#sheet"), toggle: find("#panel-toggle") },
  store.get().settings.panel,
  (is_open) => changeSettings({ panel: is_open }),
);
const meters = new Meters(find(".bar"), find("#level"));
const form = new SettingsForm(find("#settings"), store.get().settings, changeSettings);
const welcome = new Welcome({ section: find("#welcome"), line: find("#upstream"), all: find("#all-phrases") }, (phrase) => {
  find("#sheet").open && find("#sheet").close();
  say(phrase);
});
const keys = find("#keys");
find("#keys-open").addEventListener("click", () => keys.showModal());
controls.listenKeys({ single_keys: () => store.get().settings.keys, help: () => keys.showModal() });

// ---- what the person does ------------------------------------------------------------------------------------------

/** Typed words and a greeting wait here until the session is there. */
let waiting = [];
/** Distinguishes one start from the next, so that a late failure of an old one says nothing. */
let attempt = 0;
/** The last error event of this connection: the reason when it ends. */
let last_error = null;
let was_open = false;
let greeted = false;
/** The greeting comes only when the person can hear it and answer: after the browser's question. */
let owes_greeting = false;

/** Start a conversation. Must be called in the handler of a click or key: browsers allow sound only there. */
function begin({ microphone, text = null }) {
  const { settings, session, config } = store.get();
  const mine = ++attempt;
  last_error = null;
  was_open = false;
  waiting = [];
  owes_greeting = text === null && Boolean(config?.greeting) && !greeted;
  if (text !== null) waiting.push(textMessage(text), responseCreate());
  if (session.items.length > 0) transcript.beginSegment();
  engine.setMuted(microphone && settings.mode === "hold");
  store.set({
    session: newSession(session),
    connection: "connecting",
    is_running: true,
    asking: microphone,
    has_microphone: false,
    muted: false,
    holding: false,
    timing: text === null ? initialTiming() : onAsked(initialTiming(), performance.now(), 0),
    trouble: null,
    notices: configNotices(config),
    started_at: Date.now(),
    ended_at: null,
  });
  engine
    .start({ microphone, deviceId: settings.device || undefined })
    .then(() => mine === attempt && onStarted(microphone))
    .catch((error) => mine === attempt && onStartFailed(error));
}

/** End the conversation; everything stays on the page. */
function end() {
  attempt += 1;
  settleEnd({ connection: "idle", trouble: null });
  engine.stop();
}

function settleEnd(patch) {
  const { session } = store.get();
  store.set({
    is_running: false,
    asking: false,
    has_microphone: false,
    holding: false,
    muted: false,
    session: { ...session, speaking: false, playing_item_id: null, listening: false, awaiting: false, active_response_id: null },
    ended_at: Date.now(),
    // What the session had to say is over with it.
    notices: configNotices(store.get().config),
    ...patch,
  });
}

/** Microphone and socket are there. */
function onStarted(microphone) {
  store.set({ asking: false, has_microphone: microphone });
  quiet.reset();
  if (owes_greeting) tell(responseCreate());
  owes_greeting = false;
  return nameDevices();
}

/** Names of devices are known only once a microphone was allowed. */
async function nameDevices() {
  const { inputs } = await engine.devices();
  form.offerDevices(inputs);
  const { device } = store.get().settings;
  store.set({ device: (inputs.find(({ id }) => id === device) ?? inputs[0])?.label ?? "" });
}

function onStartFailed(error) {
  if (error.name === "AbortError") return;
  if (error.name === "TroubleError") settleEnd({ connection: "trouble", trouble: troubleOf(error.code, error.message) });
  // Without a code it was the socket: its own "closed" event has said or will say why.
  else if (store.get().is_running) onClosed({ code: 1006, reason: "" });
}

/** Send typed words, starting a conversation without a microphone when none runs. */
function say(text) {
  const { is_running, session } = store.get();
  if (!is_running) {
    begin({ microphone: false, text });
    return;
  }
  owes_greeting = false;
  if (session.speaking || session.active_response_id) engine.flush();
  store.set({ timing: onAsked(store.get().timing, performance.now(), 0) });
  tell(textMessage(text));
  tell(responseCreate());
}

/** Send now, or as soon as the session is there. */
function tell(event) {
  if (!store.get().session.session || !engine.send(event)) waiting.push(event);
}

/** Mute or unmute; in a typed conversation the same button brings the microphone in. */
function toggleMicrophone() {
  const { asking, has_microphone, muted, settings } = store.get();
  if (asking) return;
  if (has_microphone) {
    engine.setMuted(!muted);
    store.set({ muted: !muted });
    return;
  }
  const mine = attempt;
  store.set({ asking: true });
  engine.setMuted(settings.mode === "hold");
  engine.addMicrophone({ deviceId: settings.device || undefined }).then(
    () => {
      if (mine !== attempt) return;
      store.set({ asking: false, has_microphone: true, muted: false, trouble: null });
      quiet.reset();
      nameDevices();
    },
    (error) => mine === attempt && onMicrophoneFailed(error),
  );
}

/** The conversation goes on typed. */
function onMicrophoneFailed(error) {
  store.set({ asking: false });
  if (error.name === "AbortError") return;
  store.set({ trouble: passingTrouble(error.code ?? null, error.message), has_microphone: engine.hasMicrophone });
}

/** Push to talk: open while held; the end of the turn is told by hand. */
function hold(held) {
  const { session, holding, settings } = store.get();
  if (held === holding || settings.mode !== "hold" || (held && !session.session)) return;
  if (held) {
    if (session.speaking || session.active_response_id) engine.flush();
    engine.send(clearAudio());
    engine.setMuted(false);
    store.set({ holding: true });
    return;
  }
  store.set({ holding: false, timing: onAsked(store.get().timing, performance.now(), 0) });
  const mine = attempt;
  setTimeout(() => {
    const now = store.get();
    if (mine !== attempt || now.holding || now.settings.mode !== "hold") return;
    engine.send(commitAudio());
    engine.send(responseCreate());
    engine.setMuted(true);
  }, RELEASE_TAIL_MS);
}

function act(action) {
  if (action === "start") begin({ microphone: true });
  else if (action === "dismiss") store.set({ trouble: null });
  else if (action === "sound") {
    store.set({ trouble: null });
    if (store.get().is_running) engine.resume();
    else begin({ microphone: true });
  }
  else if (action === "reload") location.reload();
  else if (action === "settings") panel.open();
  else if (action === "type") {
    store.set({ trouble: null, ...(store.get().is_running ? {} : { connection: "idle" }) });
    controls.focusText();
  }
}

function changeSettings(patch) {
  const { settings, session, is_running, has_microphone } = store.get();
  const next = { ...settings, ...patch };
  saveSettings(next);
  store.set({ settings: next });
  if (!is_running) return;
  if ("device" in patch && has_microphone) engine.setDevice(next.device).then(nameDevices, onMicrophoneFailed);
  if ("mode" in patch) {
    engine.setMuted(has_microphone && next.mode === "hold");
    store.set({ holding: false, muted: false });
  }
  if (!session.session) return;
  const changed = settingsEvent(patch, next);
  if (changed) engine.send(changed);
}

/**
 * The session.update for what was changed, null when nothing concerns the server.
 * @param {Partial<import("./ui/settings.js").Settings>} patch @param {import("./ui/settings.js").Settings} settings
 */
function settingsEvent(patch, settings) {
  const fields = {};
  const { config, session } = store.get();
  const has_spoken = session.items.some((item) => !item.past && item.role === "assistant" && item.audio_ms > 0);
  if (patch.voice && !has_spoken && config?.voices?.includes(patch.voice)) fields.voice = patch.voice;
  if (patch.instructions && config?.session?.instructions_editable !== false) fields.instructions = patch.instructions;
  if (["mode", "threshold", "silence_ms"].some((key) => patch[key] !== undefined && patch[key] !== null)) {
    const usual = config?.session?.turn_detection ?? {};
    fields.turn_detection =
      settings.mode === "hold"
        ? null
        : {
            ...usual,
            type: "server_vad",
            threshold: settings.threshold ?? usual.threshold ?? 0.5,
            silence_duration_ms: settings.silence_ms ?? usual.silence_duration_ms ?? 500,
          };
  }
  return Object.keys(fields).length > 0 ? sessionUpdate(sessionSettings(fields)) : null;
}

/** The part of the settings that differs from what the server sends itself. */
function ownSettings(settings) {
  const { voice, instructions, mode, threshold, silence_ms } = settings;
  return { voice, instructions, threshold, silence_ms, ...(mode === "hold" ? { mode } : {}) };
}

// ---- what the engine tells -----------------------------------------------------------------------------------------

engine.addEventListener("event", ({ detail: { event, at_ms } }) => {
  const type = gaType(event.type);
  const { session: old, timing, settings } = store.get();
  const session = reduce(old, event, at_ms);
  const patch = session === old ? {} : { session };
  if (type === "session.created") onSession(settings);
  if (type === "response.created") greeted = true;
  if (type === "input_audio_buffer.speech_stopped") {
    const window_ms = session.session?.audio?.input?.turn_detection?.silence_duration_ms;
    patch.timing = onAsked(timing, at_ms, window_ms ?? 0);
  }
  if (type === "response.output_audio.delta") patch.timing = onAudio(timing, event.item_id, at_ms);
  if (session.error && session.error !== old.error) {
    last_error = session.error;
    patch.trouble = passingTrouble(session.error.code, session.error.message);
  }
  if (session.notices !== old.notices || session.expiring !== old.expiring || type === "response.created") {
    patch.notices = [...configNotices(store.get().config), ...sessionNotices(session)];
  }
  if (type === "input_audio_buffer.speech_started") quiet.reset();
  store.set(patch);
});

/** The session is there: say what differs from the server's own settings, then what has waited. */
function onSession(settings) {
  const own = settingsEvent(ownSettings(settings), settings);
  if (own) engine.send(own);
  for (const event of waiting) engine.send(event);
  waiting = [];
}

engine.addEventListener("playback", ({ detail }) => {
  const { session, timing } = store.get();
  const patch = { session: reducePlayback(session, detail) };
  if (detail.state === "started") patch.timing = onSound(timing, detail.item_id, detail.at_ms ?? performance.now());
  if (detail.state === "flushed" && detail.dropped_ms > 0) meters.markCut();
  quiet.reset();
  store.set(patch);
});

engine.addEventListener("connection", ({ detail }) => {
  if (detail.state === "open") {
    was_open = true;
    store.set({ connection: "open" });
  } else if (detail.state === "closed" && store.get().is_running) onClosed(detail);
});

function onClosed({ code, reason }) {
  attempt += 1;
  const { session } = store.get();
  const trouble = troubleOfClose({
    code,
    reason,
    was_open,
    // An error of long ago, from which the conversation went on, is not why it ended.
    error: last_error && performance.now() - last_error.at_ms < ERROR_MATTERS_MS ? last_error : null,
    expires_at: session.expires_at,
    now_s: Date.now() / 1000,
  });
  settleEnd({ connection: "trouble", trouble });
}

engine.addEventListener("trouble", ({ detail }) => {
  const trouble = troubleOf(detail.code, detail.message);
  if (detail.fatal) {
    attempt += 1;
    settleEnd({ connection: "trouble", trouble });
  } else if (detail.code === "network_slow" || (detail.code === "microphone_lost" && engine.hasMicrophone)) {
    const notice = { key: `${detail.code}:${performance.now()}`, level: "warning", message: detail.message || trouble.text };
    store.set({ notices: [...store.get().notices, notice] });
  } else {
    store.set({ trouble, has_microphone: store.get().has_microphone && detail.code !== "microphone_lost" });
  }
});

engine.addEventListener("devices", ({ detail }) => form.offerDevices(detail.inputs));

engine.addEventListener("level", ({ detail }) => {
  const { session, muted, holding, settings, has_microphone } = store.get();
  const is_closed = !has_microphone || muted || (settings.mode === "hold" && !holding);
  meters.push({ input_db: detail.input_db, output_db: detail.output_db, muted: is_closed });
  quiet.hear(detail.input_db);
  if (session.speaking && detail.playing_item_id) transcript.settle(session, detail.playing_item_id, detail.played_ms);
});

// ---- nothing heard -------------------------------------------------------------------------------------------------

/** Since when nothing was heard, and how loud it was meanwhile. */
const quiet = {
  since_ms: performance.now(),
  peak_db: -100,
  reset() {
    this.since_ms = performance.now();
    this.peak_db = -100;
    if (store.get().hint) store.set({ hint: "" });
  },
  hear(db) {
    this.peak_db = Math.max(this.peak_db, db);
  },
};

function sayWhy() {
  const state = store.get();
  const { session, settings, config, muted, has_microphone } = state;
  const now = currentPhase(state);
  const waits = now === "listening" && !session.listening && settings.mode === "auto";
  if (!waits && now !== "muted") {
    quiet.reset();
    return;
  }
  const spoken = session.items.filter((item) => !item.past && item.role === "user" && item.transcription).at(-1);
  const why = whyUnheard({
    quiet_s: (performance.now() - quiet.since_ms) / 1000,
    muted,
    has_microphone,
    peak_db: quiet.peak_db,
    device: state.device,
    threshold: settings.threshold ?? session.session?.audio?.input?.turn_detection?.threshold ?? 0.5,
    last_unclear: Boolean(spoken) && (spoken.transcription.certainty === "guess" || !spoken.transcript),
    phrases: config?.engine?.phrases ?? [],
  });
  document.documentElement.dataset.unheard = why?.reason ?? "";
  store.set({ hint: why?.text ?? "" });
}

// ---- what is shown -------------------------------------------------------------------------------------------------

function currentPhase({ session, connection, asking, has_microphone, muted, settings, holding }) {
  // Until the browser's question is answered nobody listens; a typed conversation meanwhile goes on as it is.
  if (asking && connection === "open" && !session.items.some((item) => !item.past)) return "connecting";
  const is_closed = !has_microphone || muted;
  const now = phase(session, connection, is_closed);
  // Waiting for a key to be held is neither listening nor muted: the next thing to do is up to the person.
  return now === "listening" && settings.mode === "hold" && !holding ? "ready" : now;
}

function hintOf(state, now) {
  const { hint, settings, has_microphone, holding, config, session, connection } = state;
  if (hint) return hint;
  const hints = {
    ready:
      connection === "open"
        ? "Hold Space or the key button and speak"
        : session.items.length > 0
          ? "Press to start again, or type"
          : "Press the round button, or type",
    connecting:
      state.asking && connection === "open"
        ? "Allow the microphone in the browser's question"
        : config?.engine?.state === "starting"
          ? "The built-in engine is starting"
          : "Just a moment",
    listening: holding ? "Let go when you have finished" : session.listening ? "I hear you" : "Speak whenever you like",
    thinking: "An answer is being made",
    speaking: settings.mode === "hold" ? "Hold Space to interrupt" : has_microphone ? "Speak to interrupt" : "Esc stops it",
    muted: has_microphone ? "Nothing you say is sent" : "Typing only. The microphone button lets you speak",
    trouble: state.trouble ? "" : "Press the round button to start again",
  };
  return hints[now];
}

function configNotices(config) {
  const messages = [...(config?.warnings ?? []), ...(config?.engine?.notes ?? [])];
  return messages.map((message) => ({ key: `config:${message}`, level: "warning", message }));
}

function sessionNotices({ notices: said, expiring, session, responses }) {
  const has_begun = Object.keys(responses).length > 0;
  const last_busy = said.findLastIndex(({ code }) => code === "engine_busy"); // it replaces the ones before
  const all = said
    .filter(({ code }) => !(code === "engine_starting" && has_begun))
    .filter(({ code }, at) => code !== "engine_busy" || at === last_busy)
    .map(({ level, code, message, at_ms }) => ({ key: `${code}:${at_ms}`, level, message }));
  if (expiring) {
    const at = new Date(expiring.expires_at * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" });
    all.push({
      key: `expiring:${session?.id}:${expiring.seconds_left > 60 ? "soon" : "now"}`,
      level: "warning",
      message: `This session ends at ${at}. After that press the round button to go on; the conversation stays on the page.`,
    });
  }
  return all;
}

function render(state, old) {
  const { session, settings, timing } = state;
  const now = currentPhase(state);
  document.documentElement.dataset.connection = state.connection;
  meters.phase = now;
  controls.render({
    phase: now,
    hint: hintOf(state, now),
    is_running: state.is_running,
    has_microphone: state.has_microphone,
    asking: state.asking,
    muted: state.muted,
    holding: state.holding,
    can_hush: session.speaking || Boolean(session.active_response_id),
    mode: settings.mode,
  });
  if (session !== old.session || timing !== old.timing) {
    const is_now = (turn) => [turn.item_id, turn];
    transcript.render(session, new Map(timing.turns.map(is_now)));
    panel.render(session, timing.turns);
    welcome.render(
      session.items.length > 0,
      session.items.some((item) => item.role === "user"),
    );
  }
  transcript.announces = settings.announce;
  form.render(settings, state.is_running, session.items.some((item) => !item.past && item.audio_ms > 0));
  notices.render(state.trouble, state.notices);
}

store.subscribe(render);

function tick() {
  const { started_at, ended_at, is_running } = store.get();
  panel.tick(started_at === null ? null : ((ended_at ?? Date.now()) - started_at) / 1000);
  if (is_running) sayWhy();
  else quiet.reset();
}
setInterval(tick, 500);

// ---- boot ----------------------------------------------------------------------------------------------------------

async function learn() {
  const answer = await fetch("/config.json", { headers: { Accept: "application/json" } });
  if (answer.status === 401 || answer.status === 403) {
    store.set({ trouble: troubleOf("unauthorized"), connection: "trouble" });
    return;
  }
  if (!answer.ok) throw new Error(`The server answered with ${answer.status}.`);
  const config = await answer.json();
  const is_new = JSON.stringify(config) !== JSON.stringify(store.get().config);
  if (is_new) {
    form.offer(config);
    welcome.offer(config);
    store.set({ config, notices: [...configNotices(config), ...sessionNotices(store.get().session)] });
  }
  if (config.engine?.state === "starting") setTimeout(() => learn().catch(() => {}), 1500);
}

addEventListener("error", () => store.set({ trouble: troubleOf("page_broken") }));
addEventListener("unhandledrejection", () => store.set({ trouble: troubleOf("page_broken") }));

render(store.get(), {});
tick();
learn().catch(() => store.set({ trouble: troubleOf("connection_refused"), connection: "trouble" }));
if (!globalThis.isSecureContext) store.set({ trouble: troubleOf("insecure_context") });
