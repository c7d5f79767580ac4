/** Files as they are seen: posted ones with what can be done with them, and those that are on their way. */

import { html, useEffect, useRef } from "../vendor/htm-preact.js";
import { size } from "./words.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./desk.js").Posted} Posted */
/** @typedef {import("../io/files.js").Going} Going */

/** What each stage of a file that is sent means, in few words. */
const STAGES = /** @type {Record<string, string>} */ ({
  waiting: "waiting to be sent",
  offering: "waiting to be sent",
  verifying: "being checked",
  posting: "being posted",
});

/**
 * A file that was posted: the picture that it is, its name, and where to save it.
 * @param {{client: Client, posted: Posted}} props
 */
export function Attachment({ client, posted }) {
  const { file } = posted, { desk } = client, coming = desk.wanted.get(file.sha256);
  return html`
    <div class="file">
      ${desk.mayShow(file) && html`<${Picture} client=${client} posted=${posted} />`}
      <p>📎 <span dir="auto">${file.name}</span> <small>${size(file.size)}</small> <button class="link" aria-label=${`Save ${file.name}`} onClick=${() => desk.save(posted)}>save</button></p>
      ${coming && html`<progress max=${file.size || 1} value=${coming.done} aria-label=${`${file.name} comes`}></progress>`}
    </div>
  `;
}

/** @param {{client: Client, posted: Posted}} props */
function Picture({ client, posted }) {
  const place = useRef(/** @type {any} */ (null)), { desk } = client, shown = desk.picture(posted.file.sha256);
  useEffect(() => {
    if (shown) return undefined;
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && desk.look(posted), { rootMargin: "300px" });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, [!shown]);
  if (!shown) return html`<div class="picture" ref=${place}></div>`;
  return html`<img src=${shown.url} width=${shown.width} height=${shown.height} alt=${posted.file.name} />`;
}

/**
 * The files that are on their way to a room or a thread.
 * @param {{desk: import("./desk.js").Desk, files: Going[]}} props
 */
export function Going({ desk, files }) {
  return files.map(
    (one) => html`
      <div class=${`message mine ${one.stage === "failed" ? "failed" : "queued"}`} aria-live="off" key=${`u${one.id}`}>
        <p>📎 <span dir="auto">${one.name}</span> <small>${size(one.size)}</small></p>
        ${one.stage === "failed"
          ? html`<small role="alert">${one.reason}</small> <small><button class="link" aria-label=${`Send ${one.name} again`} onClick=${() => desk.retry(one.id)}>try again</button></small>`
          : html`<progress max=${one.size || 1} value=${one.done} aria-label=${`${one.name} is sent`}></progress> <small>${far(one)}</small>`}
        ${" "}<small><button class="link" aria-label=${`Do not send ${one.name}`} onClick=${() => desk.giveUp(one.id)}>${one.stage === "failed" ? "forget it" : "take back"}</button></small>
      </div>
    `,
  );
}

/** @param {Going} one */
function far({ stage, done, size: all, reason }) {
  if (reason) return `${STAGES.waiting}: ${reason}`;
  return Object.hasOwn(STAGES, stage) ? STAGES[stage] : `${Math.floor((100 * done) / (all || 1))} % sent`;
}

/**
 * Has files sent to a room or a thread, or as replies where somebody began one.
 * @param {Client} client
 * @param {import("./run.js").Run} run
 * @param {Iterable<File>} files
 */
function attach(client, run, files) {
  const { room, thread = 0 } = run.where, replying = client.within === run.mark ? client.replying : null;
  if (replying) client.replying = null;
  client.desk.attach(room, replying?.seq ?? thread, files);
  client.changed();
}

/**
 * Where files are chosen.
 * @param {{client: Client, room: import("./chat.js").Room, run: import("./run.js").Run}} props
 */
export function Chooser({ client, room, run }) {
  const field = useRef(/** @type {any} */ (null));
  const chosen = () => {
    attach(client, run, field.current.files);
    field.current.value = "";
  };
  return html`
    <input ref=${field} type="file" multiple hidden onChange=${chosen} aria-label="Files to send" tabindex="-1" />
    <button onClick=${() => field.current.click()} disabled=${room.archived} aria-label="Send files">📎</button>
  `;
}

/**
 * Returns handlers that take files which are dropped or pasted.
 * @param {Client} client
 * @param {import("./chat.js").Room} room
 * @param {import("./run.js").Run} run
 */
export function catching(client, room, run) {
  /**
   * @param {FileList | undefined} files
   * @param {Event} event
   */
  const take = (files, event) => {
    if (room.archived || !files?.length) return;
    event.preventDefault();
    attach(client, run, files);
  };
  return {
    onDragOver: (/** @type {DragEvent} */ event) => room.archived || !event.dataTransfer?.types.includes("Files") || event.preventDefault(),
    onDrop: (/** @type {DragEvent} */ event) => take(event.dataTransfer?.files, event),
    onPaste: (/** @type {ClipboardEvent} */ event) => event.clipboardData?.types.includes("text/plain") || take(event.clipboardData?.files, event),
  };
}
