/** A text with its markup, as elements; never as HTML. */

import { html } from "../vendor/htm-preact.js";
import { pieces } from "./markup.js";

/** @param {{text: string, mentioned: Set<string>, me: string}} props */
export function Text({ text, mentioned, me }) {
  return pieces(text, mentioned, me).map(({ kind, text: part, href, me: mine }) => {
    if (kind === "block") return html`<pre><code>${part}</code></pre>`;
    if (kind === "code") return html`<code>${part}</code>`;
    if (kind === "strong") return html`<strong>${part}</strong>`;
    if (kind === "em") return html`<em>${part}</em>`;
    if (kind === "link") return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${part}</a>`;
    if (kind === "mention") return html`<span class=${`mention ${mine ? "me" : ""}`}>${part}</span>`;
    return part;
  });
}
