/** Preferences: how this browser shows the chat; all its windows have the same. */

const KEY = "chatd";

/** What may be chosen, the usual choice first. */
export const CHOICES = Object.freeze(/** @type {Record<string, string[]>} */ ({
  theme: ["system", "light", "dark"],
  size: ["normal", "small", "large", "larger"],
  send: ["enter", "ctrl"],
  direct: ["yes", "no"],
  mentions: ["yes", "no"],
  threads: ["yes", "no"],
  all: ["no", "yes"],
}));

/** @typedef {Record<string, string>} Chosen */

/**
 * Returns what text says is chosen; what makes no sense is as usual.
 * @param {string | null} text
 * @returns {Chosen}
 */
export function parse(text) {
  let kept = {};
  try {
    kept = Object(JSON.parse(text ?? "{}"));
  } catch {
    // as if nothing were kept
  }
  return Object.fromEntries(Object.entries(CHOICES).map(([name, choices]) => [name, choices.includes(/** @type {any} */ (kept)[name]) ? /** @type {any} */ (kept)[name] : choices[0]]));
}

/** What is chosen, as the browser keeps it. */
export class Preferences {
  /** @type {Chosen} */ chosen;
  #storage;

  /**
   * @param {Storage} storage
   * @param {() => void} changed
   */
  constructor(storage, changed) {
    this.#storage = storage;
    this.chosen = parse(storage.getItem(KEY));
    addEventListener("storage", ({ key }) => {
      if (key !== null && key !== KEY) return;
      this.chosen = parse(storage.getItem(KEY));
      this.apply();
      changed();
    });
    this.apply();
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  choose(name, value) {
    this.chosen = parse(JSON.stringify({ ...this.chosen, [name]: value }));
    this.#storage.setItem(KEY, JSON.stringify(this.chosen));
    this.apply();
  }

  /** Lets the page look as was chosen. */
  apply() {
    const { theme, size } = this.chosen;
    Object.assign(document.documentElement.dataset, { theme, size });
  }
}
