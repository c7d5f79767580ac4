/** Problems for which a link is given up. */

/** The server left out events. */
export class HoleError extends Error {}

/** The server's answers do not fit what was sent. */
export class OutOfStepError extends Error {}
