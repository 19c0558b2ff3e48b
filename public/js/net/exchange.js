/**
 * Every decision between the socket, the two worklets and the page. Pure: values in, actions out; lives in the socket
 * worker, so nothing here ever waits for the page's main thread.
 *
 * An action is one of
 * - `{do: "send", event}` to the server
 * - `{do: "append", audio}` to the server: base64 of a batch
 * - `{do: "play", item_id, content_index, audio}` base64 pcm16 to the loudspeaker
 * - `{do: "finish", item_id, content_index}` that part has all its speech
 * - `{do: "flush", token}` silence at once; the answer comes back through `flushed`
 * - `{do: "post", message}` to the page
 * - `{do: "give_up"}` the connection is dead although the browser has not noticed
 */

import { cancel, deleteItem, gaType } from "../protocol.js";
import { SAMPLES_PER_MS, truncation } from "../turns.js";
import { Outbox } from "./outbox.js";

const MAX_REMEMBERED = 512;

export class Exchange {
  #interrupts = true;
  #event_number = 0;
  #active = new Set(); // responses of the conversation that are under way
  #silenced = new Set(); // responses whose speech nobody shall hear any more
  #responses = new Map(); // item id → response id, of items that were given to the loudspeaker
  #known = new Set(); // items that are in the conversation
  #cut = new Set(); // items that were truncated, deleted or need neither
  #heard = new Set(); // items of which a part sounded to its end
  #unheard = new Map(); // response id → items whose speech came too late to be played at all
  #open_parts = new Map(); // response id → parts that may still grow
  #flush_token = 0;
  #flushing = new Set(); // numbers of flushes that the loudspeaker has not answered
  #question = null; // the `response.create` that waits for its moment
  #asked = null; // the latest one that went out

  /** Speech of the user on its way to the server. */
  outbox = new Outbox();

  /**
   * Take one server event.
   * @param {object} event parsed
   * @param {number} at_ms page clock
   * @returns {object[]} actions, in order
   */
  received(event, at_ms) {
    const type = gaType(event.type);
    const actions = Object.hasOwn(RULES, type) ? RULES[type].call(this, event) : [];
    actions.push({ do: "post", message: { type: "event", event: withoutAudio(event, type), at_ms } });
    return actions;
  }

  /**
   * Take one client event of the page. A cancel silences the loudspeaker as well; a `response.create` waits until no
   * other response is under way and what was interrupted is cut.
   * @param {object} event
   * @returns {object[]} actions
   */
  outgoing(event) {
    const action = this.#stamped(event);
    switch (event.type) {
      case "response.cancel":
        this.#question = null;
        return this.#silence([action], "user");
      case "response.create":
        if (event.response?.conversation === "none") return [action];
        this.#question = action;
        return this.#ask();
      case "input_audio_buffer.commit":
        // A turn by hand ends with its last word, even when the network is slow.
        return [...this.outbox.release(), action];
      case "input_audio_buffer.clear":
        this.outbox.clear();
        return [action];
      default:
        return [action];
    }
  }

  /**
   * The user wants quiet (Esc, stop): cancel what is under way, flush, cut.
   * @returns {object[]} actions
   */
  interrupted() {
    this.#question = null;
    return this.#cancelAll("user");
  }

  /**
   * The loudspeaker is silent and tells what had sounded.
   * @param {{token: object, parts: object[], context_time: number}} report parts as `PlaybackQueue.flush` gives them
   * @param {number} output_latency_s
   * @returns {object[]} actions
   */
  flushed({ token, parts, context_time }, output_latency_s) {
    const actions = [];
    this.#flushing.delete(token.number);
    for (const part of parts) {
      const { heard_ms, event } = truncation({
        ...part,
        output_latency_s,
        is_known: this.#known.has(part.item_id),
        is_truncated: this.#cut.has(part.item_id),
      });
      // To delete an item because its second part was not heard would take the first one away as well.
      const is_due = event && !(event.type === "conversation.item.delete" && this.#heard.has(part.item_id));
      remember(this.#cut, part.item_id);
      if (is_due) actions.push(this.#stamped(event));
      actions.push({
        do: "post",
        message: {
          type: "playback",
          state: "flushed",
          item_id: part.item_id,
          content_index: part.content_index,
          played_ms: part.played_samples / SAMPLES_PER_MS,
          heard_ms,
          dropped_ms: (part.received_samples - part.played_samples) / SAMPLES_PER_MS,
          context_time,
        },
      });
    }
    if (parts.length === 0 && token.reason === "user") {
      const nothing = { item_id: null, content_index: 0, played_ms: 0, heard_ms: 0, dropped_ms: 0 };
      actions.push({
        do: "post",
        message: { type: "playback", state: "flushed", ...nothing, context_time },
      });
    }
    return [...actions, ...this.#ask()];
  }

  /**
   * A flush got no answer in time (the context stands still): do not wait for it any longer.
   * @param {{number: number}} token of the flush
   * @returns {object[]} actions
   */
  unanswered(token) {
    return this.#flushing.delete(token.number) ? this.#ask() : [];
  }

  /**
   * The loudspeaker was replaced: what it held is lost, so the conversation is cut to what had sounded.
   * @param {{item_id: string|null, played_samples: number}} last where the old one was
   * @param {number} output_latency_s
   * @returns {object[]} actions
   */
  speakerReplaced(last, output_latency_s) {
    const lost = [...this.#responses.keys()].filter((id) => !this.#cut.has(id) && !this.#heard.has(id));
    if (lost.length === 0) return [];
    const parts = lost.map((item_id) => {
      const played_samples = item_id === last.item_id ? last.played_samples : 0;
      // How much had come is not known any more; more than was played is all that the rule needs.
      return { item_id, content_index: 0, played_samples, received_samples: played_samples + 1, is_complete: false };
    });
    const token = { number: 0, reason: "replaced" };
    return [...this.#cancelAll("replaced"), ...this.flushed({ token, parts, context_time: 0 }, output_latency_s)];
  }

  /**
   * The loudspeaker began or ended a part.
   * @param {{type: "started"|"ended", item_id: string, content_index: number, played_samples: number, context_time: number}} report
   * @returns {object[]} actions
   */
  sounded({ type, item_id, content_index, played_samples, context_time }) {
    if (type === "ended") remember(this.#heard, item_id);
    const played_ms = played_samples / SAMPLES_PER_MS;
    return [
      {
        do: "post",
        message: {
          type: "playback",
          state: type,
          item_id,
          content_index,
          played_ms,
          heard_ms: played_ms,
          dropped_ms: 0,
          context_time,
        },
      },
    ];
  }

  #cancelAll(reason) {
    const cancels = [...this.#active].map((id) => this.#stamped(cancel(id)));
    return this.#silence(cancels, reason);
  }

  /** Flush; nothing more of what is under way will sound. */
  #silence(actions, reason) {
    for (const id of this.#active) remember(this.#silenced, id);
    this.#flush_token += 1;
    this.#flushing.add(this.#flush_token);
    actions.push({ do: "flush", token: { number: this.#flush_token, reason } });
    return actions;
  }

  /** Ask for a response when the time has come: servers refuse a second one, and it must not build on unheard words. */
  #ask() {
    if (!this.#question || this.#active.size > 0 || this.#flushing.size > 0) return [];
    this.#asked = this.#question;
    this.#question = null;
    return [this.#asked];
  }

  #stamped(event) {
    if (event.event_id) return { do: "send", event };
    this.#event_number += 1;
    return { do: "send", event: { ...event, event_id: `page_${this.#event_number}` } };
  }

  /** @internal */
  static rules = {
    "session.created"(event) {
      this.#takeSession(event.session);
      this.outbox.is_ready = true;
      return this.outbox.release();
    },

    "session.updated"(event) {
      this.#takeSession(event.session);
      return [];
    },

    "conversation.item.added"(event) {
      if (event.item?.id) remember(this.#known, event.item.id);
      return [];
    },

    "response.output_item.added"(event) {
      // Some servers announce a response's items only here.
      if (event.item?.id && this.#active.has(event.response_id)) remember(this.#known, event.item.id);
      return [];
    },

    "conversation.item.deleted"(event) {
      this.#known.delete(event.item_id);
      return [];
    },

    "response.created"(event) {
      // An out-of-band response belongs to no conversation: speech of the user does not end it.
      if (event.response?.id && event.response.conversation_id !== null) this.#active.add(event.response.id);
      return [];
    },

    "response.output_audio.delta"(event) {
      const { item_id, response_id, content_index = 0 } = event;
      if (typeof event.delta !== "string" || this.#cut.has(item_id)) return [];
      if (this.#silenced.has(response_id)) {
        if (!this.#responses.has(item_id)) {
          if (!this.#unheard.has(response_id)) this.#unheard.set(response_id, new Set());
          this.#unheard.get(response_id).add(item_id);
        }
        return [];
      }
      if (!this.#open_parts.has(response_id)) this.#open_parts.set(response_id, new Map());
      this.#open_parts.get(response_id).set(`${item_id} ${content_index}`, { item_id, content_index });
      this.#responses.set(item_id, response_id);
      if (this.#responses.size > MAX_REMEMBERED) {
        this.#responses.delete(this.#responses.keys().next().value);
      }
      return [{ do: "play", item_id, content_index, audio: event.delta }];
    },

    "response.output_audio.done"({ item_id, response_id, content_index = 0 }) {
      const was_open = this.#open_parts.get(response_id)?.delete(`${item_id} ${content_index}`);
      return was_open ? [{ do: "finish", item_id, content_index }] : [];
    },

    "response.done"({ response }) {
      const id = response?.id;
      this.#active.delete(id);
      const actions = [...(this.#open_parts.get(id)?.values() ?? [])].map((part) => ({
        do: "finish",
        ...part,
      }));
      this.#open_parts.delete(id);
      actions.push(...this.#deleteUnheard(id));
      // The server heard the user although no `speech_started` reached us in time: the same silence.
      const is_cancelled = response?.status === "cancelled" && !this.#silenced.has(id);
      if (is_cancelled && this.#sounds(id)) this.#silence(actions, "cancelled");
      return [...actions, ...this.#ask()];
    },

    error({ error }) {
      // Another response began while ours was on its way: ask again when that one is done.
      const is_busy = error?.code === "conversation_already_has_active_response";
      if (is_busy && this.#asked && error.event_id === this.#asked.event.event_id) this.#question ??= this.#asked;
      return [];
    },

    "input_audio_buffer.speech_started"() {
      return this.#interrupts ? this.#silence([], "speech") : [];
    },
  };

  #takeSession(session) {
    const turn_detection = session?.audio?.input ? session.audio.input.turn_detection : session?.turn_detection;
    if (turn_detection === undefined) return;
    this.outbox.has_vad = turn_detection !== null;
    this.#interrupts = turn_detection?.interrupt_response !== false;
  }

  /** Of an interrupted response: what was made but never played must not stay in the conversation as said. */
  #deleteUnheard(response_id) {
    const items = [...(this.#unheard.get(response_id) ?? [])].filter((id) => this.#known.has(id));
    this.#unheard.delete(response_id);
    for (const id of items) remember(this.#cut, id);
    return items.map((id) => this.#stamped(deleteItem(id)));
  }

  /** Whether speech of a response may be sounding or waiting. */
  #sounds(response_id) {
    for (const [item_id, id] of this.#responses) {
      if (id === response_id && !this.#cut.has(item_id) && !this.#heard.has(item_id)) return true;
    }
    return false;
  }
}

const RULES = Exchange.rules;

/** The same event for the page: sound never goes there, only its size. */
function withoutAudio(event, type) {
  if (type !== "response.output_audio.delta" || typeof event.delta !== "string") return event;
  const padding = event.delta.endsWith("==") ? 2 : event.delta.endsWith("=") ? 1 : 0;
  return { ...event, delta: undefined, audio_bytes: Math.floor(event.delta.length / 4) * 3 - padding };
}

/** Add to a set of bounded size; the oldest goes. */
function remember(set, value) {
  set.add(value);
  if (set.size > MAX_REMEMBERED) set.delete(set.values().next().value);
}
