// The end of a classifier: the value that holds the logits, and what feeds the image in.
import { TemperError } from "../errors.ts";
import { type Graph, type Node, nodeLabel, type Tensor } from "../onnx/graph.ts";

const reshaping = new Set(["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout"]);
const endings = new Set(["Softmax", "LogSoftmax", "Identity"]);

/**
 * The name of the logits: the graph's output, or what its last Softmax or LogSoftmax is taken of
 * (a Softmax moves no argmax, and its logits have the gradients that attacks and cuts need).
 *
 * @param output the wanted output of a graph with several
 */
export function logitsOf(graph: Graph, output?: string): string {
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
  for (let node = maker.get(logits); node !== undefined && endings.has(node.op); ) {
    logits = node.inputs[0];
    node = maker.get(logits);
  }
  refuseReshapedSoftmax(maker, logits);
  return logits;
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

/** Per-channel mean and standard deviation of the input that the network was trained on. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The graph as a function of pixels in [0, 1], with only the logits as output: the batch left open,
 * the normalisation the model wants done inside. Gradients in x are then per pixel.
 */
export function asClassifier(graph: Graph, logits: string, normalization?: Normalization): Graph {
  const input = graph.inputs[0];
  const dims = ["batch", ...input.dims.slice(1)];
  const base = { ...graph, outputs: [{ name: logits, type: "float32" as const, dims: [] }] };
  if (normalization === undefined) return { ...base, inputs: [{ ...input, dims }] };

  const perChannel = (values: readonly number[]): Tensor => ({
    type: "float32",
    dims: [1, values.length, ...input.dims.slice(2).map(() => 1)],
    values: Float32Array.from(values),
  });
  const names = {
    pixels: "temper/pixels",
    mean: "temper/mean",
    std: "temper/std",
    centred: "temper/centred",
  };
  const node = (op: string, inputs: string[], output: string): Node => ({
    op,
    name: `temper/${op}`,
    inputs,
    outputs: [output],
    attributes: new Map(),
  });
  return {
    ...base,
    inputs: [{ ...input, name: names.pixels, dims }],
    initializers: new Map([
      ...graph.initializers,
      [names.mean, perChannel(normalization.mean)],
      [names.std, perChannel(normalization.std)],
    ]),
    nodes: [
      node("Sub", [names.pixels, names.mean], names.centred),
      node("Div", [names.centred, names.std], input.name),
      ...graph.nodes,
    ],
  };
}
