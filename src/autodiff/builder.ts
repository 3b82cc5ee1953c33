// Grows a graph node by node. The rules write their gradients with it.
import { int, ints } from "../onnx/attributes.ts";
import {
  type Attribute,
  type ElementType,
  floatTensor,
  type Graph,
  intTensor,
  type Node,
  type Tensor,
} from "../onnx/graph.ts";
import { isBatch, type Shape, type Shapes } from "./shape.ts";

/** Emits nodes in order and names what they make; a value is its name. */
export interface Builder {
  readonly nodes: Node[];
  readonly initializers: Map<string, Tensor>;
  /** Adds a node with one output and returns its name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
  ): string;
  /** Adds a node with several outputs and returns their names. */
  ops(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, Attribute>>,
  ): string[];
  /** Adds a float32 constant, or finds an equal one, and returns its name. */
  floats(dims: readonly number[], values: ArrayLike<number>): string;
  /** Does the same for a list of int64. */
  ints(values: readonly number[]): string;
  /** Returns the numbers in an initializer of the forward graph, undefined where there is none of that name. */
  valuesOf(value: string | undefined): readonly number[] | undefined;
  /** Returns the element type of an initializer of the forward graph, undefined where there is none of that name. */
  typeOf(value: string): ElementType | undefined;
  /** Returns the shape of a value of the forward graph. */
  shapeOf(value: string): Shape;
}

/** Makes a builder beside `graph`. Its names start with `prefix`, so that they do not meet the graph's. */
export function createBuilder(graph: Graph, shapes: Shapes, prefix = "temper/"): Builder {
  const nodes: Node[] = [];
  const initializers = new Map<string, Tensor>();
  const constants = new Map<string, string>();
  let counter = 0;
  const fresh = (op: string): string => `${prefix}${op}_${counter++}`;

  const ops: Builder["ops"] = (op, inputs, count, attributes = {}) => {
    const name = fresh(op);
    const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    nodes.push({ op, name, inputs, outputs, attributes: new Map(Object.entries(attributes)) });
    return outputs;
  };
  const constant = (kind: string, tensor: Tensor): string => {
    const key = `${kind}[${tensor.dims}]{${tensor.values}}`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const name = fresh(kind);
    initializers.set(name, tensor);
    constants.set(key, name);
    return name;
  };
  return {
    nodes,
    initializers,
    ops,
    op: (op, inputs, attributes) => ops(op, inputs, 1, attributes)[0],
    floats: (dims, values) => constant("floats", floatTensor(dims, values)),
    ints: (values) => constant("ints", intTensor(values)),
    valuesOf: (value = "") => {
      const tensor = graph.initializers.get(value);
      return tensor === undefined ? undefined : Array.from(tensor.values, Number);
    },
    typeOf: (value) => graph.initializers.get(value)?.type,
    shapeOf: (value) => {
      const shape = shapes.get(value);
      if (shape === undefined) throw new Error(`no shape is known for "${value}"`);
      return shape;
    },
  };
}

/** Adds a scalar constant. */
export const scalar = (b: Builder, value: number): string => b.floats([], [value]);

/** Gives `value` the shape of the forward value `like`, whatever the batch. */
export function reshapeLike(b: Builder, value: string, like: string): string {
  const shape = b.shapeOf(like);
  if (shape.filter(isBatch).length <= 1) return reshape(b, value, shape);
  return b.op("Reshape", [value, b.op("Shape", [like])]);
}

/** Gives `value` a shape of which one entry may grow with the batch. */
export function reshape(b: Builder, value: string, shape: Shape): string {
  return b.op("Reshape", [value, b.ints(shape.map((dim) => (isBatch(dim) ? -1 : dim)))]);
}

/** Sums over axes, which disappear unless they are kept with size 1. */
export function sumOver(b: Builder, value: string, axes: readonly number[], keep = false): string {
  if (axes.length === 0) return value;
  return b.op("ReduceSum", [value, b.ints(axes)], { keepdims: int(keep ? 1 : 0) });
}

/** Takes the mean over axes, which are kept with size 1. */
export function meanOver(b: Builder, value: string, axes: readonly number[]): string {
  return b.op("ReduceMean", [value, b.ints(axes)], { keepdims: int(1) });
}

/** Makes zeros in the shape of a value. */
export const zerosLike = (b: Builder, value: string): string =>
  b.op("ConstantOfShape", [b.op("Shape", [value])]);

/** Counts an axis from the front, in [0, rank), where it may be counted from the back below 0. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

// Slice reads any end below -size as "before the first", which a plain -1 could not say.
const BEFORE_FIRST = -(2 ** 31);

/** Turns axes round, so that the last entry comes first. */
export function flip(b: Builder, value: string, axes: readonly number[]): string {
  const back = b.ints(axes.map(() => -1));
  const ends = b.ints(axes.map(() => BEFORE_FIRST));
  return b.op("Slice", [value, back, ends, b.ints(axes), back]);
}

export function transpose(b: Builder, value: string, perm: readonly number[]): string {
  return b.op("Transpose", [value], { perm: ints(perm) });
}

/**
 * Undoes a broadcast: what the forward pass copied is summed. `gradient` has the shape `from`, the result has
 * the shape of the forward value `to`.
 */
export function unbroadcast(b: Builder, gradient: string, from: Shape, to: string): string {
  const shape = b.shapeOf(to);
  const lead = from.length - shape.length;
  const axes = from
    .map((dim, axis) => (axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? axis : -1))
    .filter((axis) => axis >= 0);
  if (axes.length === 0) return gradient;
  const summed = sumOver(b, gradient, axes);
  return lead === axes.length ? summed : reshapeLike(b, summed, to);
}
