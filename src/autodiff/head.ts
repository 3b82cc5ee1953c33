// The end of a classifier: the value that holds the logits.
import { TemperError } from "../errors.ts";
import { type Graph, type Node, nodeLabel } from "../onnx/graph.ts";

const reshaping = new Set(["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout"]);
const endings = new Set(["Softmax", "LogSoftmax", "Identity"]);

export interface Head {
  /** The value that holds the logits. */
  readonly logits: string;
  /** The Softmax or LogSoftmax behind them that the model ends in, and that is not used. */
  readonly softmax: Node | undefined;
}

/**
 * The logits: the graph's output, or what its last Softmax or LogSoftmax is taken of
 * (a Softmax moves no argmax, and its logits have the gradients that attacks and cuts need).
 *
 * @param output the wanted output of a graph with several
 */
export function headOf(graph: Graph, output?: string): Head {
  const names = graph.outputs.map(({ name }) => name);
  const chosen = output ?? names[0];
  if (!names.includes(chosen) || (output === undefined && names.length > 1)) {
    const listed = names.map((name) => `"${name}"`).join(", ");
    throw new TemperError(
      "bad-option",
      `the model has the outputs ${listed}${output === undefined ? "" : `, not "${output}"`}\n` +
        "name the one that holds the logits with output (--output NAME)",
    );
  }
  const maker = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  let logits = chosen;
  let softmax: Node | undefined;
  for (let node = maker.get(logits); node !== undefined && endings.has(node.op); ) {
    if (node.op !== "Identity") softmax = node;
    logits = node.inputs[0];
    node = maker.get(logits);
  }
  refuseReshapedSoftmax(maker, logits);
  return { logits, softmax };
}

/** A Softmax whose result is only reshaped would pass its probabilities off as logits. */
function refuseReshapedSoftmax(maker: ReadonlyMap<string, Node>, output: string): void {
  let node = maker.get(output);
  while (node !== undefined && reshaping.has(node.op)) node = maker.get(node.inputs[0]);
  if (node !== undefined && endings.has(node.op) && node.op !== "Identity") {
    throw new TemperError(
      "model-unsupported",
      `${nodeLabel(node)} is reshaped before it leaves the model, so its logits are not [batch, labels]\n` +
        `export the model without its final ${node.op}, or with it last`,
    );
  }
}
