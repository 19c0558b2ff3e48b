/** The empty sheet: what this is, what to do, and with the built-in engine the phrases that it knows. */

/** Words for the line at the top and for the empty sheet. Pure. */
export function introduction(config) {
  const upstream = config?.upstream;
  if (upstream?.kind !== "engine") {
    return {
      model: upstream?.model ?? "",
      where: upstream?.label ?? "",
      lead: "Press the round button and speak. Interrupt whenever you like.",
    };
  }
  const { ears, brain, voice } = config.engine?.models ?? {};
  const parts = [ears && `hears with ${ears}`, brain && `thinks with ${brain}`, voice && `speaks with ${voice}`].filter(Boolean);
  if (parts.length > 0) {
    return {
      model: brain ?? "Built-in engine",
      where: "built-in engine with models of your own",
      lead: `The built-in engine ${parts.join(", ")}. Press the round button and speak. Interrupt whenever you like.`,
    };
  }
  return {
    model: "Built-in engine",
    where: "runs on this machine, no account",
    lead: "This is the built-in engine: nothing leaves this machine. It knows a few dozen phrases well and can only guess the rest. Press the round button and speak.",
  };
}

export class Welcome {
  #section;
  #line;
  #all;
  #say;

  /**
   * @param {{section: HTMLElement, line: HTMLElement, all: HTMLElement}} places
   * @param {(phrase: string) => void} say
   */
  constructor({ section, line, all }, say) {
    this.#section = section;
    this.#line = line;
    this.#all = all;
    this.#say = say;
    this.#section.classList.add("skeleton");
  }

  /** @param {object} config of /config.json */
  offer(config) {
    this.#section.classList.remove("skeleton");
    const { model, where, lead } = introduction(config);
    const name = document.createElement("b");
    name.textContent = model;
    const place = document.createElement("span");
    place.className = "where";
    place.textContent = where ? ` · ${where}` : "";
    this.#line.replaceChildren(name, place);
    this.#section.querySelector(".welcome-lead").textContent = lead;
    const phrases = config.engine?.phrases ?? [];
    this.#section.querySelector(".phrases").hidden = phrases.length === 0;
    this.#section.querySelector(".phrase-list").replaceChildren(...phrases.map((phrase) => this.#row(phrase)));
    const all = config.engine?.all_phrases ?? [];
    this.#all.hidden = all.length === 0;
    this.#all.querySelector("ul").replaceChildren(...all.map((phrase) => this.#row(phrase)));
  }

  /**
   * The phrases stay below a greeting until the person has said something.
   * @param {boolean} has_begun there is a turn
   * @param {boolean} has_spoken there is a turn of the person
   */
  render(has_begun, has_spoken) {
    if (has_begun && !this.#section.classList.contains("begun")) {
      this.#section.classList.add("begun");
      this.#section.parentElement.querySelector(".turns").after(this.#section);
    }
    if (this.#section.hidden !== has_spoken) this.#section.hidden = has_spoken;
  }

  #row(phrase) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "phrase";
    const words = document.createElement("span");
    words.textContent = phrase;
    button.append(words, sign("#i-send"));
    button.addEventListener("click", () => this.#say(phrase));
    row.append(button);
    return row;
  }
}

const SVG = "http://www.w3.org/2000/svg";

function sign(href) {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", href);
  icon.append(use);
  return icon;
}
