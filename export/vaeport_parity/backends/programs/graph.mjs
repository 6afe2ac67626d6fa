// One graph in onnxruntime for JavaScript, from bytes to bytes; runs in Node and in a page. See ../piped.py for the form.

// Name and array by ONNX's number of an element type; halves are carried as their bits.
const TYPES = {
  1: ["float32", Float32Array],
  2: ["uint8", Uint8Array],
  3: ["int8", Int8Array],
  4: ["uint16", Uint16Array],
  5: ["int16", Int16Array],
  6: ["int32", Int32Array],
  7: ["int64", BigInt64Array],
  9: ["bool", Uint8Array],
  10: ["float16", Uint16Array],
  11: ["float64", Float64Array],
  12: ["uint32", Uint32Array],
  13: ["uint64", BigUint64Array],
};
const NUMBERS = Object.fromEntries(Object.entries(TYPES).map(([number, [name]]) => [name, Number(number)]));

// Loads a model; what comes back takes the inputs as an ArrayBuffer, and gives the outputs as parts, each a Uint8Array.
export async function loadGraph(ort, model, { inputs, outputs, provider }) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  if (provider) options.executionProviders = [provider];
  if (ort.env?.wasm) ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model, options);

  return async (given) => {
    const feeds = Object.fromEntries(unpacked(ort, given, inputs));
    const found = await session.run(feeds, outputs);
    return outputs.flatMap((name) => packed(name, found[name]));
  };
}

function unpacked(ort, buffer, names) {
  const view = new DataView(buffer);
  let at = 0;
  return names.map((name) => {
    const [number, rank] = [view.getUint8(at), view.getUint8(at + 1)];
    const dims = Array.from({ length: rank }, (_, axis) => Number(view.getBigUint64(at + 2 + 8 * axis, true)));
    at += 2 + 8 * rank;
    if (!(number in TYPES)) {
      throw new Error(`onnxruntime for JavaScript takes no ${number === 16 ? "bfloat16" : `type ${number}`}, the type of the input '${name}'`);
    }
    const [type, Values] = TYPES[number];
    const bytes = Values.BYTES_PER_ELEMENT * dims.reduce((a, b) => a * b, 1);
    const values = new Values(buffer.slice(at, at + bytes)); // a copy, since arrays must be aligned
    at += bytes;
    return [name, new ort.Tensor(type, values, dims)];
  });
}

function packed(name, tensor) {
  if (!(tensor.type in NUMBERS)) throw new Error(`the output '${name}' is ${tensor.type}, which is not carried`);
  const head = new DataView(new ArrayBuffer(2 + 8 * tensor.dims.length));
  head.setUint8(0, NUMBERS[tensor.type]);
  head.setUint8(1, tensor.dims.length);
  tensor.dims.forEach((size, axis) => head.setBigUint64(2 + 8 * axis, BigInt(size), true));
  const { data } = tensor;
  return [new Uint8Array(head.buffer), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
