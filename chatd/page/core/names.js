/** Names: when two of them are the same (docs/PROTOCOL.md, "Names"). */

const JOINERS = /[\u200c\u200d]/g;

/** Letters that change when their case changes, and that case folding leaves as they are. */
const KEPT = new Set(["\u0131"]);

/**
 * Returns the comparison form of name: two names are the same where theirs are equal.
 * @param {string} name
 */
export function fold(name) {
  const shown = name.replace(JOINERS, "").normalize("NFKC");
  return Array.from(shown, foldLetter).join("").normalize("NFKC");
}

/** @param {string} letter */
function foldLetter(letter) {
  if (KEPT.has(letter)) return letter;
  if (letter >= "\u13a0" && letter <= "\u13fd") return letter.toUpperCase(); // Cherokee folds to its capitals
  if (letter >= "\uab70" && letter <= "\uabbf") return letter.toUpperCase();
  return letter.toLowerCase().toUpperCase().toLowerCase();
}
