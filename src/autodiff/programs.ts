// Makes the whole gradient graphs that the engine runs: forward nodes, seed, backward nodes, outputs.
import type { Graph, ValueInfo } from "../onnx/graph.ts";
import type { Parameter } from "../onnx/theta.ts";
import { createBuilder } from "./builder.ts";
import { foldNormalization } from "./fold.ts";
import type { Convolved, Factors, Rule } from "./rule.ts";
import { rules as allRules } from "./rules.ts";
import { COVECTOR, type Seed, seedGradient } from "./seeds.ts";
import type { Shapes } from "./shape.ts";
import { sweep } from "./sweep.ts";

export interface GradientProgram {
  /** Its inputs are the image and COVECTOR, its outputs the logits and then the gradients and factors below. */
  readonly graph: Graph;
  readonly logits: string;
  /** The name of the output that holds the gradient in each wanted value. */
  readonly gradients: ReadonlyMap<string, string>;
  /** The names of the outputs that hold the factors of each dense weight, where factors were asked for. */
  readonly factors: ReadonlyMap<string, Factors>;
  /** The names of the outputs that hold the parts of each convolution's weight that was asked for so. */
  readonly convolved: ReadonlyMap<string, Convolved>;
}

export interface ProgramRequest {
  readonly shapes: Shapes;
  readonly seed: Seed;
  /** What to differentiate in: the image's name, names of parameters, or both. */
  readonly wrt: readonly string[];
  readonly factored?: ReadonlySet<string>;
  readonly convolved?: ReadonlySet<string>;
  readonly endAtSteps?: boolean;
  /** By default these are the rules of rules.ts. */
  readonly rules?: ReadonlyMap<string, Rule>;
}

const output = (name: string): ValueInfo => ({ name, type: null, dims: [] });

/** Derives one gradient graph of a classifier (withHead, lifted). */
export function gradientProgram(classifier: Graph, request: ProgramRequest): GradientProgram {
  const { seed, wrt, factored, convolved, endAtSteps = false, rules = allRules } = request;
  const { graph, shapes } = foldNormalization(classifier, request.shapes);
  const logits = graph.outputs[0].name;
  const b = createBuilder(graph, shapes);
  const covector = seedGradient(b, seed, logits);
  const { gradients, factors, ...swept } = sweep(graph, b, {
    rules,
    output: logits,
    covector,
    wrt,
    endAtSteps,
    ...(factored === undefined ? {} : { factored }),
    ...(convolved === undefined ? {} : { convolved }),
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
  const apart = new Map(
    [...swept.convolved].map(([of, { image, delta, convolution }]) => [
      of,
      { image: asOutput(image), delta: asOutput(delta), convolution },
    ]),
  );
  const factorNames = [
    ...[...pairs.values()].flatMap((f) => [f.activation, f.delta]),
    ...[...apart.values()].flatMap((f) => [f.image, f.delta]),
  ];
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
    convolved: apart,
    graph: {
      ...graph,
      inputs: [...graph.inputs, covectorInput],
      outputs: [...new Set([logits, ...wanted])].map(output),
      initializers: new Map([...graph.initializers, ...b.initializers]),
      nodes: [...graph.nodes, ...b.nodes],
    },
  };
}

/** Makes inputs of the parameters, because training changes them at every step. */
export function withParameterInputs(graph: Graph, parameters: readonly Parameter[]): Graph {
  const initializers = new Map(graph.initializers);
  for (const { name } of parameters) initializers.delete(name);
  const inputs = parameters.map(
    ({ name, shape }): ValueInfo => ({ name, type: "float32", dims: shape }),
  );
  return { ...graph, inputs: [...graph.inputs, ...inputs], initializers };
}
