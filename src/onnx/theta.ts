// Parameters <-> one vector theta: which tensor lies where, in the order of the file.
import { TemperError } from "../errors.ts";
import { elementCount, type Graph, type Tensor } from "./graph.ts";

/** One tensor of theta. */
export interface Parameter {
  /** The name of the initializer in the ONNX file, or of the output of a Constant node. */
  readonly name: string;
  /** Its dimensions as the file has them. */
  readonly shape: readonly number[];
  /** Where its first number lies in theta, counted in floats. */
  readonly offset: number;
  /** How many floats it has: the product of `shape`. */
  readonly size: number;
  /** A bias shifts its layer's output; every other tensor is a weight. */
  readonly kind: "weight" | "bias";
  /** How the file stores it, where that is not float32. */
  readonly type?: "float16" | "float64";
}

/** Lays the named float32 tensors out one after the other. */
export function layOut(
  tensors: readonly {
    readonly name: string;
    readonly tensor: Tensor;
    readonly kind: "weight" | "bias";
  }[],
): Parameter[] {
  let offset = 0;
  return tensors.map(({ name, tensor, kind }) => {
    const size = elementCount(tensor.dims);
    offset += size;
    return { name, shape: tensor.dims, offset: offset - size, size, kind };
  });
}

/** p, the length of theta. */
export function thetaLength(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { size }) => sum + size, 0);
}

/** Gathers theta [p] from the graph's initializers: a view of them where they lie in one piece, in theta's order. */
export function thetaOf(graph: Graph, parameters: readonly Parameter[]): Float32Array {
  const length = thetaLength(parameters);
  const values = parameters.map(({ name }) => graph.initializers.get(name)!.values as Float32Array);
  const [first] = values;
  const inOnePiece = values.every(
    ({ buffer, byteOffset }, i) =>
      buffer === first.buffer && byteOffset === first.byteOffset + 4 * parameters[i].offset,
  );
  if (first !== undefined && inOnePiece) {
    return new Float32Array(first.buffer, first.byteOffset, length);
  }
  const theta = new Float32Array(length);
  for (const [i, { offset }] of parameters.entries()) theta.set(values[i], offset);
  return theta;
}

/** theta as named tensors: views, no copy. */
export function splitTheta(
  parameters: readonly Parameter[],
  theta: Float32Array,
): Map<string, Float32Array> {
  const length = thetaLength(parameters);
  if (theta.length !== length) {
    throw new TemperError(
      "data-mismatch",
      `theta has ${theta.length} values; the model has ${length} parameters`,
    );
  }
  return new Map(
    parameters.map(({ name, offset, size }) => [name, theta.subarray(offset, offset + size)]),
  );
}

/** The graph with theta in place of its own parameters. */
export function withTheta(
  graph: Graph,
  parameters: readonly Parameter[],
  theta: Float32Array,
): Graph {
  const initializers = new Map(graph.initializers);
  for (const [name, values] of splitTheta(parameters, theta)) {
    initializers.set(name, { type: "float32", dims: initializers.get(name)!.dims, values });
  }
  return { ...graph, initializers };
}
