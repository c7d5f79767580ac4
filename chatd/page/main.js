/** The page: opens the database, finds who leads among the windows, and shows the chat. */

import { Leader } from "./io/leader.js";
import { Store } from "./io/store.js";
import { Tab } from "./io/tabs.js";
import { App } from "./ui/app.js";
import { Client } from "./ui/client.js";
import { shortcut } from "./ui/keys.js";
import { html, render } from "./vendor/htm-preact.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const url = new URL("ws", document.baseURI);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

const store = await Store.open();
/** @type {Leader} */
const leader = new Leader(url.href, store, (told) => tab.tell(told), () => client.snapshot());
/** @type {Tab} */
const tab = new Tab(() => leader.begin(), (method, ...args) => leader.answer(method, ...args), (told) => client.hear(told));
/** @type {Client} */
const client = new Client(tab, store.shelf, draw);

let drawing = false;

/** Draws, once for all that changes until then. */
function draw() {
  if (drawing) return;
  drawing = true;
  const now = () => {
    drawing = false;
    render(html`<${App} client=${client} />`, root);
  };
  if (document.hidden) setTimeout(now, 0);
  else requestAnimationFrame(now);
}

const hurry = () => tab.call("hurry").catch(() => {});
for (const event of ["online", "pageshow", "focus"]) addEventListener(event, hurry);
document.addEventListener("resume", hurry);
for (const event of ["dragover", "drop"]) addEventListener(event, stay);
addEventListener("keydown", (event) => shortcut(client, event));
document.addEventListener("visibilitychange", () => client.attention.looked());
for (const event of ["focus", "blur"]) addEventListener(event, () => client.attention.looked());
navigator.serviceWorker?.addEventListener("message", ({ data }) => client.open(data.open));
if ("serviceWorker" in navigator) navigator.serviceWorker.register(workerUrl()).catch(() => {});

/**
 * Does not let files that are dropped beside a log take the place of the page.
 * @param {Event} event
 */
function stay(event) {
  if (/** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files")) event.preventDefault();
}

/** Returns the address of the service worker, as browsers want it that trust no other one. */
function workerUrl() {
  const name = "worker.js", { trustedTypes } = /** @type {any} */ (window);
  return trustedTypes ? trustedTypes.createPolicy("chatd", { createScriptURL: () => name }).createScriptURL(name) : name;
}

tab.start();
await client.begin();
draw();
