// The Gram matrix of many whole rows at once: A A' in float64, by onnxruntime, a strip of columns of A at a time.
//
// Its matrix product runs doubles some eight times faster than a loop of ours. The strips keep the float64 copy of A
// small; they are the same for the same rows, and only one triangle of a strip's product is taken, so the result is
// symmetric to the bit and does not depend on what else is computed.
import { int } from "../onnx/attributes.ts";
import type { Graph } from "../onnx/graph.ts";
import { readAt, SCRATCH } from "./scratch.ts";
import { Session } from "./session.ts";
import { type Shard, shardsOf } from "./shards.ts";
import type { TaskState } from "./task.ts";
import type { Workers } from "./workers.ts";

const module: string = import.meta.url;

/** Columns of A in a strip. */
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

// Some devices have no float64 at all, and the rows are in this machine's memory.
const ON = { device: "cpu" } as const;

/** A A' of one strip, [n x n]. */
async function productOf(session: Session, strip: Float64Array, n: number): Promise<Float64Array> {
  const outputs = await session.runDouble({ A: { dims: [n, strip.length / n], data: strip } });
  return outputs.get("G")!.data;
}

/** Adds the lower triangle of a strip's product. */
function addLower(total: Float64Array, part: Float64Array, n: number): void {
  for (let r = 0; r < n; r++) for (let s = 0; s <= r; s++) total[r * n + s] += part[r * n + s];
}

function mirrored(total: Float64Array, n: number): Float64Array {
  for (let r = 0; r < n; r++) for (let s = r + 1; s < n; s++) total[r * n + s] = total[s * n + r];
  return total;
}

/**
 * G = A A' of rows of one length, row-major [rows x rows], float64.
 *
 * @param threads of each product, which is made in the process that calls, while the others wait
 */
export async function gramBlock(
  rows: readonly Float32Array[],
  threads: number,
): Promise<Float64Array> {
  const n = rows.length;
  const total = new Float64Array(n * n);
  const p = rows[0]?.length ?? 0;
  const room = new Float64Array(n * Math.min(p, STRIP));
  const session = await Session.create(graph, { ...ON, threads });
  try {
    for (const { from, to } of shardsOf(p, STRIP)) {
      const strip = room.subarray(0, n * (to - from));
      for (const [r, row] of rows.entries()) strip.set(row.subarray(from, to), r * (to - from));
      addLower(total, await productOf(session, strip, n), n);
    }
  } finally {
    await session.release();
  }
  return mirrored(total, n);
}

interface StripShard extends Shard {
  readonly n: number;
  readonly p: number;
}

/**
 * G of the first n rows [p] of the workers' scratch file, made in their processes; to the bit what `gramBlock`
 * gives.
 */
export async function gramOfScratch(
  workers: Workers,
  { n, p }: { readonly n: number; readonly p: number },
  signal?: AbortSignal | undefined,
): Promise<Float64Array> {
  const total = new Float64Array(n * n);
  const shards = n === 0 ? [] : shardsOf(p, STRIP).map((strip) => ({ ...strip, n, p }));
  const task = { module, name: "stripShard" };
  const parts = await workers.map<StripShard, Float64Array>(task, shards, { signal });
  for (const part of parts) addLower(total, part, n);
  return mirrored(total, n);
}

/** The product of one strip of the rows in the scratch file. */
export async function stripShard(
  state: TaskState,
  { n, p, from, to }: StripShard,
): Promise<Float64Array> {
  const session = await state.derive(
    "gram",
    [],
    () => Session.create(graph, ON),
    (old) => old.release(),
  );
  const strip = new Float64Array(n * (to - from));
  const piece = new Float32Array(to - from);
  for (let r = 0; r < n; r++) {
    readAt(SCRATCH, piece, 4 * (r * p + from));
    strip.set(piece, r * piece.length);
  }
  return productOf(session, strip, n);
}
