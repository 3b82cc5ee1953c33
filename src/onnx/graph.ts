// An ONNX graph as plain readonly data: the one form every other room reads and builds.

/** Element types with a TypeScript array of their own. Anything else is refused by name on reading. */
export type ElementType =
  | "float16"
  | "float32"
  | "float64"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array // also bool, one byte each
  | Int16Array
  | Uint16Array // also float16, as its bits
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A constant tensor; values are row-major. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly values: TensorValues;
}

/** An attribute's value. Ints are numbers: nothing in a classifier exceeds 2^53. */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Tensor };

/**
 * One operator call; an operator that is not of the standard has its set's name in front
 * ("com.microsoft.Gelu"). An omitted optional input or output is the empty string, as in ONNX.
 */
export interface Node {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A graph input or output; a dimension is a number, a symbol, or null when not stated. */
export interface ValueInfo {
  readonly name: string;
  /** null leaves the type to the reader's inference (outputs of derived graphs). */
  readonly type: ElementType | null;
  readonly dims: readonly (number | string | null)[];
}

/** Nodes in topological order. `opset` is the version of the default operator set. */
export interface Graph {
  readonly name: string;
  readonly opset: number;
  /** The versions of further operator sets, by their names. */
  readonly domains?: ReadonlyMap<string, number>;
  /** What the exporter noted beside the graph, by its keys; absent where it noted nothing. */
  readonly metadata?: ReadonlyMap<string, string>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
}

/** A float32 constant. */
export const floatTensor = (dims: readonly number[], values: ArrayLike<number>): Tensor => ({
  type: "float32",
  dims,
  values: Float32Array.from(values),
});

/** A constant list of whole numbers; without `dims` of one axis. */
export const intTensor = (values: readonly number[], dims = [values.length]): Tensor => ({
  type: "int64",
  dims,
  values: BigInt64Array.from(values, BigInt),
});

/** The node that makes each value. */
export const makersOf = ({ nodes }: Pick<Graph, "nodes">): ReadonlyMap<string, Node> =>
  new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** How messages name a node: `Conv "conv1"`, or by its first output where it has no name. */
export function nodeLabel(node: Node): string {
  return `${node.op} "${node.name || node.outputs[0] || "?"}"`;
}
