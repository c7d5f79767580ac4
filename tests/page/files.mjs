// What becomes of the files of a session, told by what its parts say to each other. Throws where that is something else.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Files } from "../../chatd/page/io/files.js";

const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};
const until = async (done) => {
  for (let i = 0; i < 5000 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
};
const fileOf = (data, name = "x") => ({ name, size: data.length, sha256: createHash("sha256").update(data).digest("hex") });

/** A shelf in memory. */
class Shelf {
  chosen = new Map();
  contents = new Map();
  data = new Map();

  upload = async (id) => this.chosen.get(id)?.upload;
  bytes = async (id) => this.chosen.get(id)?.bytes;
  content = async (sha256) => this.contents.get(sha256);
  blob = async (sha256) => new Blob(this.data.get(sha256) ?? []);
  discard = async (sha256) => void (this.contents.delete(sha256), this.data.delete(sha256));
  finish = async (content) => void this.contents.set(content.sha256, { ...content, whole: true });

  seed = async ({ sha256, size }) => void this.contents.set(sha256, { sha256, size, stored: size, touched: 0, whole: true });

  add = async (content, data) => {
    this.data.set(content.sha256, [...(this.data.get(content.sha256) ?? []), ...data]);
    content.stored += data.reduce((sum, part) => sum + part.length, 0);
    this.contents.set(content.sha256, { ...content });
    return content.stored;
  };
}

function session(uploads = [], posts = []) {
  const shelf = new Shelf(), steps = [], posted = [], withdrawn = [], written = [];
  let key = 100;
  const port = {
    step: (step) => void steps.push(step),
    moving: () => undefined,
    post: (upload) => (posted.push(upload.file.name), ++key),
    withdraw: (one) => void withdrawn.push(one),
    save: async () => void written.push(files.uploads.changes()),
    tell: () => {},
  };
  const files = new Files(shelf, uploads, new Set(posts), port);
  const choose = async (id, room, name) => {
    const bytes = new Blob([name]), upload = { id, room, text: "", ref: 0, file: fileOf(Buffer.from(name), name), key: 0 };
    shelf.chosen.set(id, { upload, bytes });
    await files.uploads.send(id);
  };
  return { files, shelf, steps, posted, withdrawn, written, choose };
}

const sends = (steps) => steps.filter((step) => step.do === "send").map((step) => step.file.name);
const over = (files, key, code = "", text = "") => files.perform({ do: "over", key, code, text });

// Files for one room go one behind the other, those for others beside them.
{
  const { files, steps, posted, choose } = session();
  await choose(1, "#a", "one");
  await choose(2, "#a", "two");
  await choose(3, "#b", "three");
  assert.deepEqual(sends(steps), ["one", "three"]);
  over(files, 1);
  await settle();
  assert.deepEqual(posted, ["one"]);
  assert.deepEqual(sends(steps), ["one", "three", "two"]);
  await choose(2, "#a", "two");
  assert.equal(files.list.sent.length, 3, "what is asked twice is sent once");
}

// A post that is accepted is the end; it is known by the key of the post, which is kept with it.
{
  const { files, steps, choose } = session();
  await choose(7, "#a", "one");
  over(files, 1);
  await settle();
  await files.downloads.get("#a", 1, fileOf(Buffer.from("one")), true);
  assert.equal(steps.length, 1, "what was sent from here need not come again");
  assert.equal(files.uploads.changes().kept[0].key, 101);
  assert.equal(files.uploads.hears({ what: "accepted", key: 5 }), false);
  assert.equal(files.uploads.hears({ what: "accepted", key: 101 }), true);
  assert.deepEqual(files.uploads.changes(), { kept: [], sent: [7] });
  assert.deepEqual(files.list.sent, []);
}

// What an earlier page left: posted and accepted, posted and waiting, not posted.
{
  const one = (id, key) => ({ id, room: `#${id}`, text: "", ref: 0, file: fileOf(Buffer.from("x"), `n${id}`), key });
  const { files, steps } = session([one(1, 11), one(2, 12), one(3, 0)], [12]);
  files.uploads.start();
  assert.deepEqual(sends(steps), ["n3"]);
  assert.deepEqual(files.uploads.changes(), { kept: [], sent: [1] });
  assert.deepEqual(files.list.sent.map(({ id, stage }) => [id, stage]), [[2, "posting"], [3, "waiting"]]);
}

// A server that has lost the bytes again gets them three times at the most, and another refusal is told at once.
{
  const { files, steps, posted, choose } = session();
  await choose(1, "#a", "one");
  for (let offer = 1; offer <= 3; offer++) {
    assert.equal(sends(steps).length, offer);
    over(files, offer);
    await settle();
    assert.equal(files.uploads.hears({ what: "refused", key: 100 + offer, code: "no-such-file", reason: "lost" }), true);
    await settle();
  }
  assert.equal(sends(steps).length, 3);
  assert.equal(posted.length, 3);
  assert.deepEqual([files.list.sent[0].stage, files.list.sent[0].reason], ["failed", "lost"]);
  files.uploads.again(1);
  assert.equal(sends(steps).length, 4);
  over(files, 4, "file-too-large", "too large");
  await settle();
  assert.equal(files.list.sent[0].reason, "too large");
}

// Whatever is given up is dropped or taken back, and what is behind goes on.
{
  const { files, steps, withdrawn, written, choose } = session();
  await choose(1, "#a", "one");
  await choose(2, "#a", "two");
  await files.uploads.giveUp(1);
  await settle();
  assert.deepEqual(steps.map((step) => step.do), ["send", "drop", "send"]);
  over(files, 2);
  await settle();
  await files.uploads.giveUp(2);
  assert.deepEqual(withdrawn, [101]);
  assert.deepEqual(written.map(({ sent }) => sent), [[1], [2]]);
}

// What is received is verified, and goes on from what is there; who waits for the same waits for one transfer.
{
  const { files, shelf, steps } = session(), data = Buffer.from("some bytes"), file = fileOf(data);
  shelf.data.set(file.sha256, [data.subarray(0, 4)]);
  shelf.contents.set(file.sha256, { sha256: file.sha256, size: 10, stored: 4, touched: 0, whole: false });
  const both = [files.downloads.get("#a", 1, file, false), files.downloads.get("#a", 1, file, true)];
  await settle();
  assert.deepEqual(steps.splice(0).map((step) => step.do), ["receive"]);
  files.perform({ do: "find", key: 1, file });
  files.perform({ do: "keep", key: 1, data: [new Uint8Array(data.subarray(4))] });
  files.perform({ do: "finish", key: 1 });
  await until(() => steps.length === 3);
  assert.deepEqual(steps, [{ do: "found", key: 1, stored: 4 }, { do: "kept", key: 1, written: 10, stored: 4 }, { do: "finished", key: 1 }]);
  over(files, 1);
  await Promise.all(both);
  await files.downloads.get("#a", 1, file, false);
  assert.equal(steps.length, 3, "what is here does not come again");
}

// Bytes that are not what was posted are not kept, and whoever waits is told.
{
  const { files, shelf, steps } = session(), file = fileOf(Buffer.from("some bytes"));
  const got = files.downloads.get("#a", 1, file, false).catch((error) => error.code);
  await settle();
  files.perform({ do: "find", key: 1, file });
  files.perform({ do: "keep", key: 1, data: [new Uint8Array(Buffer.from("some lies!"))] });
  files.perform({ do: "settle", key: 1 });
  files.perform({ do: "finish", key: 1 });
  await until(() => steps.at(-1).do === "failed");
  assert.deepEqual(steps.slice(-2).map((step) => [step.do, step.code]), [["settled", undefined], ["failed", "hash-mismatch"]]);
  assert.equal(shelf.contents.size, 0);
  over(files, 1, "hash-mismatch", "It is another one.");
  assert.equal(await got, "hash-mismatch");
  files.downloads.get("#a", 1, file, false).catch(() => {});
  await settle();
  steps.splice(0);
  files.perform({ do: "find", key: 2, file: fileOf(Buffer.from("another")) });
  await until(() => steps.length);
  assert.equal(steps.at(-1).code, "file-changed");
}
process.exit(0); // what would be told soon need not be
