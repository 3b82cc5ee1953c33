// One operator call as the operator sees it; whatever an operator does not look at is refused.
import type { Attribute, Node, Tensor } from "../../../src/onnx/graph.ts";
import type { NDArray } from "./array.ts";

/** The inputs and attributes of one node. A getter without `otherwise` throws when nothing is there. */
export interface Call {
  input(i: number): NDArray;
  optional(i: number): NDArray | undefined;
  /** All inputs, for operators that take any number. */
  all(): readonly NDArray[];
  int(name: string, otherwise?: number): number;
  float(name: string, otherwise?: number): number;
  string(name: string, otherwise?: string): string;
  ints(name: string, otherwise?: readonly number[]): readonly number[];
  floats(name: string, otherwise?: readonly number[]): readonly number[];
  tensor(name: string, otherwise?: Tensor): Tensor;
  has(name: string): boolean;
}

/** A function of the same name as the ONNX operator: the call's outputs, in order. */
export type Operator = (call: Call) => readonly NDArray[];

/** A constant tensor as an array. */
export function fromTensor(tensor: Tensor): NDArray {
  const integer = tensor.type !== "float32" && tensor.type !== "float64";
  const data = Float64Array.from(tensor.values, Number);
  return { dims: tensor.dims, data, integer, type: tensor.type };
}

/**
 * Runs `operator` on a node. Throws when the node has an attribute or an input that the operator
 * never asked for: ignoring it would be a silent wrong answer.
 */
export function runOperator(
  operator: Operator,
  node: Node,
  inputs: readonly (NDArray | undefined)[],
): readonly NDArray[] {
  const seen = new Set<string | number>();
  const optional = (i: number): NDArray | undefined => {
    seen.add(i);
    return inputs[i];
  };
  const input = (i: number): NDArray => {
    const value = optional(i);
    if (value === undefined) throw new Error(`input ${i} is missing`);
    return value;
  };
  const read = <K extends Attribute["kind"]>(kind: K) => {
    type Value = Extract<Attribute, { kind: K }>["value"];
    return (name: string, otherwise?: Value): Value => {
      seen.add(name);
      const attribute = node.attributes.get(name);
      if (attribute === undefined && otherwise !== undefined) return otherwise;
      if (attribute?.kind !== kind) {
        throw new Error(`attribute ${name} must be of kind ${kind}, is ${attribute?.kind}`);
      }
      return attribute.value as Value;
    };
  };
  const outputs = operator({
    input,
    optional,
    all: () => inputs.map((_, i) => input(i)),
    int: read("int"),
    float: read("float"),
    string: read("string"),
    ints: read("ints"),
    floats: read("floats"),
    tensor: read("tensor"),
    has: (name) => node.attributes.has(name),
  });
  for (const name of node.attributes.keys()) {
    if (!seen.has(name)) throw new Error(`attribute ${name} is not known`);
  }
  for (const i of inputs.keys()) {
    if (inputs[i] !== undefined && !seen.has(i)) throw new Error(`input ${i} is not known`);
  }
  return outputs;
}
