// The gradient graphs that the engine runs, whole: forward nodes, seed, backward nodes, outputs.
import { int } from "../onnx/attributes.ts";
import type { Graph, ValueInfo } from "../onnx/graph.ts";
import type { Parameter } from "../onnx/theta.ts";
import { createBuilder } from "./builder.ts";
import type { Factors } from "./rule.ts";
import { rules } from "./rules.ts";
import type { Shapes } from "./shape.ts";
import { sweep } from "./sweep.ts";

/** The covector input of every gradient graph, [batch, labels]. */
export const COVECTOR = "temper/covector";

/**
 * What the covector w means: `weights` differentiates sum w_il f_l(x_i), `labels` (one-hot) the summed
 * cross-entropy, whose gradient in the logits is softmax(f) - onehot.
 */
export type Seed = "weights" | "labels";

export interface GradientProgram {
  /** Inputs: the image and COVECTOR. Outputs: the logits, then the gradients and factors below. */
  readonly graph: Graph;
  readonly logits: string;
  /** Output name of the gradient of each wanted value. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Output names of the factors of each dense weight, where factors were asked for. */
  readonly factors: ReadonlyMap<string, Factors>;
}

export interface ProgramRequest {
  readonly shapes: Shapes;
  readonly seed: Seed;
  /** The image's name and/or names of parameters. */
  readonly wrt: readonly string[];
  readonly factored?: ReadonlySet<string>;
}

const output = (name: string): ValueInfo => ({ name, type: null, dims: [] });

/** Derives one gradient graph of a classifier (asClassifier, lifted). */
export function gradientProgram(graph: Graph, request: ProgramRequest): GradientProgram {
  const { shapes, seed, wrt, factored } = request;
  const logits = graph.outputs[0].name;
  const b = createBuilder(graph, shapes);
  const covector =
    seed === "weights"
      ? COVECTOR
      : b.op("Sub", [b.op("Softmax", [logits], { axis: int(-1) }), COVECTOR]);
  const { gradients, factors } = sweep(graph, b, {
    rules,
    output: logits,
    covector,
    wrt,
    ...(factored === undefined ? {} : { factored }),
  });
  // An input may not be an output at the same time: the delta of a last dense layer is the covector.
  const inputs = new Set([...graph.inputs.map(({ name }) => name), COVECTOR]);
  const asOutput = (name: string): string => (inputs.has(name) ? b.op("Identity", [name]) : name);
  const named = new Map([...gradients].map(([of, name]) => [of, asOutput(name)]));
  const pairs = new Map(
    [...factors].map(([of, { activation, delta, deltaFirst }]) => [
      of,
      { activation: asOutput(activation), delta: asOutput(delta), deltaFirst },
    ]),
  );
  const factorNames = [...pairs.values()].flatMap((f) => [f.activation, f.delta]);
  const wanted = [...named.values(), ...factorNames];
  const covectorInput: ValueInfo = {
    name: COVECTOR,
    type: "float32",
    dims: ["batch", shapes.get(logits)!.at(-1)!],
  };
  return {
    logits,
    gradients: named,
    factors: pairs,
    graph: {
      ...graph,
      inputs: [...graph.inputs, covectorInput],
      outputs: [...new Set([logits, ...wanted])].map(output),
      initializers: new Map([...graph.initializers, ...b.initializers]),
      nodes: [...graph.nodes, ...b.nodes],
    },
  };
}

/** The same graph with the parameters as inputs: for training, where they change at every step. */
export function withParameterInputs(graph: Graph, parameters: readonly Parameter[]): Graph {
  const initializers = new Map(graph.initializers);
  for (const { name } of parameters) initializers.delete(name);
  const inputs = parameters.map(
    ({ name, shape }): ValueInfo => ({ name, type: "float32", dims: shape }),
  );
  return { ...graph, inputs: [...graph.inputs, ...inputs], initializers };
}
