// Sorts nodes so that each value is made before it is read, as near to the file's order as can be.
import { TemperError } from "../errors.ts";
import { makersOf, type Node, nodeLabel } from "./graph.ts";

/**
 * Sorts nodes. A file whose nodes are in order already keeps it.
 *
 * @throws TemperError `model-unreadable` where nodes wait for each other in a circle
 */
export function sortNodes(nodes: readonly Node[]): Node[] {
  const maker = makersOf({ nodes });
  const sorted: Node[] = [];
  const done = new Set<Node>();
  const waiting = new Set<Node>();
  for (const wanted of nodes) {
    // No recursion: networks are deeper than the stack.
    const stack = [wanted];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const missing = done.has(node) ? undefined : firstMissing(node, maker, done);
      if (missing === undefined) {
        stack.pop();
        waiting.delete(node);
        if (!done.has(node)) sorted.push(node);
        done.add(node);
        continue;
      }
      waiting.add(node);
      if (waiting.has(missing)) {
        throw new TemperError(
          "model-unreadable",
          `${nodeLabel(missing)} reads a value that is made of its own output`,
        );
      }
      stack.push(missing);
    }
  }
  return sorted;
}

function firstMissing(
  { inputs }: Node,
  maker: ReadonlyMap<string, Node>,
  done: ReadonlySet<Node>,
): Node | undefined {
  for (const name of inputs) {
    const node = name === "" ? undefined : maker.get(name);
    if (node !== undefined && !done.has(node)) return node;
  }
  return undefined;
}
