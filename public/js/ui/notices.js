/** Trouble cards (one at a time, with one action) and small notices above the bar. */

export class Notices {
  #troubles;
  #notices;
  #templates;
  #act;
  #shown = null;
  #dismissed = new Set();

  /**
   * @param {HTMLElement} container holds `.troubles` (role alert) and `.notices` (role status)
   * @param {{trouble: HTMLTemplateElement, notice: HTMLTemplateElement}} templates
   * @param {(action: string) => void} act
   */
  constructor(container, templates, act) {
    this.#troubles = container.querySelector(".troubles");
    this.#notices = container.querySelector(".notices");
    this.#templates = templates;
    this.#act = act;
  }

  /**
   * @param {import("../errors.js").Trouble|null} trouble
   * @param {{key: string, level: string, message: string}[]} notices
   */
  render(trouble, notices) {
    if (trouble !== this.#shown) {
      this.#shown = trouble;
      this.#troubles.replaceChildren(...(trouble ? [this.#card(trouble)] : []));
    }
    const wanted = notices.filter(({ key }) => !this.#dismissed.has(key)).slice(-2);
    for (const node of [...this.#notices.children]) {
      if (!wanted.some(({ key }) => key === node.dataset.key)) node.remove();
    }
    for (const notice of wanted) {
      const old = [...this.#notices.children].find((node) => node.dataset.key === notice.key);
      const node = old ?? this.#notice(notice);
      const words = node.querySelector("p");
      if (words.textContent !== notice.message) words.textContent = notice.message;
      if (!old) this.#notices.append(node);
    }
  }

  #card({ code, title, text, label, action }) {
    const card = this.#templates.trouble.content.cloneNode(true).firstElementChild;
    card.dataset.code = code;
    card.querySelector(".trouble-title").textContent = title;
    card.querySelector(".trouble-text").textContent = text;
    const button = card.querySelector(".trouble-action");
    button.hidden = !action;
    button.textContent = label ?? "";
    button.addEventListener("click", () => this.#act(action));
    return card;
  }

  #notice({ key, level }) {
    const node = this.#templates.notice.content.cloneNode(true).firstElementChild;
    node.dataset.key = key;
    node.dataset.level = level;
    node.querySelector("button").addEventListener("click", () => {
      this.#dismissed.add(key);
      node.remove();
    });
    return node;
  }
}
