/**
 * The form of settings; remembered in this browser.
 *
 * @typedef {object} Settings
 * @property {string} voice "" = the server's
 * @property {string} instructions "" = the server's
 * @property {"auto"|"hold"} mode
 * @property {number|null} threshold 0..1; null = the server's
 * @property {number|null} silence_ms null = the server's
 * @property {string} device "" = default microphone
 * @property {boolean} announce
 * @property {boolean} keys
 * @property {boolean} panel whether the panel is open on a wide screen
 */

const STORE_KEY = "parley.settings";

/** @type {Settings} */
const DEFAULTS = {
  voice: "",
  instructions: "",
  mode: "auto",
  threshold: null,
  silence_ms: null,
  device: "",
  announce: true,
  keys: true,
  panel: true,
};

/** @returns {Settings} what this browser remembers; anything of a wrong type is forgotten */
export function loadSettings(storage = localStorage) {
  const settings = { ...DEFAULTS };
  try {
    const saved = JSON.parse(storage.getItem(STORE_KEY) ?? "{}");
    for (const [key, value] of Object.entries(saved)) {
      if (!(key in DEFAULTS)) continue;
      const wanted = DEFAULTS[key] === null ? "number" : typeof DEFAULTS[key];
      if (typeof value === wanted) settings[key] = value;
    }
  } catch {
    // Storage is switched off or damaged: the defaults are as good.
  }
  if (settings.mode !== "hold") settings.mode = "auto";
  return settings;
}

/** @param {Settings} settings */
export function saveSettings(settings, storage = localStorage) {
  try {
    storage.setItem(STORE_KEY, JSON.stringify(settings));
  } catch {
    // Private windows refuse; the settings then last as long as the page.
  }
}

export class SettingsForm {
  #form;
  #settings;
  #change;
  #had_own = false;
  #server = { voice: "", threshold: 0.5, silence_ms: 500 };

  /**
   * @param {HTMLFormElement} form
   * @param {Settings} settings
   * @param {(patch: Partial<Settings>) => void} change
   */
  constructor(form, settings, change) {
    this.#form = form;
    this.#settings = settings;
    this.#change = change;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => this.#onInput(event.target));
    form.addEventListener("change", (event) => this.#onChange(event.target));
    this.#fill();
  }

  /**
   * What the server offers.
   * @param {{voices?: string[], voice?: string, session?: {instructions_editable?: boolean, turn_detection?: object|null}}} config
   */
  offer(config) {
    const detection = config.session?.turn_detection ?? {};
    this.#server = {
      voice: config.voice ?? "",
      threshold: detection.threshold ?? 0.5,
      silence_ms: detection.silence_duration_ms ?? 500,
    };
    const voices = config.voices ?? [];
    this.#form.elements.voice.replaceChildren(...voices.map((name) => option(name, name)));
    this.#form.querySelector("#instructions-field").hidden = config.session?.instructions_editable === false;
    this.#fill();
  }

  /** @param {{id: string, label: string}[]} inputs */
  offerDevices(inputs) {
    const select = this.#form.elements.device;
    const named = inputs.filter(({ id, label }) => id && id !== "default" && label);
    select.replaceChildren(option("", "Default microphone"), ...named.map(({ id, label }) => option(id, label)));
    if (this.#settings.device && !named.some(({ id }) => id === this.#settings.device)) {
      select.append(option(this.#settings.device, "Chosen before, not here now"));
    }
    select.value = this.#settings.device;
  }

  /**
   * @param {Settings} settings
   * @param {boolean} is_running a conversation runs
   * @param {boolean} has_spoken the model has used its voice in it
   */
  render(settings, is_running, has_spoken) {
    this.#settings = settings;
    this.#form.querySelector("#voice-note").hidden = !(is_running && has_spoken);
    // The service has no event that brings its own instructions back in a running session.
    this.#form.querySelector("#instructions-note").hidden = !(is_running && this.#had_own && !settings.instructions);
    this.#had_own = is_running && (this.#had_own || settings.instructions !== "");
    document.documentElement.dataset.mode = settings.mode;
  }

  #fill() {
    const { elements } = this.#form;
    const settings = this.#settings;
    const voice = settings.voice || this.#server.voice;
    if ([...elements.voice.options].some(({ value }) => value === voice)) elements.voice.value = voice;
    elements.instructions.value = settings.instructions;
    elements.mode.value = settings.mode;
    elements.threshold.value = String(settings.threshold ?? this.#server.threshold);
    elements.silence.value = String(settings.silence_ms ?? this.#server.silence_ms);
    elements.announce.checked = settings.announce;
    elements.keys.checked = settings.keys;
    document.documentElement.dataset.mode = settings.mode;
    this.#say();
  }

  #say() {
    const { elements } = this.#form;
    this.#form.querySelector("#threshold-out").textContent = Number(elements.threshold.value).toFixed(2);
    this.#form.querySelector("#silence-out").textContent = `${elements.silence.value} ms`;
  }

  #onInput(field) {
    if (field.name === "threshold" || field.name === "silence") this.#say();
  }

  #onChange(field) {
    const patches = {
      voice: () => ({ voice: field.value }),
      instructions: () => ({ instructions: field.value.trim() }),
      mode: () => ({ mode: field.value }),
      threshold: () => ({ threshold: Number(field.value) }),
      silence: () => ({ silence_ms: Number(field.value) }),
      device: () => ({ device: field.value }),
      announce: () => ({ announce: field.checked }),
      keys: () => ({ keys: field.checked }),
    };
    const patch = patches[field.name]?.();
    if (patch) this.#change(patch);
  }
}

function option(value, label) {
  const node = document.createElement("option");
  node.value = value;
  node.textContent = label;
  return node;
}
