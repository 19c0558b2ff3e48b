/**
 * The two voices as they sound: the ring around the button, the line above the bar, the level in the settings.
 *
 * One small history (25 levels per second) feeds all three. The drawing loop runs only while something moves and the
 * page is visible; with reduced motion nothing is drawn and the level is told in words.
 */

const TICKS = 84;
const BAR_PX = 4;
/** Levels per bar of the line: 12.5 bars per second. */
const PER_BAR = 2;
const MAX_BARS = 700;

/** dB of full scale → 0..1 of the meter. */
const share = (db) => Math.max(0, Math.min(1, (db + 58) / 50));

export class Meters {
  #ring;
  #line;
  #level;
  #text;
  #motion = matchMedia("(prefers-reduced-motion: reduce)");
  #colours = {};
  #bars = [];
  #pending = { you: 0, them: 0, count: 0 };
  #pulse = [];
  #phase = "ready";
  #drawing = false;
  #quiet_frames = 0;
  #last_text_ms = 0;

  /**
   * @param {HTMLElement} bar holds `.ring` and `.horizon`
   * @param {HTMLElement} level the level in the settings
   */
  constructor(bar, level) {
    this.#ring = bar.querySelector(".ring");
    this.#line = bar.querySelector(".horizon");
    this.#level = level;
    this.#text = level.querySelector(".level-text");
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => this.#readColours());
    }
    this.#motion.addEventListener("change", () => this.#fit());
    new ResizeObserver(() => this.#fit()).observe(bar);
    document.addEventListener("visibilitychange", () => this.#draw());
    this.#readColours();
  }

  /** @param {string} phase one of the seven states */
  set phase(phase) {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#text.textContent = phase === "ready" || phase === "trouble" ? "Not listening" : this.#text.textContent;
    if (phase === "ready" || phase === "trouble") this.#level.style.setProperty("--level", "0");
    this.#draw();
  }

  /**
   * One reading, about 25 per second.
   * @param {{input_db: number, output_db: number, muted: boolean}} reading
   */
  push({ input_db, output_db, muted }) {
    const you = muted ? 0 : share(input_db);
    const them = share(output_db);
    this.#pulse.unshift({ you, them });
    this.#pulse.length = Math.min(this.#pulse.length, TICKS / 2 + 1);
    const pending = this.#pending;
    pending.you = Math.max(pending.you, you);
    pending.them = Math.max(pending.them, them);
    pending.count += 1;
    if (pending.count >= PER_BAR) {
      this.#bars.push({ you: pending.you, them: pending.them, cut: false });
      if (this.#bars.length > MAX_BARS) this.#bars.shift();
      this.#pending = { you: 0, them: 0, count: 0 };
    }
    const now = performance.now();
    if (now - this.#last_text_ms > (this.#motion.matches ? 500 : 120)) {
      this.#last_text_ms = now;
      this.#level.style.setProperty("--level", you.toFixed(2));
      this.#text.textContent = muted ? "Muted" : levelWords(input_db);
    }
    this.#draw();
  }

  /** Mark the moment of an interruption on the line. */
  markCut() {
    const last = this.#bars.at(-1);
    if (last) last.cut = true;
  }

  #readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["you", "them", "line", "edge", "ink", "warn"]) {
      this.#colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this.#draw();
  }

  #fit() {
    for (const canvas of [this.#ring, this.#line]) {
      const scale = Math.min(devicePixelRatio || 1, 3);
      const width = Math.round(canvas.clientWidth * scale);
      const height = Math.round(canvas.clientHeight * scale);
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
    }
    this.#quiet_frames = 0;
    this.#draw();
  }

  #draw() {
    this.#quiet_frames = 0;
    if (this.#drawing || document.hidden) return;
    this.#drawing = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.#drawing = false;
    this.#drawRing(now);
    this.#drawLine();
    const sweeps = (this.#phase === "connecting" || this.#phase === "thinking") && !this.#motion.matches;
    this.#quiet_frames += 1;
    if ((sweeps || this.#quiet_frames < 2) && !document.hidden) {
      const frames = this.#quiet_frames;
      this.#draw();
      this.#quiet_frames = frames;
    }
  }

  /** Ticks around the button; the newest level at the top, older ones flow down both sides. */
  #drawRing(now) {
    const canvas = this.#ring;
    const context = canvas.getContext("2d");
    const size = canvas.width;
    if (!size) return;
    const unit = size / 112;
    context.clearRect(0, 0, size, size);
    context.lineWidth = 1.7 * unit;
    context.lineCap = "round";
    const still = this.#motion.matches;
    const phase = this.#phase;
    for (let tick = 0; tick < TICKS; tick += 1) {
      const away = Math.min(tick, TICKS - tick);
      const { you = 0, them = 0 } = (!still && this.#pulse[away]) || {};
      let level = Math.max(you, them);
      let colour = level > 0.06 ? (them >= you ? this.#colours.them : this.#colours.you) : this.#colours.line;
      if (phase === "ready" || phase === "trouble") {
        level = 0;
        colour = this.#colours.line;
      } else if ((phase === "connecting" || phase === "thinking") && !still) {
        const turn = ((now / 1400) % 1) * TICKS;
        const behind = (turn - tick + TICKS) % TICKS;
        if (behind < 26) {
          level = Math.max(level, 0.16 * (1 - behind / 26));
          colour = phase === "thinking" ? this.#colours.them : this.#colours.edge;
        }
      } else if (still && phase !== "muted") {
        colour = phase === "speaking" || phase === "thinking" ? this.#colours.them : this.#colours.you;
      } else if (phase === "muted" && level <= 0.06) colour = this.#colours.line;
      const fade = 1 - (away / (TICKS / 2)) * 0.55;
      const inner = 43.5 * unit;
      const outer = inner + (2.4 + 9.2 * Math.pow(level, 1.15) * fade) * unit;
      const angle = (tick / TICKS) * 2 * Math.PI - Math.PI / 2;
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(size / 2 + Math.cos(angle) * inner, size / 2 + Math.sin(angle) * inner);
      context.lineTo(size / 2 + Math.cos(angle) * outer, size / 2 + Math.sin(angle) * outer);
      context.stroke();
    }
  }

  /** You above the line, the model below it, now at the end; an interruption is a stroke across. */
  #drawLine() {
    const canvas = this.#line;
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    if (this.#motion.matches || !width) return;
    const unit = width / canvas.clientWidth;
    const middle = height / 2;
    const reach = middle - 3 * unit;
    const step = BAR_PX * unit;
    const thick = 2 * unit;
    const count = Math.min(this.#bars.length, Math.floor(width / step));
    for (let index = 0; index < count; index += 1) {
      const { you, them, cut } = this.#bars[this.#bars.length - 1 - index];
      const x = width - (index + 1) * step;
      context.globalAlpha = Math.min(1, (x / width) * 2.2 + 0.08);
      if (you > 0.04) {
        const high = Math.max(thick, Math.pow(you, 1.3) * reach);
        context.fillStyle = this.#colours.you;
        context.fillRect(x, middle - high, thick, high);
      }
      if (them > 0.04) {
        const deep = Math.max(thick, Math.pow(them, 1.3) * reach);
        context.fillStyle = this.#colours.them;
        context.fillRect(x, middle, thick, deep);
      }
      if (cut) {
        context.fillStyle = this.#colours.ink;
        context.fillRect(x + step / 2, middle - reach, unit, reach * 2);
      }
    }
    context.globalAlpha = 1;
  }
}

function levelWords(db) {
  if (db < -72) return "No sound";
  if (db < -52) return "Quiet room";
  if (db < -34) return "Soft";
  if (db < -8) return "Good";
  return "Very loud";
}
