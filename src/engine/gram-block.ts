// The Gram matrix of many whole rows at once: A A' in float64, by onnxruntime, a strip of columns of A at a time.
//
// Its matrix product runs doubles some eight times faster than a loop of ours. The strips keep the float64 copy of A
// small; they are the same for the same rows, and only one triangle of a strip's product is taken, so the result is
// symmetric to the bit and does not depend on what else is computed.
import { int } from "../onnx/attributes.ts";
import type { Graph } from "../onnx/graph.ts";
import { Session } from "./session.ts";

/** Columns of A a strip. */
const STRIP = 8192;

const graph: Graph = {
  name: "gram",
  opset: 18,
  inputs: [{ name: "A", type: "float64", dims: ["rows", "columns"] }],
  outputs: [{ name: "G", type: "float64", dims: ["rows", "rows"] }],
  initializers: new Map(),
  nodes: [
    {
      op: "Gemm",
      name: "",
      inputs: ["A", "A"],
      outputs: ["G"],
      attributes: new Map([["transB", int(1)]]),
    },
  ],
};

/** G = A A' of rows of one length, row-major [rows x rows], float64. */
export async function gramBlock(rows: readonly Float32Array[]): Promise<Float64Array> {
  const n = rows.length;
  const total = new Float64Array(n * n);
  const p = rows[0]?.length ?? 0;
  const session = await Session.create(graph);
  try {
    const strip = new Float64Array(n * Math.min(STRIP, p));
    for (let from = 0; from < p; from += STRIP) {
      const width = Math.min(STRIP, p - from);
      for (const [r, row] of rows.entries()) strip.set(row.subarray(from, from + width), r * width);
      const data = strip.subarray(0, n * width);
      const product = await session.runDouble({ A: { dims: [n, width], data } });
      const part = product.get("G")!.data;
      for (let r = 0; r < n; r++) for (let s = 0; s <= r; s++) total[r * n + s] += part[r * n + s];
    }
  } finally {
    await session.release();
  }
  for (let r = 0; r < n; r++) for (let s = r + 1; s < n; s++) total[r * n + s] = total[s * n + r];
  return total;
}
