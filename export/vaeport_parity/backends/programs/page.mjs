// What the page does: it loads the graph from the server that it came from, and answers in base64, as its driver asks.
import * as ort from "/ort/ort.wasm.min.mjs";
import { loadGraph } from "/graph.mjs";

const fetched = async (path) => (await fetch(path)).arrayBuffer();

ort.env.wasm.wasmPaths = "/ort/";
const shapes = await (await fetch("/shapes.json")).json();
const run = await loadGraph(ort, new Uint8Array(await fetched("/model.onnx")), shapes);

globalThis.answer = async (rows, given) => {
  const answer = await run(rows, Uint8Array.fromBase64(given).buffer);
  return answer.toBase64();
};
