// Makes a graph of float16 or float64 numbers one of float32, the type that gradients are computed in.
import { halvesToFloats } from "../tensor/half.ts";
import { intOf } from "./attributes.ts";
import type { Attribute, ElementType, Graph, Node, Tensor, ValueInfo } from "./graph.ts";

/** ONNX's codes of float32, float16 and float64. */
const FLOAT32 = 1;
const otherFloats: ReadonlySet<number> = new Set([10, 11]);

/** The attributes by which operators name the type of their output. */
const typeAttributes = ["to", "dtype", "output_dtype"] as const;

const isOther = (type: ElementType | null): boolean => type === "float16" || type === "float64";

// Bounds and masks of float64 that float32 does not reach stay finite, as they were meant.
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

const clamped = (value: number): number =>
  Number.isFinite(value) ? Math.max(-LARGEST, Math.min(LARGEST, value)) : value;

function tensorToFloat32(tensor: Tensor): Tensor {
  if (!isOther(tensor.type)) return tensor;
  const values =
    tensor.type === "float16"
      ? halvesToFloats(tensor.values as Uint16Array)
      : Float32Array.from(tensor.values as Float64Array, clamped);
  return { type: "float32", dims: tensor.dims, values };
}

function attributeToFloat32(name: string, attribute: Attribute): Attribute {
  if (attribute.kind === "tensor") {
    return { kind: "tensor", value: tensorToFloat32(attribute.value) };
  }
  const names = (typeAttributes as readonly string[]).includes(name);
  return names && attribute.kind === "int" && otherFloats.has(attribute.value)
    ? { kind: "int", value: FLOAT32 }
    : attribute;
}

const nodeToFloat32 = (node: Node): Node => ({
  ...node,
  attributes: new Map([...node.attributes].map(([k, v]) => [k, attributeToFloat32(k, v)])),
});

const valueToFloat32 = (value: ValueInfo): ValueInfo =>
  isOther(value.type) ? { ...value, type: "float32" } : value;

/** Tells whether a node makes float16 or float64 numbers of its own. */
const makesOther = (node: Node): boolean =>
  typeAttributes.some((name) => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === "int" && otherFloats.has(intOf(node, name, FLOAT32));
  });

/** Tells whether a tensor or an input of the graph is of float16 or float64. */
function holdsOther({ nodes, initializers, inputs }: Graph): boolean {
  const constants = nodes.flatMap(({ attributes }) =>
    [...attributes.values()].flatMap((a) => (a.kind === "tensor" ? [a.value] : [])),
  );
  return [...initializers.values(), ...inputs, ...constants].some(({ type }) => isOther(type));
}

/** Makes the same function of float32 numbers, whatever float types it was made of. */
export function toFloat32(graph: Graph): Graph {
  if (!holdsOther(graph) && !graph.nodes.some(makesOther)) return graph;
  return {
    ...graph,
    inputs: graph.inputs.map(valueToFloat32),
    outputs: graph.outputs.map(valueToFloat32),
    initializers: new Map(
      [...graph.initializers].map(([name, tensor]) => [name, tensorToFloat32(tensor)]),
    ),
    nodes: graph.nodes.map(nodeToFloat32),
  };
}
