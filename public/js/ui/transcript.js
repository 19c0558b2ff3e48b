/**
 * The conversation as it is read: turns in order, words settling as they are heard, what was not heard struck out.
 *
 * Rendered from the session state. A turn is patched only when its item object changed; deltas touch one text node.
 */

import { spokenParts } from "../session.js";
import { heardChars } from "../turns.js";
import { seconds } from "../figures.js";

/** Turns kept in the document; older ones leave it. */
const MAX_TURNS = 250;
/** Distance from the end within which the view follows new words. */
const FOLLOW_PX = 96;
const MAX_LOG = 40;

/** Why a reply ended early when nobody interrupted it, by the reason the service gives. */
const BROKEN_OFF = {
  max_output_tokens: "the reply reached its longest length",
  content_filter: "the service stopped this reply",
};

export class Transcript {
  #scroller;
  #list;
  #log;
  #latest;
  #templates;
  #turns = new Map();
  #segment = 0;
  #last_segment = null;
  #follows = true;
  #announces = true;
  #formatter = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

  /**
   * @param {HTMLElement} container `main`: holds `.scroller`, `.turns`, `.latest` and the log
   * @param {{turn: HTMLTemplateElement, call: HTMLTemplateElement, latency: HTMLTemplateElement, divider: HTMLTemplateElement}} templates
   */
  constructor(container, templates) {
    this.#scroller = container.querySelector(".scroller");
    this.#list = container.querySelector(".turns");
    this.#log = container.querySelector("[role=log]");
    this.#latest = container.querySelector(".latest");
    this.#templates = templates;
    this.#scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#latest.addEventListener("click", () => this.#toEnd(true));
    const resized = new ResizeObserver(() => {
      if (this.#follows && this.#turns.size > 0) this.#toEnd();
    });
    resized.observe(this.#scroller);
    resized.observe(this.#list);
  }

  /** The next item begins a new session; the old turns stay above a line. */
  beginSegment() {
    this.#segment += 1;
  }

  /** @param {boolean} announces whether finished replies are announced to screen readers */
  set announces(announces) {
    this.#announces = announces;
  }

  /**
   * @param {import("../session.js").SessionState} state
   * @param {Map<string, import("../figures.js").Turn>} turns latency by item id
   */
  render(state, turns) {
    const wanted = state.items.filter((item) => isShown(item, state)).slice(-MAX_TURNS);
    const kept = new Set();
    let changed = false;
    let node = this.#list.firstElementChild;
    for (const item of wanted) {
      const key = item.id;
      kept.add(key);
      let turn = this.#turns.get(key);
      if (!turn) {
        turn = this.#create(item);
        this.#turns.set(key, turn);
      }
      if (turn.divider) {
        if (turn.divider === node) node = node.nextElementSibling;
        else this.#list.insertBefore(turn.divider, node);
      }
      if (turn.element === node) node = node.nextElementSibling;
      else {
        this.#list.insertBefore(turn.element, node);
        changed = true;
      }
      changed = this.#patch(turn, item, state, turns.get(key)) || changed;
    }
    for (const [key, turn] of this.#turns) {
      if (kept.has(key)) continue;
      turn.divider?.remove();
      turn.element.remove();
      this.#turns.delete(key);
    }
    if (changed && this.#follows) this.#toEnd();
    else if (changed) this.#latest.hidden = false;
  }

  /**
   * Settle the words that were heard up to now.
   * @param {import("../session.js").SessionState} state
   * @param {string} item_id the item that sounds
   * @param {number} played_ms
   */
  settle(state, item_id, played_ms) {
    const turn = this.#turns.get(item_id);
    if (!turn?.item || turn.item.interrupted || !turn.element.isConnected) return;
    const item = turn.item;
    const words = item.transcript || item.text;
    const chars = Math.max(turn.said_chars, heardChars(words, played_ms, item.audio_ms));
    if (chars === turn.said_chars) return;
    turn.said_chars = chars;
    this.#words(turn, words.slice(0, chars), words.slice(chars), "");
  }

  #create(item) {
    const is_call = item.type === "function_call";
    const template = is_call ? this.#templates.call : this.#templates.turn;
    const element = template.content.cloneNode(true).firstElementChild;
    element.dataset.item = item.id;
    const turn = { element, item: null, said_chars: 0, divider: null, is_logged: false, latency: null, extras: "" };
    if (!is_call) {
      const is_user = item.role === "user";
      element.dataset.who = is_user ? "you" : "them";
      element.querySelector(".who").textContent = is_user ? "You" : "Parley";
      const now = new Date();
      const time = element.querySelector("time");
      time.dateTime = now.toISOString();
      time.textContent = this.#formatter.format(now);
    }
    if (this.#last_segment !== null && this.#last_segment !== this.#segment) {
      turn.divider = this.#templates.divider.content.cloneNode(true).firstElementChild;
      turn.divider.querySelector("span").textContent = "New session: the model does not remember what is above";
    }
    this.#last_segment = this.#segment;
    return turn;
  }

  /** @returns {boolean} whether something visible changed */
  #patch(turn, item, state, latency) {
    const is_playing = state.playing_item_id === item.id;
    const is_same_latency = !latency || turn.latency === latency;
    if (turn.item === item && turn.was_playing === is_playing && is_same_latency) return false;
    turn.item = item;
    turn.was_playing = is_playing;
    if (item.type === "function_call") {
      patchCall(turn.element, item.call);
      return true;
    }
    const words = item.transcript || item.text;
    const note = noteOf(item, words, state.responses[item.response_id]?.reason);
    const is_live = liveness(item, is_playing);
    turn.element.dataset.live = String(is_live && !is_playing);
    turn.element.dataset.status = item.status;
    turn.element.toggleAttribute("data-guess", item.transcription?.certainty === "guess");
    if (is_playing) {
      turn.said_chars = Math.min(turn.said_chars, words.length);
      this.#words(turn, words.slice(0, turn.said_chars), words.slice(turn.said_chars), "");
    } else {
      const { heard, unheard } = spokenParts(item);
      const gap = unheard.length - unheard.trimStart().length;
      this.#words(turn, heard + unheard.slice(0, gap), "", unheard.slice(gap), item.transcription?.certainty === "guess");
    }
    turn.element.toggleAttribute("data-interrupted", item.interrupted);
    this.#extras(turn, item, note, is_live && !words, latency);
    if (!turn.is_logged && !is_live && words && !item.past) this.#announce(turn, item, words, note);
    return true;
  }

  /** Said, still ahead, never heard: three nodes that are made once and patched. */
  #words(turn, said, ahead, unheard, is_guess = false) {
    const text = turn.element.querySelector(".turn-text");
    if (!turn.nodes || turn.is_guess !== is_guess) {
      turn.is_guess = is_guess;
      const said_node = document.createElement(is_guess ? "em" : "span");
      said_node.className = "said";
      const ahead_node = document.createElement("span");
      ahead_node.className = "ahead";
      const unheard_node = document.createElement("s");
      text.replaceChildren(said_node, ahead_node, unheard_node);
      turn.nodes = [said_node, ahead_node, unheard_node];
    }
    [said, ahead, unheard].forEach((words, index) => {
      const node = turn.nodes[index];
      if (node.textContent !== words) node.textContent = words;
      node.hidden = !words;
    });
    text.hidden = !said && !ahead && !unheard;
  }

  #extras(turn, item, note, is_waiting, latency) {
    const body = turn.element.querySelector(".turn-body");
    const signature = `${note.kind}|${note.text}|${is_waiting}`;
    if (signature !== turn.extras) {
      turn.extras = signature;
      body.querySelectorAll(".waiting, .turn-note, .cut").forEach((node) => node.remove());
      const after = body.querySelector(".turn-text");
      if (is_waiting) after.after(waitingDots());
      else if (note.text) {
        const line = document.createElement("p");
        line.className = note.kind === "cut" ? "cut" : "turn-note";
        line.textContent = note.text;
        after.after(line);
      }
    }
    if (latency && turn.latency !== latency) {
      turn.latency = latency;
      body.querySelector(".latency")?.remove();
      const line = this.#templates.latency.content.cloneNode(true).firstElementChild;
      for (const part of ["silence", "model", "ear"]) {
        line.querySelector(`.part-${part}`).style.setProperty("--part", String(latency[`${part}_ms`]));
      }
      line.querySelector(".latency-text").textContent = `heard after ${seconds(latency.total_ms)}`;
      line.title = `silence window ${seconds(latency.silence_ms)}, model ${seconds(latency.model_ms)}, to your ear ${seconds(latency.ear_ms)}`;
      body.append(line);
    }
  }

  #announce(turn, item, words, note) {
    turn.is_logged = true;
    const is_user = item.role === "user";
    if (!is_user && !this.#announces) return;
    const line = document.createElement("p");
    line.textContent = `${is_user ? "You" : "Parley"}: ${spokenParts(item).heard || words}${note.text ? ` (${note.text})` : ""}`;
    this.#log.append(line);
    while (this.#log.childElementCount > MAX_LOG) this.#log.firstElementChild.remove();
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - clientHeight - scrollTop < FOLLOW_PX;
    if (this.#follows) this.#latest.hidden = true;
  }

  #toEnd(by_hand = false) {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#latest.hidden = true;
    this.#follows = true;
    if (by_hand) this.#scroller.focus({ preventScroll: true });
  }
}

/** Calls and messages are shown; outputs are shown on their call, system items are not for reading. */
function isShown(item, state) {
  if (item.type === "function_call") return true;
  if (item.type !== "message" || (item.role !== "user" && item.role !== "assistant")) return false;
  if (item.role === "assistant" && !item.transcript && !item.text) {
    return item.status === "in_progress" && !item.past && Boolean(state.session);
  }
  return true;
}

/** Whether an item is still being made, so that it is not settled text yet. */
function liveness(item, is_playing) {
  if (item.past) return false;
  if (is_playing) return true;
  if (item.role === "user") return item.status === "pending" || item.transcription?.state === "pending";
  return item.status === "in_progress" && !item.heard;
}

/** @returns {{kind: "cut"|"note", text: string}} what is said below the words */
function noteOf(item, words, reason) {
  if (item.role === "assistant" && item.interrupted) {
    const heard = item.heard ? ` · ${seconds(item.heard.ms, 1)} heard` : "";
    return { kind: "cut", text: `you interrupted here${heard}` };
  }
  if (item.role === "assistant" && item.status === "incomplete") {
    return { kind: "note", text: BROKEN_OFF[reason] ?? "the reply broke off" };
  }
  const spoken = item.transcription;
  if (spoken?.state === "failed") {
    return { kind: "note", text: `could not be written down: ${spoken.error?.message || "the transcription failed"}` };
  }
  if (spoken?.state === "done" && !words) return { kind: "note", text: "no words were recognised" };
  if (spoken?.certainty === "guess") return { kind: "note", text: "a guess" };
  return { kind: "note", text: "" };
}

function waitingDots() {
  const dots = document.createElement("span");
  dots.className = "waiting";
  dots.setAttribute("aria-hidden", "true");
  dots.append(document.createElement("i"), document.createElement("i"), document.createElement("i"));
  return dots;
}

function patchCall(element, call) {
  element.querySelector(".call-name").textContent = call?.name ?? "";
  element.querySelector(".call-args").textContent = plainArguments(call?.arguments ?? "");
  element.querySelector(".call-out").textContent = call?.output ? `→ ${plainArguments(call.output)}` : "…";
}

/** `{"day":"Sunday"}` → `day: Sunday`; anything else as it is. */
function plainArguments(json) {
  try {
    const value = JSON.parse(json);
    if (value === null || typeof value !== "object") return String(value);
    return Object.entries(value)
      .map(([key, held]) => `${key}: ${typeof held === "object" ? JSON.stringify(held) : held}`)
      .join(" · ");
  } catch {
    return json;
  }
}
