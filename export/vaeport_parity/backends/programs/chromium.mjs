// Runs one graph with onnxruntime-web in headless Chromium. Arguments: folder of node_modules, Chromium,
// a folder to write to, model, and a file with the names of inputs and outputs, and the provider (wasm or webgpu), as JSON.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { answerRequests, fail } from "./pipe.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Nothing outside this machine is asked for, whatever the browser would like to know.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const ADAPTER = {
  wasm: ["--disable-gpu"],
  // SwiftShader, which computes on the processor, is offered only where it is asked for.
  webgpu: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist"],
};
const TYPES = { ".html": "text/html", ".json": "application/json", ".mjs": "text/javascript", ".wasm": "application/wasm" };

const [folder, executablePath, scratch, model, names] = process.argv.slice(2);
const { provider } = JSON.parse(readFileSync(names));

// The page's programs lie beside this file, onnxruntime in its package; all else is made on the spot.
function content(path) {
  if (path === "/") return '<!doctype html><script type="module" src="/page.mjs"></script>';
  if (path === "/names.json") return readFileSync(names);
  if (path === "/model.onnx") return readFileSync(model);
  if (path.startsWith("/ort/")) return readFileSync(`${folder}/node_modules/onnxruntime-web/dist/${basename(path)}`);
  return readFileSync(fileURLToPath(new URL(basename(path), import.meta.url)));
}

const server = createServer((request, response) => {
  try {
    const path = request.url.split("?")[0];
    response.setHeader("Content-Type", TYPES[extname(path) || ".html"] ?? "application/octet-stream");
    response.end(content(path));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

// Playwright leaves folders behind when it is killed; Chromium's socket must have a short path.
const env = { ...process.env };
process.env.TMPDIR = scratch;
const { chromium } = createRequire(pathToFileURL(`${folder}/package.json`))("playwright-core");
const options = { executablePath, headless: true, args: [...FLAGS, ...ADAPTER[provider]], env };
const browser = await chromium.launchPersistentContext(join(scratch, "profile"), options);
const ended = () => fail("Chromium ended");
browser.on("close", ended);
const page = await browser.newPage();
page.on("pageerror", (error) => fail(error.message));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction(() => globalThis.answer, null, { timeout: 0 });

await answerRequests(async (given) => {
  const parts = await page.evaluate((text) => globalThis.answer(text), Buffer.from(given).toString("base64"));
  return parts.map((part) => Buffer.from(part, "base64"));
});
browser.off("close", ended);
await browser.close();
process.exit(0);
