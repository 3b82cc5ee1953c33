// A graph as text, one line a node: for people, error hunting and the tests' snapshots.
import type { Attribute, Graph, Node, Tensor } from "../../src/onnx/graph.ts";

function printTensor({ type, dims, values }: Tensor): string {
  const shown = values.length <= 8 ? ` {${[...values].join(", ")}}` : "";
  return `${type}[${dims.join(", ")}]${shown}`;
}

function printAttribute(attribute: Attribute): string {
  if (attribute.kind === "tensor") return printTensor(attribute.value);
  return Array.isArray(attribute.value) ? `[${attribute.value}]` : String(attribute.value);
}

function printNode(node: Node): string {
  const attributes = [...node.attributes].map(([name, a]) => `${name}=${printAttribute(a)}`);
  const shown = attributes.length > 0 ? ` {${attributes.join(", ")}}` : "";
  return `${node.outputs.join(", ")} = ${node.op}(${node.inputs.join(", ")})${shown}`;
}

/** The graph, one line a value, in order of evaluation. */
export function printGraph(graph: Graph): string {
  return [
    ...graph.inputs.map(
      ({ name, type, dims }) => `input ${name}: ${type ?? "?"}[${dims.join(", ")}]`,
    ),
    ...[...graph.initializers].map(([name, tensor]) => `const ${name}: ${printTensor(tensor)}`),
    ...graph.nodes.map(printNode),
    `output ${graph.outputs.map(({ name }) => name).join(", ")}`,
  ].join("\n");
}
