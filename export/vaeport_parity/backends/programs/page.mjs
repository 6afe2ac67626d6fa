// What the page does: it loads the graph from the server that it came from, and answers in base64, as its driver asks.
import { loadGraph } from "/graph.mjs";

const fetched = async (path) => (await fetch(path)).arrayBuffer();

const names = await (await fetch("/names.json")).json();
const ort = await import(`/ort/ort.${names.provider}.min.mjs`);
ort.env.wasm.wasmPaths = "/ort/";
const run = await loadGraph(ort, new Uint8Array(await fetched("/model.onnx")), names);

globalThis.answer = async (given) => {
  const parts = await run(Uint8Array.fromBase64(given).buffer);
  return parts.map((part) => part.toBase64());
};
