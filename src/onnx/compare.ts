// Two model files compared: which tensors hold other numbers, and whether anything else differs.
import { TemperError } from "../errors.ts";
import type { ModelBytes } from "./external.ts";
import { toFloat32 } from "./float32.ts";
import type { Graph, Tensor } from "./graph.ts";
import { constantValue } from "./lift.ts";
import { patchModel } from "./patch.ts";
import { readGraph } from "./read.ts";

/** A tensor that holds other numbers in the second file. */
export interface MovedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** The Euclidean norm of the change, and that of the tensor in the first file. */
  readonly change: number;
  readonly norm: number;
  /** The largest change of an entry. */
  readonly largest: number;
  /** Entries that changed, as a share of all. */
  readonly share: number;
}

export interface Comparison {
  readonly moved: readonly MovedTensor[];
  /** Whether the first model with the moved tensors of the second is the second, byte for byte. */
  readonly nothingElse: boolean;
  /** What of the graphs differs besides, in words. */
  readonly others: readonly string[];
}

/** @throws TemperError `model-unreadable`, `model-unsupported` */
export function compareModels(a: ModelBytes, b: ModelBytes): Comparison {
  const [first, second] = [a, b].map(({ file, externalData }) =>
    toFloat32(readGraph(file, externalData)),
  );
  const [before, after] = [tensorsOf(first), tensorsOf(second)];
  const values = new Map<string, Float32Array>();
  const moved: MovedTensor[] = [];
  const others = structureOf(first, second);
  for (const [name, tensor] of before) {
    const next = after.get(name);
    if (next === undefined) others.push(`tensor "${name}" is gone`);
    else if (next.dims.join() !== tensor.dims.join())
      others.push(`tensor "${name}" is [${next.dims}], was [${tensor.dims}]`);
    else if (tensor.values instanceof Float32Array && next.values instanceof Float32Array) {
      const found = movedOf(name, tensor.dims, tensor.values, next.values);
      if (found === undefined) continue;
      moved.push(found);
      values.set(name, next.values);
    } else if (String(tensor.values) !== String(next.values))
      others.push(`tensor "${name}" holds other values`);
  }
  for (const name of after.keys()) if (!before.has(name)) others.push(`tensor "${name}" is new`);
  return { moved, nothingElse: others.length === 0 && isPatched(a, b, values), others };
}

/** Every tensor that the file holds, by its name. */
const tensorsOf = ({ initializers, nodes }: Graph): Map<string, Tensor> =>
  new Map([
    ...initializers,
    ...nodes
      .filter(({ op, attributes }) => op === "Constant" && attributes.has("value"))
      .map((node) => [node.outputs[0], constantValue(node)] as const),
  ]);

function movedOf(
  name: string,
  dims: readonly number[],
  from: Float32Array,
  to: Float32Array,
): MovedTensor | undefined {
  let [changes, squares, largest, entries] = [0, 0, 0, 0];
  for (let i = 0; i < from.length; i++) {
    const change = to[i] - from[i];
    squares += from[i] ** 2;
    if (change === 0 || Object.is(from[i], to[i])) continue;
    changes += change ** 2;
    largest = Math.max(largest, Math.abs(change));
    entries++;
  }
  if (entries === 0) return undefined;
  const [change, norm] = [Math.sqrt(changes), Math.sqrt(squares)];
  return { name, dims, change, norm, largest, share: entries / from.length };
}

/** What of the graphs differs but their tensors. */
function structureOf(a: Graph, b: Graph): string[] {
  const differ = (what: string, of: (graph: Graph) => unknown): string[] =>
    text(of(a)) === text(of(b)) ? [] : [`${what} differ`];
  const shapeOf = ({ nodes }: Graph): unknown =>
    nodes.map(({ op, inputs, outputs, attributes }) => {
      const kept = [...attributes].filter(([name]) => op !== "Constant" || name !== "value");
      return [op, inputs, outputs, kept];
    });
  return [
    ...differ("operator sets", ({ opset }) => opset),
    ...differ("inputs", ({ inputs }) => inputs),
    ...differ("outputs", ({ outputs }) => outputs),
    ...differ("nodes", shapeOf),
  ];
}

/** A value as text, whole numbers of any size included. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v));

function isPatched(a: ModelBytes, b: ModelBytes, values: Map<string, Float32Array>): boolean {
  try {
    const { file, externalData } = patchModel(a, values);
    const same = (x: Uint8Array, y: Uint8Array | undefined): boolean =>
      y !== undefined && Buffer.compare(x, y) === 0;
    return (
      same(file, b.file) &&
      externalData.size === b.externalData.size &&
      [...externalData].every(([name, bytes]) => same(bytes, b.externalData.get(name)))
    );
  } catch (error) {
    if (error instanceof TemperError) return false;
    throw error;
  }
}
