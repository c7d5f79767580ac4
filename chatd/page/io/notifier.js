/**
 * The notifier: shows notices as the browser does, if it may. The window that leads shows them, so that each comes
 * once; none is shown of a room that some window is looked at with, which holds a lock as long as it is.
 */

/** @typedef {import("../ui/notices.js").Notice} Notice */

/** @param {string} room */
const lockOf = (room) => `looks at ${room}`;

/** Shows and takes back notices, and lets the other windows know what this one is looked at with. */
export class Notifier {
  #looked = "";
  /** @type {() => void} */ #release = () => {};

  /** What the browser lets us do: granted, denied, default, or "" where it cannot. */
  get permission() {
    return "Notification" in window ? Notification.permission : "";
  }

  /** Asks for permission; only ever at a click. */
  async ask() {
    await Notification.requestPermission();
  }

  /**
   * Notes that this window is looked at with room, "" for none.
   * @param {string} room
   */
  looksAt(room) {
    if (room === this.#looked) return;
    this.#looked = room;
    this.#release();
    const over = new Promise((release) => (this.#release = () => release(null)));
    if (room) navigator.locks.request(lockOf(room), { mode: "shared" }, () => over);
  }

  /**
   * Shows a notice, in the place of an earlier one of its room.
   * @param {Notice} notice
   */
  async show({ room, seq, title, body }) {
    if (this.permission !== "granted" || (await this.#isLookedAt(room))) return;
    const registration = await navigator.serviceWorker?.getRegistration();
    const options = { body, tag: room, renotify: true, icon: "icon.svg", data: { room, seq } };
    if (!registration?.active) {
      new Notification(title, options).onclick = () => window.focus();
      return;
    }
    const before = await registration.getNotifications({ tag: room });
    if (!before.some(({ data }) => data?.seq >= seq)) await registration.showNotification(title, options);
  }

  /**
   * Takes back the notice of a room that was read.
   * @param {string} room
   */
  async read(room) {
    if (this.permission !== "granted") return;
    const registration = await navigator.serviceWorker?.getRegistration();
    for (const one of (await registration?.getNotifications({ tag: room })) ?? []) one.close();
  }

  /** @param {string} room */
  async #isLookedAt(room) {
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name }) => name === lockOf(room));
  }
}
