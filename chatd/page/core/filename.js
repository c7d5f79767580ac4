/** Names of files: what a file is called for others (docs/PROTOCOL.md, "Names of files"). */

/** Bytes of a name, and of its ending where that is kept when the name is shortened. */
const MOST = 255, ENDING = 31;

/** What the server refuses in a name. */
const REFUSED = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff/\\]/gu;

/** A media type (RFC 6838 section 4.2). */
const MEDIA = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$/;

/**
 * Returns what a file is called for others: what the server would refuse becomes "_".
 * @param {string} name
 */
export function toldName(name) {
  const told = name.replace(REFUSED, "_");
  return ["", ".", ".."].includes(told) ? "file" : shortened(told);
}

/**
 * Returns the media type that others are told.
 * @param {string} type as the browser has it, with parameters maybe
 */
export function toldMedia(type) {
  const media = type.split(";")[0].trim();
  return media.length <= 127 && MEDIA.test(media) ? media : "application/octet-stream";
}

/**
 * Returns name in no more bytes than a name may have, with its ending where it has a short one.
 * @param {string} name
 */
function shortened(name) {
  const bytes = new TextEncoder().encode(name), dot = name.lastIndexOf(".");
  if (bytes.length <= MOST) return name;
  const after = new TextEncoder().encode(name.slice(dot + 1)).length, ending = dot > 0 && after <= ENDING ? name.slice(dot) : "";
  const room = MOST - (ending ? after + 1 : 0);
  let head = "", used = 0;
  for (const letter of name) {
    used += new TextEncoder().encode(letter).length;
    if (used > room) break;
    head += letter;
  }
  return head + ending;
}
