// How much arithmetic a pass of a network is: products of weights with values, counted from the graph.
import type { Shapes } from "../autodiff/shape.ts";
import { elementCount, type Node } from "../onnx/graph.ts";
import type { Network } from "./network.ts";

/** Floating-point operations for one image. */
export interface PassWork {
  readonly forward: number;
  readonly inputGradient: number;
  readonly thetaGradient: number;
}

/** Entries of a value for one image. A dimension that grows with the batch is written as a negative number. */
const elements = (shape: readonly number[]): number => elementCount(shape.map(Math.abs));

/** Multiplications that make one value of the node's output; 0 for an operator that has no weights. */
function productsAValue(
  { op, inputs, attributes }: Node,
  shapeOf: (name: string) => readonly number[],
): number {
  const shape = (i: number): readonly number[] => shapeOf(inputs[i]).map(Math.abs);
  switch (op) {
    case "Conv":
      return elementCount(shape(1).slice(1)); // [out, in / groups, height, width]
    case "Gemm": {
      const transposed = attributes.get("transA")?.value === 1;
      return shape(0)[transposed ? 0 : 1];
    }
    case "MatMul":
      return shape(0).at(-1)!;
    default:
      return 0;
  }
}

/** Operations that a node takes for one image. */
function flopsOf(node: Node, shapes: Shapes): number {
  const outputs = elements(shapes.get(node.outputs[0]) ?? []);
  return 2 * outputs * productsAValue(node, (name) => shapes.get(name) ?? []);
}

/**
 * Counts the operations of Conv, Gemm and MatMul, 2 for a multiplication and its addition. A gradient costs the
 * forward pass, and as much again for each factor of a product that it is taken in. The gradient in the image
 * passes through the values alone; the gradient in theta passes through values and weights, but not through the
 * image, which is what the first layer multiplies.
 */
export function workOfPasses({ graph, shapes }: Network): PassWork {
  const layers = graph.nodes.map((node) => flopsOf(node, shapes)).filter((flops) => flops > 0);
  const forward = layers.reduce((a, c) => a + c, 0);
  return {
    forward,
    inputGradient: 2 * forward,
    thetaGradient: 3 * forward - (layers[0] ?? 0),
  };
}

/** What a pass takes for one image behind theta: what lies before it never changes. */
export interface WorkBehind {
  readonly forward: number;
  readonly thetaGradient: number;
  /** Numbers that the nodes behind theta make. */
  readonly values: number;
}

/**
 * Counts as `workOfPasses` does, over the nodes that depend on theta alone. The gradient takes a layer's operations
 * once for each factor that depends on theta, and the forward pass before it.
 */
export function workBehindTheta({
  graph,
  shapes,
  parameters,
}: Pick<Network, "graph" | "shapes" | "parameters">): WorkBehind {
  const moves = new Set(parameters.map(({ name }) => name));
  let [forward, backward, values] = [0, 0, 0];
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => moves.has(name))) continue;
    const flops = flopsOf(node, shapes);
    forward += flops;
    if (flops > 0) backward += flops * node.inputs.slice(0, 2).filter((n) => moves.has(n)).length;
    for (const name of node.outputs) {
      moves.add(name);
      values += elements(shapes.get(name) ?? []);
    }
  }
  return { forward, thetaGradient: forward + backward, values };
}
