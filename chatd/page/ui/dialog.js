/** Dialogs: what stands before all else until it is answered; Escape closes it, and the focus goes back. */

import { html, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";

/** @typedef {import("./client.js").Client} Client */

/**
 * One thing that is asked for; a choice has options, pairs of value and words.
 * @typedef {{name: string, label: string, kind?: "text" | "password" | "lines" | "choice" | "number", value?: string, options?: [string, string][], required?: boolean, complete?: string, max?: number}} Field
 */

/** @param {{title: string, close: () => void, children?: any}} props */
export function Dialog({ title, close, children }) {
  const box = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    const { current } = box;
    current.showModal();
    return () => current.close(); // the focus goes back to where it was
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  };
  return html`
    <dialog ref=${box} aria-label=${title} onCancel=${cancel} onClick=${(/** @type {any} */ event) => event.target === box.current && close()} onKeyDown=${among}>
      <div class="inside">
        <header><h2 dir="auto">${title}</h2><button type="button" class="quiet" aria-label="Close" onClick=${close}>✕</button></header>
        ${children}
      </div>
    </dialog>
  `;
}

/**
 * What is asked for, and what is done with it.
 * @typedef {{title: string, text?: string, fields?: Field[], yes: string, danger?: boolean, act: (values: Record<string, string>) => any}} Question
 */

/**
 * Asks for some things and does what is to be done with them; what is refused is said, and can be tried again.
 * @param {Client} client
 * @param {Question} question
 */
export function ask(client, question) {
  client.show(Form, question);
}

/** @param {{client: Client} & Question} props */
function Form({ client, title, text = "", fields = [], yes, danger = false, act }) {
  const [error, tell] = useState(""), [busy, wait] = useState(false), mine = useRef(client.dialog);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(/** @type {HTMLFormElement} */ (event.target))].map(([name, value]) => [name, String(value).trim()]));
    wait(true);
    try {
      await act(values);
      if (client.dialog === mine.current) client.show(null);
    } catch (why) {
      tell(String(/** @type {Error} */ (why).message));
    }
    wait(false);
  };
  return html`
    <${Dialog} title=${title} close=${() => client.show(null)}>
      <form onSubmit=${submit}>
        ${text && html`<p dir="auto">${text}</p>`}
        ${fields.map((field) => html`<label key=${field.name}>${field.label} <${Entry} field=${field} /></label>`)}
        ${error && html`<p class="error" role="alert">${error}</p>`}
        <div class="row"><button class=${danger ? "danger" : "main"} disabled=${busy}>${yes}</button> <button type="button" onClick=${() => client.show(null)}>Cancel</button></div>
      </form>
    <//>
  `;
}

/** @param {{field: Field}} props */
function Entry({ field: { name, kind = "text", value = "", options = [], required = false, complete = "off", max } }) {
  if (kind === "choice") return html`<select name=${name}>${options.map(([one, words]) => html`<option key=${one} value=${one} selected=${one === value}>${words}</option>`)}</select>`;
  if (kind === "lines") return html`<textarea name=${name} dir="auto" rows="3" required=${required} defaultValue=${value}></textarea>`;
  return html`<input name=${name} type=${kind} dir="auto" required=${required} autocomplete=${complete} min=${kind === "number" ? 0 : undefined} max=${max} defaultValue=${value} />`;
}

/**
 * Goes among the buttons of a list by the arrow keys.
 * @param {KeyboardEvent} event
 */
export function among(event) {
  const step = /** @type {Record<string, number>} */ ({ ArrowUp: -1, ArrowDown: 1 })[event.key], on = /** @type {HTMLElement} */ (event.target);
  const list = on.closest("ul, ol, .menu");
  if (!step || !list || on.tagName !== "BUTTON") return;
  const buttons = [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("button:not(:disabled)"))], next = buttons[buttons.indexOf(on) + step];
  next?.focus();
  event.preventDefault();
}
