// Runs a graph in onnxruntime, for tests that compare with it.
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ElementType, Graph } from "../../src/onnx/graph.ts";
import { writeGraph } from "../../src/onnx/write.ts";
import { halfToNumber, numberToHalf } from "../../src/tensor/half.ts";
import type { NDArray } from "./evaluate/array.ts";

function toTensor({ dims, data }: NDArray, type: ElementType): Tensor {
  switch (type) {
    case "float32":
      return new Tensor("float32", Float32Array.from(data), dims);
    case "float64":
      return new Tensor("float64", data, dims);
    case "int8":
      return new Tensor("int8", Int8Array.from(data), dims);
    case "uint8":
      return new Tensor("uint8", Uint8Array.from(data), dims);
    case "int32":
      return new Tensor("int32", Int32Array.from(data), dims);
    case "int64":
      return new Tensor("int64", BigInt64Array.from(data, BigInt), dims);
    case "bool":
      return new Tensor("bool", Uint8Array.from(data), dims);
    case "float16":
      return new Tensor("float16", Uint16Array.from(data, numberToHalf), dims);
    case "int16":
      return new Tensor("int16", Int16Array.from(data), dims);
    case "uint16":
      return new Tensor("uint16", Uint16Array.from(data), dims);
    case "uint32":
      return new Tensor("uint32", Uint32Array.from(data), dims);
    case "uint64":
      return new Tensor("uint64", BigUint64Array.from(data, BigInt), dims);
  }
}

/** All outputs of the graph; feeds take the types that the graph declares. */
export async function runOnnxruntime(
  graph: Graph,
  feeds: ReadonlyMap<string, NDArray>,
): Promise<Map<string, NDArray>> {
  // Errors only: a severity of 3 silences the warnings about unused initializers.
  const session = await InferenceSession.create(writeGraph(graph), { logSeverityLevel: 3 });
  try {
    const inputs = graph.inputs.map(({ name, type }) => {
      const value = feeds.get(name);
      if (value === undefined || type === null) throw new Error(`no feed or type for "${name}"`);
      return [name, toTensor(value, type)] as const;
    });
    const outputs = await session.run(Object.fromEntries(inputs));
    return new Map(
      Object.entries(outputs).map(([name, { dims, data, type }]) => [
        name,
        {
          dims,
          data: Float64Array.from(
            data as Iterable<number | bigint>,
            type === "float16" ? (bits) => halfToNumber(Number(bits)) : Number,
          ),
          integer: !type.startsWith("float"),
        },
      ]),
    );
  } finally {
    await session.release();
  }
}
