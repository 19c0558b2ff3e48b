/**
 * The socket, JSON and base64 of the page, in a worker of its own; decisions are in `exchange.js`.
 *
 * From the page: `{type: "open", url, origin_ms, debug}` · `{type: "playback_port"|"capture_port", port}` · `{type: "send", event}` ·
 * `{type: "interrupt"}` · `{type: "latency", seconds}` · `{type: "close", code, reason}`.
 * To the page: `connection`, `event`, `sent`, `level`, `playback`, `capture`, `trouble`, and `socket_event` when debugging.
 */

import { decodeBase64, encodeBase64, samplesOf, toDb, FLOOR_DB } from "../audio/pcm.js";
import { appendAudio } from "../protocol.js";
import { SAMPLES_PER_MS } from "../turns.js";
import { Exchange } from "./exchange.js";

const CAPTURE_TOLD_EVERY_SAMPLES = 1000 * SAMPLES_PER_MS;
/** A running loudspeaker answers a flush within a few milliseconds; one that stands still may never. */
const FLUSH_LIMIT_MS = 250;
const NO_SOUND = { peak: 0, rms: 0, item_id: null, content_index: 0, played_samples: 0, received_samples: 0 };

const exchange = new Exchange();
let socket = null;
let capture_port = null;
let playback_port = null;
let output_latency_s = 0;
let origin_ms = 0;
let is_debugging = false;
let output = NO_SOUND;
let has_microphone = false;
let first_context_time = 0;
let capture_told_samples = 0;
let waiting = []; // client events of the page from before the socket was open

const nowMs = () => performance.timeOrigin + performance.now() - origin_ms;

onmessage = ({ data }) => {
  if (data.type === "open") open(data);
  else if (data.type === "send") perform(exchange.outgoing(data.event));
  else if (data.type === "interrupt") perform(exchange.interrupted());
  else if (data.type === "latency") output_latency_s = data.seconds;
  else if (data.type === "playback_port") listenToPlayback(data.port);
  else if (data.type === "capture_port") listenToCapture(data.port);
  else if (data.type === "close") socket?.close(data.code, data.reason);
};

function open(arg) {
  origin_ms = arg.origin_ms;
  is_debugging = arg.debug;
  try {
    socket = new WebSocket(arg.url, ["realtime"]);
  } catch (error) {
    postMessage({ type: "connection", state: "closed", code: 1006, reason: "", wasClean: false, error: String(error) });
    return;
  }
  socket.onopen = () => {
    postMessage({ type: "connection", state: "open", code: 0, reason: "", wasClean: true });
    const events = waiting;
    waiting = [];
    events.forEach(send);
  };
  socket.onclose = closed;
  socket.onmessage = ({ data }) => {
    const event = parse(data);
    if (!event) return;
    const at_ms = nowMs();
    if (is_debugging && event.type === "input_audio_buffer.speech_started") {
      postMessage({ type: "socket_event", name: event.type, item_id: event.item_id, epoch_ms: Date.now() });
    }
    perform(exchange.received(event, at_ms));
  };
}

function closed({ code, reason, wasClean }) {
  socket = null;
  perform([{ do: "flush", token: { number: 0, reason: "closed" } }]);
  postMessage({ type: "connection", state: "closed", code, reason, wasClean });
}

/** A server event, or null for a frame that is none: nothing in the conversation can depend on it. */
function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const event = JSON.parse(data);
    return typeof event?.type === "string" ? event : null;
  } catch {
    return null;
  }
}

function listenToCapture(port) {
  capture_port?.close();
  capture_port = port;
  has_microphone = true;
  // A rebuilt graph counts from 0 again; the stream goes on.
  const base_samples = exchange.outbox.captured_samples;
  port.onmessage = ({ data }) => {
    first_context_time = data.first_context_time - base_samples / SAMPLES_PER_MS / 1000;
    const audio = encodeBase64(new Uint8Array(data.buffer));
    port.postMessage({ type: "buffer", buffer: data.buffer }, [data.buffer]);
    perform(
      exchange.outbox.captured(
        { audio, samples: data.samples, start_sample: base_samples + data.start_sample, is_muted: data.is_muted },
        socket?.bufferedAmount ?? 0,
        nowMs(),
      ),
    );
    postLevel(data.peak, data.rms);
    if (exchange.outbox.captured_samples - capture_told_samples >= CAPTURE_TOLD_EVERY_SAMPLES) postCapture();
  };
}

function listenToPlayback(port) {
  const is_replaced = playback_port !== null;
  playback_port?.close();
  playback_port = port;
  if (is_replaced) perform(exchange.speakerReplaced(output, output_latency_s));
  output = NO_SOUND;
  port.onmessage = ({ data }) => {
    if (data.type === "level") {
      output = data;
      // With a microphone its batches set the pace of the meters.
      if (!has_microphone) postLevel(0, 0);
    } else if (data.type === "flushed") {
      output = NO_SOUND;
      perform(exchange.flushed(data, output_latency_s));
    } else {
      perform(exchange.sounded(data));
    }
  };
}

function perform(actions) {
  for (const action of actions) PERFORM[action.do](action);
}

const PERFORM = {
  send: ({ event }) => send(event),
  append: ({ audio }) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(appendAudio(audio)));
  },
  play: ({ item_id, content_index, audio }) => {
    if (!playback_port) return;
    const samples = speechOf(audio);
    if (!samples) return;
    playback_port.postMessage({ type: "audio", item_id, content_index, samples }, [samples.buffer]);
  },
  finish: ({ item_id, content_index }) => playback_port?.postMessage({ type: "finish", item_id, content_index }),
  flush: ({ token }) => {
    playback_port?.postMessage({ type: "flush", token });
    setTimeout(() => perform(exchange.unanswered(token)), playback_port ? FLUSH_LIMIT_MS : 0);
  },
  post: ({ message }) => postMessage(message),
  give_up: () => {
    if (!socket) return;
    // The closing handshake of a dead connection takes minutes: nobody waits for it.
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    closed({ code: 1006, reason: "", wasClean: false });
  },
};

/** Samples of a delta, or null when it is no base64: one bad delta is a gap, not the end of the conversation. */
function speechOf(audio) {
  try {
    return samplesOf(decodeBase64(audio));
  } catch {
    return null;
  }
}

function send(event) {
  if (socket?.readyState === WebSocket.CONNECTING) {
    waiting.push(event);
  } else if (socket?.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(event));
    postMessage({ type: "sent", event, at_ms: nowMs() });
  }
}

function postLevel(peak, rms) {
  postMessage({
    type: "level",
    input_db: has_microphone ? toDb(rms) : FLOOR_DB,
    output_db: toDb(output.rms),
    input_peak: peak,
    output_peak: output.peak,
    playing_item_id: output.item_id,
    content_index: output.content_index,
    played_ms: output.played_samples / SAMPLES_PER_MS,
    received_ms: output.received_samples / SAMPLES_PER_MS,
  });
}

function postCapture() {
  capture_told_samples = exchange.outbox.captured_samples;
  postMessage({
    type: "capture",
    captured_samples: exchange.outbox.captured_samples,
    sent_samples: exchange.outbox.sent_samples,
    sent_ms: exchange.outbox.sent_samples / SAMPLES_PER_MS,
    skipped_samples: exchange.outbox.skipped_samples,
    dropped_batches: exchange.outbox.dropped_batches,
    first_context_time,
  });
}
