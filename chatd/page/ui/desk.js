/** The desk: files as a window has them, from those that are chosen to pictures that are shown. */

import { toldMedia, toldName } from "../core/filename.js";
import { pictureOf, SHOWN } from "../core/picture.js";
import { digest } from "../io/downloads.js";
import { size } from "./words.js";

/** @typedef {import("../io/files.js").Going} Going */
/** @typedef {import("../io/files.js").Coming} Coming */
/** @typedef {{room: string, seq: number, file: import("../core/wire.js").File}} Posted */

/** Bytes of a file that a browser sends or receives: it is held in memory once, to be verified. */
const LARGEST = 100_000_000;

/** Bytes, and files, that wait to be sent. */
const WAITING = 500_000_000, MANY = 50;

/** The share of what the browser has room for that may be filled. */
const SHARE = 0.8;

/** Kinds of files that may be pictures; whether they are, their bytes tell. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Pixels along one side of what is shown, and of a picture that may move. */
const SIDE = 960, MOVES = 1_000_000;

/** Pictures that are kept to be shown again. */
const KEPT = 100;

/** Milliseconds for which an address of bytes holds. */
const HOLDS = 60_000;

/** @typedef {{url: string, width: number, height: number}} Shown */

/** The files of one window. */
export class Desk {
  /** @type {Going[]} */ sent = [];
  /** @type {Map<string, Coming>} */ wanted = new Map();
  /** @type {number | null} bytes that the server takes at the most, null while that is not known */ largest = null;
  /** @type {Map<string, Shown | null>} by SHA-256; null: that is no picture which could be shown */ #pictures = new Map();
  /** @type {Set<string>} */ #looking = new Set();
  #shelf;
  #tab;
  #note;
  #changed;
  /** @type {Promise<void>} */ #last = Promise.resolve();

  /**
   * @param {import("../io/shelf.js").Shelf} shelf
   * @param {import("../io/tabs.js").Tab} tab
   * @param {(sentence: string) => void} note says what went wrong
   * @param {() => void} changed
   */
  constructor(shelf, tab, note, changed) {
    this.#shelf = shelf;
    this.#tab = tab;
    this.#note = note;
    this.#changed = changed;
  }

  /**
   * Takes in how large files may be, and how far they are if the leader tells that.
   * @param {number | null} largest
   * @param {{sent: Going[], wanted: Coming[]} | null | undefined} files
   */
  adopt(largest, files) {
    this.largest = largest ?? this.largest;
    if (files === undefined) return;
    this.sent = files?.sent ?? [];
    this.wanted = new Map((files?.wanted ?? []).map((one) => [one.sha256, one]));
  }

  // ---- what is sent -------------------------------------------------------------------------------

  /**
   * Sends files to room, in their order and behind those that were chosen before.
   * @param {string} room
   * @param {number} ref the event that they reply to, 0 for none
   * @param {Iterable<File>} files
   */
  attach(room, ref, files) {
    for (const file of [...files]) this.#last = this.#last.then(() => this.#try(() => this.#attach(room, ref, file)));
  }

  /**
   * @param {string} room
   * @param {number} ref
   * @param {File} file
   */
  async #attach(room, ref, file) {
    const name = toldName(file.name), most = Math.min(LARGEST, this.largest ?? LARGEST), waiting = this.sent.reduce((sum, one) => sum + one.size, 0);
    if (this.largest === 0) throw new Error("This server takes no files.");
    if (file.size > most) throw new Error(`${name} has more than ${size(most)}, the most that ${most < LARGEST ? "this server takes" : "a browser sends; chatc put takes more"}.`);
    if (this.sent.length >= MANY || waiting + file.size > WAITING) throw new Error(`${name} is not sent: too much waits to be sent already; choose it again later.`);
    const { quota = Infinity, usage = 0 } = await navigator.storage.estimate().catch(() => /** @type {StorageEstimate} */ ({}));
    const noRoom = new Error(`This browser has no room to keep ${name} until it is sent; make room on the disk, then choose it again.`);
    if (usage + file.size > quota * SHARE) throw noRoom;
    let bytes;
    try {
      bytes = await file.arrayBuffer();
    } catch {
      throw new Error(`${name} cannot be read; a folder has to be packed into one file first.`);
    }
    const told = { name, size: bytes.byteLength, sha256: await digest(bytes), media: toldMedia(file.type) };
    const id = await this.#shelf.keep({ room, text: "", ref, file: told, key: 0 }, new Blob([bytes])).catch(() => Promise.reject(noRoom));
    await this.#tab.insist("upload", id);
  }

  /** @param {number} id */
  retry(id) {
    return this.#try(() => this.#tab.insist("retry", id));
  }

  /** @param {number} id */
  giveUp(id) {
    return this.#try(() => this.#tab.insist("giveUp", id));
  }

  // ---- what is received ---------------------------------------------------------------------------

  /**
   * Saves a file where the browser puts what it downloads.
   * @param {Posted} posted
   */
  save(posted) {
    return this.#try(async () => {
      const bytes = await this.#bytes(posted, true), link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
      link.download = posted.file.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), HOLDS);
    });
  }

  /**
   * Returns the bytes of a file.
   * @param {Posted} posted
   * @param {boolean} first somebody waits for it
   */
  async #bytes({ room, seq, file }, first) {
    if (file.size > LARGEST) throw new Error(`${file.name} is too large for a browser; chatc get ${room} ${seq} brings it.`);
    for (;;) {
      await this.#tab.insist("get", room, seq, file, first);
      const content = await this.#shelf.content(file.sha256), blob = await this.#shelf.blob(file.sha256);
      if (content?.whole && blob.size === file.size) return blob; // else it had to make room at once
    }
  }

  // ---- pictures -----------------------------------------------------------------------------------

  /**
   * Returns whether a file may be a picture that is shown by itself.
   * @param {import("../core/wire.js").File} file
   */
  mayShow({ media = "", size: bytes, sha256 }) {
    return PICTURES.has(media) && bytes <= SHOWN && this.#pictures.get(sha256) !== null;
  }

  /**
   * Returns a picture, if it is here.
   * @param {string} sha256
   */
  picture(sha256) {
    return this.#pictures.get(sha256) ?? null;
  }

  /**
   * Has a picture brought here: somebody could see it now.
   * @param {Posted} posted
   */
  async look(posted) {
    const { sha256 } = posted.file;
    if (this.#looking.has(sha256) || this.#pictures.has(sha256)) return;
    this.#looking.add(sha256);
    try {
      this.#show(sha256, await drawn(await this.#bytes(posted, false)));
    } catch {
      this.#show(sha256, null); // it can still be saved, which tells why not
    }
    this.#looking.delete(sha256);
    this.#changed();
  }

  /**
   * @param {string} sha256
   * @param {Shown | null} shown
   */
  #show(sha256, shown) {
    this.#pictures.set(sha256, shown);
    if (this.#pictures.size <= KEPT) return;
    const [[oldest, gone]] = this.#pictures;
    this.#pictures.delete(oldest);
    if (gone) URL.revokeObjectURL(gone.url);
  }

  /**
   * Lets go of what was posted by events that are removed, as far as they are loaded.
   * @param {import("../core/output.js").Notice} notice
   * @param {import("./chat.js").Chat} chat
   */
  hear({ what, event }, chat) {
    if (what !== "event" || event.kind !== "remove") return;
    for (const seq of event.refs?.length ? event.refs : [event.ref]) {
      const sha256 = chat.rooms.get(event.room)?.item(seq)?.file?.sha256;
      if (!sha256) continue;
      const shown = this.#pictures.get(sha256);
      if (shown) URL.revokeObjectURL(shown.url);
      this.#pictures.delete(sha256);
      this.#shelf.discard(sha256).catch(() => {});
    }
  }

  /** Lets go of everything. */
  forget() {
    this.adopt(null, null);
    for (const shown of this.#pictures.values()) if (shown) URL.revokeObjectURL(shown.url);
    this.#pictures.clear();
  }

  /** @param {() => Promise<any>} what */
  async #try(what) {
    try {
      await what();
    } catch (error) {
      this.#note(String(/** @type {Error} */ (error).message));
    }
  }
}

/**
 * Returns bytes as a picture of bounded size; null where they are none. Nothing is decoded before its size is known.
 * @param {Blob} blob
 * @returns {Promise<Shown | null>}
 */
async function drawn(blob) {
  const found = pictureOf(new Uint8Array(await blob.arrayBuffer()));
  if (!found) return null;
  const { kind, width, height } = found, typed = new Blob([blob], { type: kind });
  const share = Math.min(1, SIDE / Math.max(width, height)), moves = kind === "image/gif" && width * height <= MOVES;
  const resizeWidth = Math.max(1, Math.round(width * share)), resizeHeight = Math.max(1, Math.round(height * share));
  const bitmap = await createImageBitmap(typed, share < 1 ? { resizeQuality: "medium", ...(width > height ? { resizeWidth } : { resizeHeight }) } : {});
  const shown = { width: bitmap.width, height: bitmap.height };
  const canvas = Object.assign(document.createElement("canvas"), shown);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  /** @type {Blob | null} */ const small = moves ? typed : await new Promise((resolve) => canvas.toBlob(resolve, kind === "image/jpeg" ? kind : "image/png"));
  return small && { url: URL.createObjectURL(small), ...shown };
}
