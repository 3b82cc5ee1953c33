// A graph that normalises its images itself, and is given a mean and a deviation as well.
import { beforeFirstLayer } from "../autodiff/trainable.ts";
import type { Network } from "../engine/network.ts";
import { nodeLabel } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";

/** What normalises, where it stands before the first layer. */
const arithmetic: ReadonlySet<string> = new Set(["Add", "Div", "Mul", "Sub"]);

/** What must be said of such a network; undefined where no mean is given, or nothing shifts or scales the image. */
export function normalisedTwice({ graph, options }: Network): string | undefined {
  if (options.mean === undefined && options.std === undefined) return undefined;
  const early = beforeFirstLayer(graph);
  const node = graph.nodes.find(
    ({ op, name, outputs, inputs }) =>
      arithmetic.has(op) &&
      !name.startsWith(OWN_NAMES) &&
      early.has(outputs[0]) &&
      inputs.some((input) => !early.has(input)),
  );
  if (node === undefined) return undefined;
  return (
    `the graph shifts or scales the image itself at ${nodeLabel(node)}: ` +
    "--mean and --std may be one normalisation too many"
  );
}
