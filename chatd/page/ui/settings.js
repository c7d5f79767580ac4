/** Settings: how this browser shows the chat, and what belongs to the account. */

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { ask, Dialog } from "./dialog.js";
import { CHOICES } from "./preferences.js";

/** @typedef {import("./client.js").Client} Client */

/** What each setting is called, and its choices. */
const LOOKS = /** @type {[string, string, Record<string, string>][]} */ ([
  ["theme", "Colours", { system: "as the system", light: "light", dark: "dark" }],
  ["size", "Size of text", { small: "small", normal: "normal", large: "large", larger: "larger" }],
  ["send", "Send with", { enter: "Enter (Shift and Enter: a new line)", ctrl: "Ctrl and Enter" }],
]);

const NOTICES = /** @type {[string, string][]} */ ([["direct", "direct messages"], ["mentions", "mentions of me"], ["threads", "replies in threads that I follow"], ["all", "everything else"]]);

/** @param {{client: Client}} props */
export function Settings({ client }) {
  const { prefs, attention: { notifier }, me } = client, [, again] = useState({});
  const choose = (/** @type {string} */ name, /** @type {string} */ value) => (prefs.choose(name, value), client.changed());
  const allow = async () => (await notifier.ask(), again({}));
  return html`
    <${Dialog} title="Settings" close=${() => client.show(null)}>
      <div class="settings">
        ${LOOKS.map(([name, label, words]) => html`<label key=${name}>${label}
          <select onChange=${(/** @type {any} */ event) => choose(name, event.target.value)}>${CHOICES[name].map((one) => html`<option key=${one} value=${one} selected=${prefs.chosen[name] === one}>${words[one]}</option>`)}</select></label>`)}
        <fieldset><legend>Notifications</legend>
          ${notifier.permission === "default" && html`<button onClick=${allow}>Let this browser show notifications</button>`}
          ${notifier.permission === "denied" && html`<p>This browser does not let the page show any; its own settings for this address can change that.</p>`}
          ${notifier.permission === "" && html`<p>This browser cannot show any.</p>`}
          ${NOTICES.map(([name, words]) => html`<label key=${name} class="check"><input type="checkbox" checked=${prefs.chosen[name] === "yes"} onChange=${(/** @type {any} */ event) => choose(name, event.target.checked ? "yes" : "no")} /> ${words}</label>`)}
        </fieldset>
        <${Sessions} client=${client} />
        <fieldset><legend>${me.account ? `Account ${client.chat.nick}` : `Guest ${client.chat.nick}`}</legend>
          <ul class="choices">
            ${me.account
              ? html`<li><button onClick=${() => changePassword(client)}>Change the password…</button></li><li><button onClick=${() => invite(client)}>Invite somebody to register…</button></li>`
              : html`<li><button onClick=${() => register(client)}>Keep this name as an account…</button></li>`}
            <li><button onClick=${() => signOut(client, false)}>Sign out here…</button></li>
            ${me.account && html`<li><button onClick=${() => signOut(client, true)}>Sign out everywhere…</button></li>`}
          </ul>
        </fieldset>
      </div>
    <//>
  `;
}

/**
 * The sessions of the user: the devices that are signed in.
 * @param {{client: Client}} props
 */
function Sessions({ client }) {
  const [found, list] = useState(/** @type {any[]} */ ([])), [error, tell] = useState("");
  const load = () => client.ask({ t: "sessions" }).then(({ sessions }) => list(sessions), (why) => tell(why.message));
  useEffect(() => void load(), []);
  const end = (/** @type {number} */ session) => client.ask({ t: "end", session }).then(load, (why) => tell(why.message));
  return html`
    <fieldset><legend>Where you are signed in</legend>
      ${error && html`<p class="error" role="alert">${error}</p>`}
      <ul>${found.map(({ session, software = "", label = "", address = "", ago = 0, online = false, here = false }) => html`<li key=${session}>
        <span dir="auto">${label || software || "a device"}</span> <small>${address} ${here ? "this browser" : online ? "connected" : `${since(ago)} ago`}</small>
        ${!here && html` <button aria-label=${`End the session of ${label || software}`} onClick=${() => end(session)}>end</button>`}</li>`)}</ul>
    </fieldset>
  `;
}

/**
 * Returns a length of time in words.
 * @param {number} seconds
 */
export function since(seconds) {
  const units = /** @type {[number, string][]} */ ([[86_400, "day"], [3600, "hour"], [60, "minute"]]);
  for (const [size, name] of units) {
    const count = Math.floor(seconds / size);
    if (count) return `${count} ${name}${count > 1 ? "s" : ""}`;
  }
  return "less than a minute";
}

/** @param {Client} client */
function changePassword(client) {
  ask(client, {
    title: "Change the password", yes: "Change",
    fields: [
      { name: "old", label: "The present one", kind: "password", complete: "current-password" },
      { name: "password", label: "The new one (8 characters at least)", kind: "password", required: true, complete: "new-password" },
      { name: "same", label: "The new one again", kind: "password", required: true, complete: "new-password" },
    ],
    act: async ({ old, password, same }) => {
      if (password !== same) throw new Error("The new password is not the same both times.");
      await client.ask({ t: "passwd", password, old });
    },
  });
}

/** @param {Client} client */
function register(client) {
  ask(client, {
    title: `Keep ${client.chat.nick} as an account`, text: "It stays when you sign out, and opens on other devices by its password.", yes: "Make the account",
    fields: [
      { name: "password", label: "Password (8 characters at least)", kind: "password", required: true, complete: "new-password" },
      { name: "invite", label: "Invitation (if you have one)" },
    ],
    act: async ({ password, invite: code }) => {
      await client.ask({ t: "register", password, invite: code });
      client.me.account = true; // as the leader tells with whatever it tells next
    },
  });
}

/** @param {Client} client */
function invite(client) {
  ask(client, {
    title: "Invite somebody to register", yes: "Make an invitation",
    fields: [
      { name: "uses", label: "For how many accounts", kind: "number", value: "1", max: 1000, required: true },
      { name: "days", label: "For how many days", kind: "number", value: "7", max: 365, required: true },
    ],
    act: async ({ uses, days }) => {
      const { invite: code } = await client.ask({ t: "invite", uses: Number(uses), days: Number(days) });
      client.show(Code, { code });
    },
  });
}

/** @param {{client: Client, code: string}} props */
function Code({ client, code }) {
  return html`<${Dialog} title="Invitation" close=${() => client.show(null)}><p>Give this code to whom you invite; it is shown this once.</p><p><code>${code}</code></p><//>`;
}

/**
 * @param {Client} client
 * @param {boolean} everywhere
 */
export function signOut(client, everywhere) {
  const { account } = client.me, gone = account ? "" : " As a guest you are forgotten, and your name is free.";
  ask(client, {
    title: everywhere ? "Sign out everywhere?" : "Log out?", yes: everywhere ? "Sign out everywhere" : "Log out", danger: true,
    text: `What this browser knows is forgotten, also what waits to be sent.${everywhere ? " All your other devices are signed out as well." : gone}`,
    act: () => client.forget(everywhere),
  });
}
