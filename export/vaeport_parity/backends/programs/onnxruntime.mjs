// Runs one graph with onnxruntime for JavaScript in Node. Arguments: folder of node_modules, package, model, and a file
// with the names of inputs and outputs as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { loadGraph } from "./graph.mjs";
import { answerRequests } from "./pipe.mjs";

const [folder, name, model, names] = process.argv.slice(2);
const ort = createRequire(pathToFileURL(`${folder}/package.json`))(name);
const run = await loadGraph(ort, new Uint8Array(readFileSync(model)), JSON.parse(readFileSync(names)));
await answerRequests(run);
process.exit(0);
