// The structure every other room may rely on: each value defined once, before it is used.
import { TemperError } from "../errors.ts";
import { type Graph, nodeLabel } from "./graph.ts";

/** @throws TemperError `model-unreadable` naming the first node or output that breaks the rule. */
export function checkGraph(graph: Graph): void {
  const given = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()];
  const defined = new Set(given);
  if (defined.size < given.length) {
    const twice = given.find((name, i) => given.indexOf(name) < i);
    throw new TemperError(
      "model-unreadable",
      `"${twice}" is defined twice as input or initializer`,
    );
  }
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      if (input !== "" && !defined.has(input)) {
        throw new TemperError(
          "model-unreadable",
          `${nodeLabel(node)} reads "${input}", which nothing before it defines`,
        );
      }
    }
    for (const output of node.outputs) {
      if (output === "") continue;
      if (defined.has(output)) {
        throw new TemperError(
          "model-unreadable",
          `${nodeLabel(node)} defines "${output}", which is already defined`,
        );
      }
      defined.add(output);
    }
  }
  for (const { name } of graph.outputs) {
    if (!defined.has(name)) {
      throw new TemperError("model-unreadable", `output "${name}" is not defined by any node`);
    }
  }
}
