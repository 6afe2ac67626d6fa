// One graph in onnxruntime for JavaScript, from bytes to bytes; runs in Node and in a page.

const FLOAT = 4;

// Bytes of one row of all tensors of a side; shapes are of one row, by name.
export function rowBytes(shapes) {
  return FLOAT * Object.values(shapes).reduce((sum, shape) => sum + size(shape), 0);
}

// Loads a model; what comes back takes the number of rows and the float32 values of all inputs in order as an
// ArrayBuffer, and gives those of all outputs in order as a Uint8Array.
export async function loadGraph(ort, model, { inputs, outputs }) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  if (ort.env?.wasm) ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model, options);
  const names = Object.keys(outputs);

  return async (rows, given) => {
    const feeds = {};
    let at = 0;
    for (const [name, shape] of Object.entries(inputs)) {
      const count = rows * size(shape);
      feeds[name] = new ort.Tensor("float32", new Float32Array(given, at, count), [rows, ...shape]);
      at += FLOAT * count;
    }
    const found = await session.run(feeds, names);
    const answer = new Uint8Array(rows * rowBytes(outputs));
    at = 0;
    for (const name of names) {
      const { data } = found[name];
      answer.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
    }
    return answer;
  };
}

function size(shape) {
  return shape.reduce((a, b) => a * b, 1);
}
