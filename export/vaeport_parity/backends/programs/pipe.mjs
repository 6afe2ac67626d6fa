// Answers requests on stdin, one after the other, until it ends; see ../piped.py for their form.
import { writeSync } from "node:fs";

process.on("uncaughtException", (error) => fail(error.message ?? error));

// Ends the program with a sentence, which the other side reports.
export function fail(sentence) {
  writeSync(2, `${String(sentence).split("\n")[0]}\n`);
  process.exit(1);
}

// `run` takes the inputs as an ArrayBuffer, and gives the outputs as parts, each a Uint8Array.
export async function answerRequests(run) {
  const take = reader(process.stdin);
  for (let head; (head = await take(8)); ) {
    const given = await take(Number(head.readBigUInt64LE()));
    if (!given) return;
    try {
      give(0, await run(Uint8Array.from(given).buffer));
    } catch (error) {
      give(1, [Buffer.from(String(error.message ?? error))]);
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

function give(status, parts) {
  const body = Buffer.concat([Buffer.of(status), ...parts]);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(body.length));
  const buffer = Buffer.concat([head, body]);
  for (let at = 0; at < buffer.length; ) {
    try {
      at += writeSync(1, buffer, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
