/** Figures of this conversation, and the place of the panel: beside the talk on a desk, a sheet from below on a phone. */

import { clock, seconds, spokenTotals, spread } from "../figures.js";

const STACKED = 6;

export class Panel {
  #aside;
  #sheet;
  #body;
  #toggle;
  #narrow = matchMedia("(max-width: 899px)");
  #is_open;
  #save;
  #number = new Intl.NumberFormat(undefined);
  #turns = null;

  /**
   * @param {{aside: HTMLElement, sheet: HTMLDialogElement, toggle: HTMLButtonElement}} places
   * @param {boolean} is_open on a wide screen
   * @param {(is_open: boolean) => void} save
   */
  constructor({ aside, sheet, toggle }, is_open, save) {
    this.#aside = aside;
    this.#sheet = sheet;
    this.#toggle = toggle;
    this.#body = aside.querySelector(".panel-body");
    this.#is_open = is_open;
    this.#save = save;
    toggle.addEventListener("click", () => this.#press());
    sheet.querySelector("#sheet-close").addEventListener("click", () => sheet.close());
    sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
    sheet.addEventListener("close", () => this.#mark());
    this.#narrow.addEventListener("change", () => this.#place());
    this.#place();
  }

  /** Show the settings, wherever they are. */
  open() {
    if (this.#narrow.matches) this.#sheet.open || this.#sheet.showModal();
    else this.#is_open = true;
    this.#mark();
    this.#body.querySelector("#settings").scrollIntoView({ block: "start" });
  }

  /**
   * @param {import("../session.js").SessionState} session
   * @param {import("../figures.js").Turn[]} turns
   */
  render(session, turns) {
    const { usage } = session;
    const { spoken_ms, heard_ms } = spokenTotals(session.items);
    const n = (value) => this.#number.format(value);
    this.#put("#fig-spoken", spoken_ms ? `${seconds(spoken_ms, 1)} / ${seconds(heard_ms, 1)}` : "–");
    this.#put("#fig-tokens", usage.total_tokens ? `${n(usage.input_tokens)} / ${n(usage.output_tokens)}` : "–");
    this.#put("#fig-total", n(usage.total_tokens + usage.transcription_tokens));
    if (turns === this.#turns) return;
    this.#turns = turns;
    const heard = spread(turns.map(({ total_ms }) => total_ms));
    this.#put(
      "#fig-heard",
      heard ? seconds(heard.median) + (turns.length > 1 ? ` · p95 ${seconds(heard.p95)}` : "") : "–",
    );
    this.#stack(turns.slice(-STACKED));
  }

  /** @param {number|null} elapsed_s null: no conversation yet */
  tick(elapsed_s) {
    this.#put("#fig-time", elapsed_s === null ? "–" : clock(elapsed_s));
  }

  /** The last turns on one scale, so that the eye compares. */
  #stack(turns) {
    this.#body.querySelector("#last-empty").hidden = turns.length > 0;
    this.#body.querySelector("#last-legend").hidden = turns.length === 0;
    const longest = Math.max(1, ...turns.map(({ total_ms }) => total_ms));
    const rows = turns.map((turn) => {
      const row = document.createElement("li");
      const track = document.createElement("span");
      track.className = "track";
      track.setAttribute("aria-hidden", "true");
      for (const part of ["silence", "model", "ear"]) {
        const bar = document.createElement("i");
        bar.className = `part-${part}`;
        bar.style.setProperty("--part", ((turn[`${part}_ms`] / longest) * 100).toFixed(2));
        track.append(bar);
      }
      const sum = document.createElement("span");
      sum.className = "sum";
      sum.textContent = seconds(turn.total_ms);
      row.append(track, sum);
      return row;
    });
    this.#body.querySelector("#last-turns").replaceChildren(...rows);
  }

  #put(selector, text) {
    const node = this.#body.querySelector(selector);
    if (node.textContent !== text) node.textContent = text;
  }

  #press() {
    if (this.#narrow.matches) this.#sheet.showModal();
    else {
      this.#is_open = !this.#is_open;
      this.#save(this.#is_open);
    }
    this.#mark();
  }

  #place() {
    if (this.#narrow.matches) this.#sheet.append(this.#body);
    else {
      if (this.#sheet.open) this.#sheet.close();
      this.#aside.append(this.#body);
    }
    this.#mark();
  }

  #mark() {
    const is_shown = this.#narrow.matches ? this.#sheet.open : this.#is_open;
    document.documentElement.dataset.panel = this.#is_open ? "open" : "closed";
    this.#toggle.setAttribute("aria-expanded", String(is_shown));
  }
}
