// Checks the structure that every other room relies on: each value is defined once, and each that is read is defined.
import { TemperError } from "../errors.ts";
import { type Graph, nodeLabel } from "./graph.ts";

function refuse(message: string): never {
  throw new TemperError("model-unreadable", message);
}

/** @throws TemperError `model-unreadable` naming the first node or output that breaks the rule. */
export function checkGraph(graph: Graph): void {
  const given = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()];
  const defined = new Set(given);
  if (defined.size < given.length) {
    const twice = given.find((name, i) => given.indexOf(name) < i);
    refuse(`"${twice}" is defined twice as input or initializer`);
  }
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (defined.has(output)) {
        refuse(`${nodeLabel(node)} defines "${output}", which is already defined`);
      }
      defined.add(output);
    }
  }
  for (const node of graph.nodes) {
    const missing = node.inputs.find((input) => input !== "" && !defined.has(input));
    if (missing !== undefined) {
      refuse(`${nodeLabel(node)} reads "${missing}", which nothing defines`);
    }
  }
  const output = graph.outputs.find(({ name }) => !defined.has(name));
  if (output !== undefined) refuse(`output "${output.name}" is not defined by any node`);
}
