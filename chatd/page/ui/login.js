/** How somebody comes in: by a name, or by an account. */

import { html, useState } from "../vendor/htm-preact.js";

/** @typedef {import("./client.js").Client} Client */

/** @param {{client: Client}} props */
export function Login({ client }) {
  const [registers, register] = useState(false), [busy, wait] = useState(false);
  const why = client.stopped?.text || client.note;
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const nick = String(form.get("nick")).trim(), password = String(form.get("password"));
    if (!nick) return;
    wait(true);
    await client.attempt(() => client.login(nick, password ? { password, register: registers, invite: String(form.get("invite") ?? "") } : null));
    wait(false);
  };
  return html`
    <main class="login">
      <form onSubmit=${submit}>
        <h1>chatd</h1>
        ${why && html`<p class="error" role="alert">${why}</p>`}
        <label>Name <input name="nick" autocomplete="username" required maxlength="32" autofocus defaultValue=${client.chat.nick} /></label>
        <label>Password <small>(for an account; guests leave it empty)</small>
          <input name="password" type="password" autocomplete=${registers ? "new-password" : "current-password"} /></label>
        <label class="check"><input type="checkbox" checked=${registers} onChange=${(/** @type {any} */ e) => register(e.target.checked)} /> Make this account now</label>
        ${registers && html`<label>Invitation <small>(if you have one)</small> <input name="invite" autocomplete="off" /></label>`}
        <button disabled=${busy}>Come in</button>
      </form>
    </main>
  `;
}
