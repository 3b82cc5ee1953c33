// Follows values through a graph: what is made of some values, and what some values are made of.
import type { Graph, Node } from "./graph.ts";

/** Which of a node's inputs are followed. */
type InputsOf = (node: Node) => readonly string[];

const allInputs: InputsOf = ({ inputs }) => inputs;

/** The given values, and all that are made of one of them. */
export function madeOf(
  { nodes }: Pick<Graph, "nodes">,
  names: Iterable<string>,
  inputsOf: InputsOf = allInputs,
): Set<string> {
  const made = new Set(names);
  for (const node of nodes) {
    if (!inputsOf(node).some((name) => made.has(name))) continue;
    for (const name of node.outputs) if (name !== "") made.add(name);
  }
  return made;
}

/** The given values, and all that one of them is made of. */
export function neededFor(
  { nodes }: Pick<Graph, "nodes">,
  names: Iterable<string>,
  inputsOf: InputsOf = allInputs,
): Set<string> {
  const needed = new Set(names);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of inputsOf(node)) if (name !== "") needed.add(name);
  }
  return needed;
}
