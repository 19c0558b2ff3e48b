/** The bar: state in words, the round button, mute, hold to talk, stop the reply, typed text; and the keys. */

const WORDS = {
  ready: "Ready",
  connecting: "Connecting",
  listening: "Listening",
  thinking: "Thinking",
  speaking: "Speaking",
  muted: "Muted",
  trouble: "Trouble",
};

/** A press of the hold button shorter than this keeps it open until the next press. */
const TAP_MS = 280;

/**
 * @typedef {object} BarView
 * @property {string} phase one of the seven states
 * @property {string} hint one line under the word
 * @property {boolean} is_running a conversation runs or is being started
 * @property {boolean} has_microphone
 * @property {boolean} asking the browser asks the person for the microphone
 * @property {boolean} muted
 * @property {boolean} holding
 * @property {boolean} can_hush a reply sounds or is being made
 * @property {"auto"|"hold"} mode
 *
 * @typedef {object} BarActions
 * @property {() => void} toggle start or end; called synchronously in the handler
 * @property {() => void} mute mute, unmute, or bring the microphone in
 * @property {() => void} hush
 * @property {(held: boolean) => void} hold
 * @property {(text: string) => void} say
 */

export class Controls {
  #root = document.documentElement;
  #parts = {};
  #actions;
  #view = null;
  #pressed_ms = 0;
  #latched = false;

  /**
   * @param {HTMLElement} bar
   * @param {BarActions} actions
   */
  constructor(bar, actions) {
    this.#actions = actions;
    const find = (selector) => bar.querySelector(selector);
    this.#parts = {
      sign: find(".state-sign use"),
      word: find(".state-word"),
      hint: find(".state-hint"),
      big: find(".big"),
      face: find(".face use"),
      mute: find("#mute"),
      mute_icon: find("#mute use"),
      hold: find("#hold"),
      hush: find("#hush"),
      form: find("form"),
      text: find("form input"),
      send: find("form button"),
    };
    const { big, mute, hold, hush, form, text, send } = this.#parts;
    big.addEventListener("click", () => this.#actions.toggle());
    mute.addEventListener("click", () => this.#actions.mute());
    hush.addEventListener("click", () => this.#actions.hush());
    text.addEventListener("input", () => (send.disabled = !text.value.trim()));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const words = text.value.trim();
      if (!words) return;
      text.value = "";
      send.disabled = true;
      this.#actions.say(words);
    });
    this.#watchHold(hold);
  }

  /** Put the caret where one types. */
  focusText() {
    this.#parts.text.focus();
  }

  /** @param {BarView} view */
  render(view) {
    const old = this.#view;
    this.#view = view;
    const { sign, word, hint, big, face, mute, mute_icon, hold, hush } = this.#parts;
    if (old?.phase !== view.phase) {
      this.#root.dataset.phase = view.phase;
      sign.setAttribute("href", `#s-${view.phase}`);
      word.textContent = WORDS[view.phase];
    }
    if (hint.textContent !== view.hint) hint.textContent = view.hint;
    face.setAttribute("href", view.holding ? "#i-disc" : view.is_running ? "#i-stop" : "#i-mic");
    big.setAttribute("aria-label", view.is_running ? "End the conversation" : "Start the conversation");
    const can_mute = view.is_running && view.has_microphone;
    mute.hidden = view.mode === "hold" && (can_mute || view.asking || !view.is_running);
    mute.disabled = !view.is_running || view.asking;
    mute.setAttribute("aria-label", view.is_running && !view.has_microphone && !view.asking ? "Use the microphone" : "Mute the microphone");
    mute.setAttribute("aria-pressed", String(view.muted && can_mute));
    const is_off = view.is_running && !view.asking && (view.muted || !view.has_microphone);
    mute_icon.setAttribute("href", is_off ? "#i-mic-off" : "#i-mic");
    hold.hidden = view.mode !== "hold" || !mute.hidden;
    hold.disabled = !can_mute;
    hold.setAttribute("aria-pressed", String(view.holding));
    hush.disabled = !view.can_hush;
    if (!can_mute || (old?.holding && !view.holding)) this.#latched = false;
  }

  /**
   * Keys that work wherever the focus is not in a field.
   * @param {{single_keys: () => boolean, help: () => void}} options
   */
  listenKeys({ single_keys, help }) {
    addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target instanceof Element ? event.target : null;
      const in_field = target?.closest("input, textarea, select, [contenteditable]");
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "Escape" && this.#view?.can_hush) {
        this.#actions.hush();
        return;
      }
      if (in_field) return;
      if (event.key === " " && this.#view?.mode === "hold" && !target?.closest("button, summary, a")) {
        event.preventDefault();
        if (!event.repeat) this.#press();
      } else if (single_keys() && event.key.toLowerCase() === "m" && !this.#parts.mute.hidden && !event.repeat) {
        if (!this.#parts.mute.disabled) this.#actions.mute();
      } else if (single_keys() && event.key === "?") help();
    });
    addEventListener("keyup", (event) => {
      if (event.key === " " && this.#pressed_ms) {
        event.preventDefault();
        this.#release();
      }
    });
    addEventListener("blur", () => this.#let());
    document.addEventListener("visibilitychange", () => document.hidden && this.#let());
  }

  #watchHold(button) {
    button.addEventListener("pointerdown", (event) => {
      if (button.disabled || event.button > 0) return;
      button.setPointerCapture?.(event.pointerId);
      this.#press();
    });
    button.addEventListener("pointerup", () => this.#release());
    button.addEventListener("pointercancel", () => this.#let());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.#press();
    });
    button.addEventListener("keyup", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      this.#release();
    });
  }

  #press() {
    if (!this.#view?.is_running || !this.#view.has_microphone) return;
    if (this.#latched) {
      this.#latched = false;
      this.#pressed_ms = 0;
      this.#actions.hold(false);
      return;
    }
    this.#pressed_ms = performance.now();
    this.#actions.hold(true);
  }

  #release() {
    if (!this.#pressed_ms) return;
    const was_tap = performance.now() - this.#pressed_ms < TAP_MS;
    this.#pressed_ms = 0;
    // A tap keeps it open: nobody has to hold a key to be able to speak.
    if (was_tap) this.#latched = true;
    else this.#actions.hold(false);
  }

  /** Let go for any other reason: the window lost the focus, the pointer was taken away. */
  #let() {
    if (!this.#pressed_ms) return;
    this.#pressed_ms = 0;
    this.#actions.hold(false);
  }
}
