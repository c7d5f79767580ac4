/**
 * Markup: a text as pieces to be shown, never as HTML.
 *
 * Code between backticks, blocks between lines of three, *strong*, _emphasized_, links of allowed schemes. What
 * makes no sense is text. Pieces are {kind, text} with kinds text, code, block, strong, em, link, mention.
 */

/** @typedef {{kind: string, text: string, href?: string, me?: boolean}} Piece */

const FENCE = /```[^\n`]*\n([\s\S]*?)(?:\n```|$)/g;
const INLINE = /(`[^`\n]+`)|(\bhttps?:\/\/[^\s<>"]+)|(?<![\p{L}\p{N}_*])\*([^\s*](?:[^*\n]*[^\s*])?)\*(?![\p{L}\p{N}_*])|(?<![\p{L}\p{N}_])_([^\s_](?:[^_\n]*[^\s_])?)_(?![\p{L}\p{N}_])|(@[\p{L}\p{N}_.\-]+)/gu;

/** Signs at the end of a link that belong to the sentence around it. */
const TAIL = /[.,;:!?'")\]}]+$/;

/**
 * Returns the pieces of text.
 * @param {string} text
 * @param {Set<string>} mentioned nicks that the server found, in lower case
 * @param {string} me
 * @returns {Piece[]}
 */
export function pieces(text, mentioned = new Set(), me = "") {
  /** @type {Piece[]} */ const found = [];
  let at = 0;
  for (const fence of text.matchAll(FENCE)) {
    inline(text.slice(at, fence.index), mentioned, me, found);
    found.push({ kind: "block", text: fence[1] });
    at = (fence.index ?? 0) + fence[0].length;
  }
  inline(text.slice(at), mentioned, me, found);
  return found;
}

/**
 * @param {string} text
 * @param {Set<string>} mentioned
 * @param {string} me
 * @param {Piece[]} found
 */
function inline(text, mentioned, me, found) {
  let at = 0;
  const push = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to > from) found.push({ kind: "text", text: text.slice(from, to) });
  };
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, link, strong, em, mention] = match, index = match.index ?? 0;
    const piece = pieceOf(code, link, strong, em, mention, mentioned, me);
    if (piece === null) continue;
    push(at, index);
    found.push(piece);
    at = index + (piece.kind === "link" || piece.kind === "mention" ? piece.text.length : whole.length);
  }
  push(at, text.length);
}

/**
 * @returns {Piece | null}
 * @param {string} code
 * @param {string} link
 * @param {string} strong
 * @param {string} em
 * @param {string} mention
 * @param {Set<string>} mentioned
 * @param {string} me
 */
function pieceOf(code, link, strong, em, mention, mentioned, me) {
  if (code) return { kind: "code", text: code.slice(1, -1) };
  if (link) {
    const text = link.replace(TAIL, (tail) => (tail.startsWith(")") && link.includes("(") ? ")" : ""));
    return { kind: "link", text, href: text };
  }
  if (strong) return { kind: "strong", text: strong };
  if (em) return { kind: "em", text: em };
  const nick = mention.slice(1).replace(/[.\-]+$/, ""), folded = nick.toLowerCase();
  if (!mentioned.has(folded) && !(folded === "room" && mentioned.has("*"))) return null;
  return { kind: "mention", text: `@${nick}`, me: folded === me.toLowerCase() || folded === "room" };
}
