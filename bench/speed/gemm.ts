// The machine's own rate of float32 matrix products in onnxruntime, with which every pass is compared.

import { type FloatArray, Session } from "../../src/engine/session.ts";
import type { TaskState } from "../../src/engine/task.ts";
import type { Workers } from "../../src/engine/workers.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { randomStream } from "../../src/tensor/random.ts";

/** Rows and columns: large enough to keep the processor busy, small enough for its caches. */
const SIZE = 768;

const module: string = import.meta.url;

/** Makes products for at least so many seconds; the answer is the rate in operations a second. */
export async function gemmTask(_state: TaskState, seconds: number): Promise<number> {
  const dims = [SIZE, SIZE];
  const random = randomStream(0);
  const square = (): FloatArray => ({
    dims,
    data: Float32Array.from({ length: SIZE * SIZE }, () => random.uniform()),
  });
  const graph: Graph = {
    name: "gemm",
    opset: 18,
    inputs: [{ name: "a", type: "float32", dims }],
    outputs: [{ name: "c", type: "float32", dims }],
    initializers: new Map([["b", { type: "float32", dims, values: square().data }]]),
    nodes: [{ op: "MatMul", name: "", inputs: ["a", "b"], outputs: ["c"], attributes: new Map() }],
  };
  const session = await Session.create(graph, { device: "cpu" });
  const a = square();
  await session.run({ a });
  let runs = 0;
  const from = performance.now();
  const spent = (): number => (performance.now() - from) / 1000;
  for (; spent() < seconds; runs++) await session.run({ a });
  const rate = (runs * 2 * SIZE ** 3) / spent();
  await session.release();
  return rate;
}

/** Floating-point operations a second of all workers together, all at work at the same time. */
export async function gemmRate(workers: Workers, seconds: number): Promise<number> {
  const tasks = Array.from({ length: workers.size }, () => seconds);
  const rates = await workers.map<number, number>({ module, name: "gemmTask" }, tasks);
  return rates.reduce((a, c) => a + c, 0);
}
