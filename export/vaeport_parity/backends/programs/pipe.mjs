// Answers requests on stdin, one after the other, until it ends; see ../piped.py for their form.
import { writeSync } from "node:fs";

process.on("uncaughtException", (error) => fail(error.message ?? error));

// Ends the program with a sentence, which the other side reports.
export function fail(sentence) {
  writeSync(2, `${String(sentence).split("\n")[0]}\n`);
  process.exit(1);
}

// `run` takes the number of rows and the inputs as an ArrayBuffer of rows times `rowBytes`, and gives a Uint8Array.
export async function answerRequests(rowBytes, run) {
  const take = reader(process.stdin);
  for (let head; (head = await take(4)); ) {
    const rows = head.readInt32LE();
    const given = await take(rows * rowBytes);
    if (!given) return;
    try {
      const answer = await run(rows, Uint8Array.from(given).buffer);
      give(number(0), answer);
    } catch (error) {
      const text = Buffer.from(String(error.message ?? error));
      give(number(1), number(text.length), text);
    }
  }
}

// Takes so many bytes at a time from a stream; null where it has ended.
function reader(stream) {
  const chunks = stream[Symbol.asyncIterator]();
  let held = [];
  let length = 0;
  return async (wanted) => {
    while (length < wanted) {
      const { value, done } = await chunks.next();
      if (done) return null;
      held.push(value);
      length += value.length;
    }
    const all = Buffer.concat(held);
    held = [all.subarray(wanted)];
    length -= wanted;
    return all.subarray(0, wanted);
  };
}

function give(...parts) {
  const buffer = Buffer.concat(parts);
  for (let at = 0; at < buffer.length; ) {
    try {
      at += writeSync(1, buffer, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function number(value) {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}
