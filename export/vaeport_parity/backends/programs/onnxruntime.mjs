// Runs one graph with onnxruntime for JavaScript in Node. Arguments: folder of node_modules, package, model, and the row
// shapes of inputs and outputs as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { loadGraph, rowBytes } from "./graph.mjs";
import { answerRequests } from "./pipe.mjs";

const [folder, name, model, spec] = process.argv.slice(2);
const shapes = JSON.parse(spec);
const ort = createRequire(pathToFileURL(`${folder}/package.json`))(name);
const run = await loadGraph(ort, new Uint8Array(readFileSync(model)), shapes);
await answerRequests(rowBytes(shapes.inputs), run);
process.exit(0);
