/**
 * Pictures: of which kind bytes are, and how large what they hold becomes, told from their heads before anything is
 * decoded. The word of whoever sent them counts for nothing.
 */

/** @typedef {{kind: string, width: number, height: number}} Picture kind is the media type */

/** Bytes of a picture that is shown without being asked for. */
export const SHOWN = 10_000_000;

/** Pixels that are decoded at the most, and along one side. */
const PIXELS = 40_000_000, SIDE = 20_000;

/**
 * Returns what picture bytes are; null for what is none, or too large.
 * @param {Uint8Array} bytes
 * @returns {Picture | null}
 */
export function pictureOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const found = png(view) ?? gif(view) ?? jpeg(view) ?? webp(view);
    return found && found.width > 0 && found.height > 0 && Math.max(found.width, found.height) <= SIDE && found.width * found.height <= PIXELS ? found : null;
  } catch (error) {
    if (error instanceof RangeError) return null; // it is cut short
    throw error;
  }
}

/**
 * Returns whether text stands at a place.
 * @param {DataView} view
 * @param {number} at
 * @param {string} text
 */
function stands(view, at, text) {
  return [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}

/**
 * @param {DataView} view
 * @returns {Picture | null}
 */
function png(view) {
  if (!stands(view, 0, "\x89PNG\r\n\x1a\n") || !stands(view, 12, "IHDR")) return null;
  return { kind: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
}

/**
 * A first frame that reaches beyond the screen makes that larger.
 * @param {DataView} view
 * @returns {Picture | null}
 */
function gif(view) {
  if (!stands(view, 0, "GIF87a") && !stands(view, 0, "GIF89a")) return null;
  const flags = view.getUint8(10);
  let width = view.getUint16(6, true), height = view.getUint16(8, true), at = 13 + (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  while (view.getUint8(at) === 0x21) for (at += 2; ; ) {
    const size = view.getUint8(at);
    at += size + 1;
    if (!size) break;
  }
  if (view.getUint8(at) !== 0x2c) return null;
  width = Math.max(width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true));
  height = Math.max(height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true));
  return { kind: "image/gif", width, height };
}

/**
 * @param {DataView} view
 * @returns {Picture | null}
 */
function jpeg(view) {
  if (view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at++;
    const marker = view.getUint16(at);
    if (marker < 0xffc0 || marker === 0xffda || marker === 0xffd9) return null;
    if (marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) return { kind: "image/jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
  }
}

/**
 * @param {DataView} view
 * @returns {Picture | null}
 */
function webp(view) {
  if (!stands(view, 0, "RIFF") || !stands(view, 8, "WEBP")) return null;
  const kind = "image/webp";
  if (stands(view, 12, "VP8X")) return { kind, width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(27, true) >>> 0 & 0xffffff) };
  if (stands(view, 12, "VP8L") && view.getUint8(20) === 0x2f) {
    const sides = view.getUint32(21, true);
    return { kind, width: 1 + (sides & 0x3fff), height: 1 + ((sides >>> 14) & 0x3fff) };
  }
  if (!stands(view, 12, "VP8 ") || view.getUint8(23) !== 0x9d || view.getUint16(24) !== 0x012a) return null;
  return { kind, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}
