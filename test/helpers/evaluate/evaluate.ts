// A naive float64 evaluator of ONNX graphs, written from the standard: the oracle of gradient rules.
import type { Graph, Node } from "../../../src/onnx/graph.ts";
import * as activation from "./activation.ts";
import type { NDArray } from "./array.ts";
import * as attention from "./attention.ts";
import { fromTensor, type Operator, runOperator } from "./call.ts";
import * as constant from "./constant.ts";
import * as conv from "./conv.ts";
import * as einsum from "./einsum.ts";
import * as elementwise from "./elementwise.ts";
import * as gather from "./gather.ts";
import * as matmul from "./matmul.ts";
import * as normalize from "./normalize.ts";
import * as pooling from "./pooling.ts";
import * as quantize from "./quantize.ts";
import * as reduce from "./reduce.ts";
import * as resize from "./resize.ts";
import * as shape from "./shape.ts";

/** Every operator by its ONNX name, in the form it has at opset 18. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>(
  [
    activation,
    attention,
    constant,
    conv,
    einsum,
    elementwise,
    gather,
    matmul,
    normalize,
    pooling,
    quantize,
    reduce,
    resize,
    shape,
  ].flatMap((family) => Object.entries(family)),
);

/**
 * The `wanted` values (any name in the graph) for the given feeds, all arithmetic in float64.
 * A feed names a graph input or an initializer, which it replaces.
 *
 * @throws naming the node, when an operator, an attribute or an input is not known, or shapes disagree
 */
export function evaluateGraph(
  graph: Graph,
  feeds: ReadonlyMap<string, NDArray>,
  wanted: readonly string[],
): Map<string, NDArray> {
  // Before opset 13 axes are attributes and Softmax flattens.
  if (graph.opset < 13) throw new Error(`opset ${graph.opset} is older than 13`);
  const values = new Map<string, NDArray>();
  for (const [name, tensor] of graph.initializers) values.set(name, fromTensor(tensor));
  for (const [name, value] of feeds) {
    const declared = graph.inputs.find((input) => input.name === name)?.dims;
    const expected = declared ?? graph.initializers.get(name)?.dims;
    if (expected === undefined) throw new Error(`feed "${name}" is neither input nor initializer`);
    checkFeed(name, value, expected);
    values.set(name, value);
  }
  for (const node of graph.nodes) {
    for (const [i, value] of evaluateNode(node, values).entries()) {
      if (node.outputs[i]) values.set(node.outputs[i], value);
    }
  }
  return new Map(wanted.map((name) => [name, lookUp(values, name)]));
}

function lookUp(values: ReadonlyMap<string, NDArray>, name: string): NDArray {
  const value = values.get(name);
  if (value === undefined) throw new Error(`nothing gives "${name}"`);
  return value;
}

function checkFeed(name: string, value: NDArray, dims: readonly (number | string | null)[]): void {
  const fits =
    dims.length === value.dims.length &&
    dims.every((n, d) => typeof n !== "number" || n === value.dims[d]);
  if (!fits) throw new Error(`feed "${name}" is [${value.dims}], declared [${dims}]`);
}

function evaluateNode(node: Node, values: ReadonlyMap<string, NDArray>): readonly NDArray[] {
  try {
    const operator = operators.get(node.op);
    if (operator === undefined) throw new Error("the evaluator has no such operator");
    const inputs = node.inputs.map((name) => (name === "" ? undefined : lookUp(values, name)));
    const outputs = runOperator(operator, node, inputs);
    if (node.outputs.length > outputs.length) {
      throw new Error(`gives ${outputs.length} outputs, not ${node.outputs.length}`);
    }
    return outputs;
  } catch (cause) {
    const label = `${node.op} "${node.name || node.outputs[0]}"`;
    throw new Error(`${label}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
