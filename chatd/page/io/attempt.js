/**
 * An attempt to connect: makes a WebSocket, as soon as the browser can when the network is back.
 *
 * Browsers let whoever has failed often wait before a WebSocket is made, chromium for five seconds and firefox for a minute. So
 * behind a failure a question is asked by HTTP, which knows nothing of that, and a WebSocket is made when it is answered.
 *
 * What a black hole has swallowed is repeated ever more rarely. Chromium makes a new connection for each WebSocket, and for
 * a question takes up again the one of an earlier question that was given up; the others do it the other way round. So chromium
 * makes the WebSocket anew after a while, and others ask beside it, and make it anew when the answer is there before it.
 */

/** Whether connections of questions that were given up are taken up again. */
const TAKES_UP = "userAgentData" in navigator;

/** Milliseconds between two questions, for which each may be answered, and after which a socket is made anew. */
const PAUSE = 1500, PATIENCE = 3000, ANEW = 4000;

/** Milliseconds that an attempt has. */
const LIMIT = 10_000;

/** Sockets that may be made anew, since one was open: all that were made in vain are counted by the browser, too. */
const FEW = 8;

/** Answers from here on come from a relay that does not reach the server. */
const BROKEN = 500;

/** What came of the attempts before. */
export class Past {
  /** None is made before a question is answered. */
  doubtful = false;

  /** Sockets that were made since one was open. */
  vain = 0;
}

/** Makes one WebSocket. */
export class Attempt {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {number | undefined} */ #anew;
  #over = new AbortController();
  #url;
  #past;
  #opened;
  #failed;

  /**
   * @param {string} url of the WebSocket
   * @param {Past} past
   * @param {(socket: WebSocket) => void} opened takes the socket
   * @param {() => void} failed is told that there will be none
   */
  constructor(url, past, opened, failed) {
    this.#url = url;
    this.#past = past;
    this.#opened = opened;
    this.#failed = failed;
    if (past.doubtful) this.#ask();
    else this.#make();
    const limit = setTimeout(() => (this.close(), failed()), LIMIT);
    this.#over.signal.addEventListener("abort", () => clearTimeout(limit));
    if (TAKES_UP) return;
    const asking = setInterval(() => this.#ask(), PAUSE);
    this.#over.signal.addEventListener("abort", () => clearInterval(asking));
  }

  /** Gives up, as nothing has come. */
  close() {
    this.#past.doubtful = !TAKES_UP;
    this.#end();
  }

  async #ask() {
    const before = this.#socket, asked = new AbortController(), stop = () => asked.abort();
    let late = false, answered = false;
    const patience = setTimeout(() => ((late = true), stop()), PATIENCE);
    this.#over.signal.addEventListener("abort", stop);
    try {
      answered = (await fetch(new URL("healthz", document.baseURI), { cache: "no-store", signal: asked.signal })).status < BROKEN;
    } catch {}
    clearTimeout(patience);
    this.#over.signal.removeEventListener("abort", stop);
    if (this.#over.signal.aborted || before !== this.#socket) return;
    if (answered || (late && TAKES_UP)) this.#make();
    else if (!late && !before) this.#fail();
  }

  #make() {
    this.#drop();
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onopen = () => {
      Object.assign(this.#past, new Past());
      this.#socket = null;
      this.#end();
      this.#opened(socket);
    };
    socket.onclose = () => this.#fail();
    if (TAKES_UP && ++this.#past.vain <= FEW) this.#anew = setTimeout(() => this.#make(), ANEW);
  }

  #drop() {
    clearTimeout(this.#anew);
    if (this.#socket) this.#socket.onopen = this.#socket.onclose = null;
    this.#socket?.close();
  }

  #end() {
    this.#over.abort();
    this.#drop();
  }

  #fail() {
    if (this.#over.signal.aborted) return;
    this.#end();
    this.#past.doubtful = true;
    this.#failed();
  }
}
