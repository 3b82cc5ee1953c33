// Makes a classifier a function of pixels in [0, 1]: what its input is made of becomes part of the graph.
import { int } from "../onnx/attributes.ts";
import { type Attribute, floatTensor, type Graph, type Node, type Tensor } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";

/** Per-channel mean and standard deviation of the input that the network was trained on. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The shape of either that broadcasts over an image. */
  readonly dims: readonly number[];
}

/** One operator on the way from the pixels to the model's input, with its constant inputs. */
interface Stage {
  readonly op: string;
  readonly constants?: readonly Tensor[];
  readonly attributes?: readonly (readonly [string, Attribute])[];
}

/** (x - mean) / std, channel by channel. */
function normalized({ mean, std, dims }: Normalization): Stage[] {
  return [
    { op: "Sub", constants: [floatTensor(dims, mean)] },
    { op: "Div", constants: [floatTensor(dims, std)] },
  ];
}

/** ONNX's code of uint8. */
const UINT8 = 2;

/** A model of bytes takes the nearest byte of 255 x. */
function bytes(): Stage[] {
  const scalar = (value: number): Tensor => floatTensor([], [value]);
  return [
    { op: "Mul", constants: [scalar(255)] },
    { op: "Round" },
    { op: "Clip", constants: [scalar(0), scalar(255)] },
    { op: "Cast", attributes: [["to", int(UINT8)]] },
  ];
}

/**
 * Makes the graph a function of pixels in [0, 1]: it does the normalisation that the model wants, or makes the bytes
 * that it takes. Gradients in x are then per pixel.
 *
 * @param dims of the input, with the batch
 */
export function ofPixels(
  graph: Graph,
  dims: readonly (number | string)[],
  normalization?: Normalization,
): Graph {
  const [input] = graph.inputs;
  const stages =
    input.type === "uint8" ? bytes() : normalization === undefined ? [] : normalized(normalization);
  if (stages.length === 0) return { ...graph, inputs: [{ ...input, dims }] };

  const initializers = new Map(graph.initializers);
  const pixels = `${OWN_NAMES}pixels`;
  let value = pixels;
  const nodes = stages.map(({ op, constants = [], attributes = [] }, i): Node => {
    const name = `${OWN_NAMES}${op}`;
    const names = constants.map((tensor, k) => {
      initializers.set(`${name}/${k}`, tensor);
      return `${name}/${k}`;
    });
    const inputs = [value, ...names];
    value = i === stages.length - 1 ? input.name : `${name}/out`;
    return { op, name, inputs, outputs: [value], attributes: new Map(attributes) };
  });
  return {
    ...graph,
    inputs: [{ name: pixels, type: "float32", dims }],
    initializers,
    nodes: [...nodes, ...graph.nodes],
  };
}
