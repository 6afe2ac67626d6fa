// Runs one graph with onnxruntime for JavaScript. Arguments: folder of node_modules, package, model, and the row sizes of
// inputs and outputs as JSON. Requests come on stdin, answers go to stdout; see ../piped.py for their form.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync, writeSync } from "node:fs";

const [folder, name, modelPath, spec] = process.argv.slice(2);
const { inputs, outputs } = JSON.parse(spec);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const ort = require(name);
if (ort.env?.wasm) ort.env.wasm.numThreads = 1;

const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(modelPath)), options);

function* reader() {
  let held = Buffer.alloc(0);
  let wanted = yield null;
  for (;;) {
    if (held.length >= wanted) {
      const part = held.subarray(0, wanted);
      held = held.subarray(wanted);
      wanted = yield part;
    } else {
      held = Buffer.concat([held, yield null]);
    }
  }
}

const chunks = process.stdin[Symbol.asyncIterator]();
const held = reader();
held.next();

async function take(bytes) {
  let part = held.next(bytes).value;
  while (part === null) {
    const { value, done } = await chunks.next();
    if (done) process.exit(0);
    part = held.next(value).value;
  }
  return part;
}

function give(buffer) {
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

async function answer() {
  const rows = (await take(4)).readInt32LE();
  const feeds = {};
  for (const [key, shape] of Object.entries(inputs)) {
    const count = rows * shape.reduce((a, b) => a * b, 1);
    const bytes = Uint8Array.from(await take(4 * count));
    feeds[key] = new ort.Tensor("float32", new Float32Array(bytes.buffer), [rows, ...shape]);
  }
  try {
    const found = await session.run(feeds, Object.keys(outputs));
    const parts = Object.keys(outputs).map((key) => {
      const { data } = found[key];
      return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    });
    give(Buffer.concat([number(0), ...parts]));
  } catch (error) {
    const text = Buffer.from(String(error.message ?? error));
    give(Buffer.concat([number(1), number(text.length), text]));
  }
}

for (;;) await answer();
