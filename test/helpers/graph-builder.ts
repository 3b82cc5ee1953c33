// The short way tests write ONNX graphs: plain dims, plain numbers, plain attribute values.
import type {
  Attribute,
  ElementType,
  Graph,
  Node,
  Tensor,
  TensorValues,
  ValueInfo,
} from "../../src/onnx/graph.ts";
import { numberToHalf } from "../../src/tensor/half.ts";

type Dims = readonly (number | string | null)[];
type Value = Dims | { readonly type: ElementType; readonly dims: Dims };
type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor;

/** Attributes that are floats even where a test gives a whole number. */
const floatAttributes: ReadonlySet<string> = new Set([
  "alpha",
  "beta",
  "bias",
  "cubic_coeff_a",
  "epsilon",
  "extrapolation_value",
  "gamma",
  "momentum",
  "ratio",
  "scale",
  "softcap",
  "value_float",
  "value_floats",
]);

/** A constant tensor from plain numbers. */
export function tensor(
  dims: readonly number[],
  values: Iterable<number>,
  type: ElementType = "float32",
): Tensor {
  const numbers = [...values];
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (numbers.length !== count) {
    throw new Error(`[${dims}] holds ${count} values, ${numbers.length} given`);
  }
  return { type, dims, values: typed(type, numbers) };
}

function typed(type: ElementType, values: readonly number[]): TensorValues {
  switch (type) {
    case "float32":
      return Float32Array.from(values);
    case "float64":
      return Float64Array.from(values);
    case "int8":
      return Int8Array.from(values);
    case "int32":
      return Int32Array.from(values);
    case "int64":
      return BigInt64Array.from(values, BigInt);
    case "uint8":
    case "bool":
      return Uint8Array.from(values);
    case "float16":
      return Uint16Array.from(values, numberToHalf);
    case "int16":
      return Int16Array.from(values);
    case "uint16":
      return Uint16Array.from(values);
    case "uint32":
      return Uint32Array.from(values);
    case "uint64":
      return BigUint64Array.from(values, BigInt);
  }
}

/** A list of int64, as axes, shapes, starts and ends are. */
export function int64s(...values: readonly number[]): Tensor {
  return tensor([values.length], values, "int64");
}

/** One operator call; `name` is empty unless given. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  name = "",
): Node {
  const entries = Object.entries(attributes).map(
    ([key, value]) => [key, attribute(key, value)] as const,
  );
  return { op, name, inputs, outputs, attributes: new Map(entries) };
}

/** Whole numbers are ints unless the attribute is a float by its name. */
function attribute(name: string, value: AttributeValue): Attribute {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") {
    const int = Number.isInteger(value) && !floatAttributes.has(name);
    return { kind: int ? "int" : "float", value };
  }
  if ("dims" in value) return { kind: "tensor", value };
  if (isStrings(value)) return { kind: "strings", value };
  const ints = value.every(Number.isInteger) && !floatAttributes.has(name);
  return { kind: ints ? "ints" : "floats", value };
}

function isStrings(values: readonly number[] | readonly string[]): values is readonly string[] {
  return typeof values[0] === "string";
}

type Values = Readonly<Record<string, Value>>;

function isNames(outputs: readonly string[] | Values): outputs is readonly string[] {
  return Array.isArray(outputs);
}

function valueInfos(values: Values): ValueInfo[] {
  return Object.entries(values).map(([name, value]) =>
    "dims" in value ? { name, ...value } : { name, type: "float32", dims: value },
  );
}

/**
 * A graph. Inputs and outputs are float32 unless `{ type, dims }` is given; outputs listed by name
 * alone state neither type nor shape.
 */
export function graph(parts: {
  readonly inputs: Values;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Node[];
  readonly outputs: readonly string[] | Values;
  readonly opset?: number;
}): Graph {
  const { outputs } = parts;
  return {
    name: "test",
    opset: parts.opset ?? 18,
    inputs: valueInfos(parts.inputs),
    outputs: isNames(outputs)
      ? outputs.map((name) => ({ name, type: null, dims: [] }))
      : valueInfos(outputs),
    initializers: new Map(Object.entries(parts.initializers ?? {})),
    nodes: parts.nodes,
  };
}
