/**
 * Tabs: all windows of a browser are one session. One of them, the leader, holds the connection; what the others
 * want goes to it, and what it hears comes to all. When it is closed another one takes its place.
 */

const LOCK = "chatd", CHANNEL = "chatd";

/** Milliseconds between a follower's calls for what the leader knows, until it answers. */
const CALL = 500;

/** Another window that led was closed before it answered. */
class Orphaned extends Error {}

/** One window's end. Until it leads, what is asked of it goes to the leader. */
export class Tab {
  #channel = new BroadcastChannel(CHANNEL);
  /** @type {Map<string, {resolve: (value: any) => void, reject: (why: Error) => void}>} */ #asked = new Map();
  #leads = false;
  #lead;
  #answer;
  #hear;
  #count = 0;
  #me = crypto.randomUUID();

  /**
   * @param {() => Promise<void>} lead begins to lead
   * @param {(method: string, ...args: any[]) => Promise<any>} answer does what a window wants; once this one leads
   * @param {(told: any) => void} hear is told what the leader tells to all
   */
  constructor(lead, answer, hear) {
    this.#lead = lead;
    this.#answer = answer;
    this.#hear = hear;
  }

  /** Whether this window leads. */
  get leads() {
    return this.#leads;
  }

  /** Waits to lead, and listens. */
  start() {
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    navigator.locks.request(LOCK, async () => {
      await this.#lead();
      this.#leads = true;
      this.#orphan();
      this.#channel.postMessage({ kind: "leads" });
      await new Promise(() => {}); // until the window is closed
    });
  }

  /**
   * Tells all windows, this one too.
   * @param {any} told
   */
  tell(told) {
    this.#channel.postMessage({ kind: "told", told });
    this.#hear(told);
  }

  /**
   * Returns what the leader answers to a call; fails with Orphaned if it is closed before it does.
   * @param {string} method
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  async call(method, ...args) {
    if (this.#leads) return this.#answer(method, ...args);
    const id = `${this.#me} ${++this.#count}`;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#channel.postMessage({ kind: "call", id, method, args });
    });
  }

  /**
   * Returns what a leader answers to a call, whichever window is closed meanwhile: for what may be asked twice.
   * @param {string} method
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  async insist(method, ...args) {
    for (;;) {
      try {
        return await this.call(method, ...args);
      } catch (error) {
        if (!(error instanceof Orphaned)) throw error;
        await this.find("snapshot");
      }
    }
  }

  /**
   * Calls until a leader answers: for what may be asked twice.
   * @param {string} method
   * @returns {Promise<any>}
   */
  async find(method) {
    for (;;) {
      const late = new Promise((resolve) => setTimeout(resolve, CALL, null));
      const found = await Promise.race([this.call(method).catch(() => null), late]);
      if (found !== null) return found;
    }
  }

  /** Gives up what the leader before was asked. */
  #orphan() {
    for (const { reject } of this.#asked.values()) reject(new Orphaned("The window that held the connection was closed; look whether it was done."));
    this.#asked.clear();
  }

  /** @param {any} data */
  async #heard(data) {
    if (data.kind === "told") this.#hear(data.told);
    else if (data.kind === "leads") {
      this.#orphan();
      this.#hear({ what: "leads" });
    } else if (data.kind === "call" && this.#leads) this.#answered(data);
    else if (data.kind === "answer") {
      const asked = this.#asked.get(data.id);
      this.#asked.delete(data.id);
      if (data.message === undefined) asked?.resolve(data.value);
      else asked?.reject(Object.assign(new Error(data.message), { code: data.code }));
    }
  }

  /** @param {{id: string, method: string, args: any[]}} call */
  async #answered({ id, method, args }) {
    try {
      this.#channel.postMessage({ kind: "answer", id, value: await this.#answer(method, ...args) });
    } catch (error) {
      const { message, code = "" } = /** @type {any} */ (error);
      this.#channel.postMessage({ kind: "answer", id, message, code });
    }
  }
}
