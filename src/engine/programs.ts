// The graphs of one network at one theta, made into sessions when first used and released together.
import { gradientEnds } from "../autodiff/ends.ts";
import {
  type GradientProgram,
  gradientProgram,
  type ProgramRequest,
  withParameterInputs,
} from "../autodiff/programs.ts";
import { COVECTOR } from "../autodiff/seeds.ts";
import { TemperError } from "../errors.ts";
import { type Graph, nodeLabel } from "../onnx/graph.ts";
import { withTheta } from "../onnx/theta.ts";
import type { Network } from "./network.ts";
import { oneByOne } from "./one-by-one.ts";
import type { Derivative, Runs } from "./runs.ts";
import { type FloatArray, Session } from "./session.ts";

/** The runs of one network at one theta. */
export interface Programs extends Runs {
  release(): Promise<void>;
}

const keyOf = ({ of, in: wrt, convolved = new Set() }: Derivative): string =>
  [`${of.name} in ${wrt}`, ...convolved].join(" ");

function request({ shapes, parameters, graph }: Network, derivative: Derivative): ProgramRequest {
  const seed = derivative.of.gradient;
  const theta = parameters.map((p) => p.name);
  switch (derivative.in) {
    case "image":
      // A model that rounds the image is attacked with the gradient it has, 0; `gradientEnds` tells of it.
      return { shapes, seed, wrt: [graph.inputs[0].name], endAtSteps: true };
    case "theta":
      return { shapes, seed, wrt: theta };
    case "theta in factors":
      return {
        ...{ shapes, seed, wrt: theta, factored: new Set(theta) },
        ...(derivative.convolved && { convolved: derivative.convolved }),
      };
  }
}

/** @throws TemperError `model-unsupported` where theta is empty: a quantised model can be asked, not moved */
export function demandTheta({ parameters }: Network): void {
  if (parameters.length > 0) return;
  throw new TemperError(
    "model-unsupported",
    "the model has no float weights that could be changed: export it in float32, with its weights in the file",
  );
}

/**
 * Refuses a network whose gradient in the image is 0 everywhere, for what cannot be had without one.
 *
 * @throws TemperError `model-unsupported` naming the operator at which the gradient ends
 */
export function demandInputGradient({ graph }: Network, what: string): void {
  const [end] = gradientEnds(graph);
  if (end === undefined) return;
  throw new TemperError(
    "model-unsupported",
    `${what} needs the gradient in the image, which ends at ${nodeLabel(end.node)}: it is 0 everywhere`,
  );
}

const derived = new WeakMap<Network, Map<string, GradientProgram>>();

/**
 * A gradient graph, derived once a network: the weights are not part of the derivation.
 *
 * @throws TemperError `model-unsupported` naming the operators on the way that have no gradient rule
 */
export function programOf(network: Network, derivative: Derivative): GradientProgram {
  const known = derived.get(network) ?? new Map<string, GradientProgram>();
  derived.set(network, known);
  const key = keyOf(derivative);
  const program = known.get(key) ?? gradientProgram(network.graph, request(network, derivative));
  known.set(key, program);
  return program;
}

/** How theta comes to a graph: as constants of it, or as inputs that every run feeds. */
interface ThetaAs {
  graph(of: Graph): Graph;
  feeds(): Readonly<Record<string, FloatArray>>;
}

function programsOf(network: Network, theta: ThetaAs): Programs {
  const sessions = new Map<string, Promise<Session>>();
  const image = network.graph.inputs[0].name;
  const { device } = network.options;
  const sessionOf = (name: string, graph: () => Graph): Promise<Session> => {
    const session = sessions.get(name) ?? Session.create(theta.graph(graph()), { device });
    sessions.set(name, session);
    return session;
  };
  const batch = (data: Float32Array, n: number): FloatArray => ({
    dims: [n, ...network.inputShape],
    data,
  });
  const runs: Runs = {
    logits: async (x, n) => {
      const session = await sessionOf("logits", () => network.graph);
      const outputs = await session.run({ ...theta.feeds(), [image]: batch(x, n) });
      return outputs.get(network.graph.outputs[0].name)!.data;
    },
    gradient: async (derivative, x, covector, n) => {
      const program = programOf(network, derivative);
      const session = await sessionOf(keyOf(derivative), () => program.graph);
      const outputs = await session.run({
        ...theta.feeds(),
        [image]: batch(x, n),
        [COVECTOR]: { dims: [n, network.labels], data: covector },
      });
      return { program, outputs };
    },
  };
  return {
    ...(network.images === undefined ? runs : oneByOne(network, network.images, runs)),
    release: async () => {
      // A session that onnxruntime refused holds nothing, and its caller was told.
      for (const session of await Promise.allSettled(sessions.values())) {
        if (session.status === "fulfilled") await session.value.release();
      }
      sessions.clear();
    },
  };
}

/** The programs of a network with theta baked in: onnxruntime folds and packs constant weights. */
export const openPrograms = (network: Network, theta: Float32Array): Programs =>
  programsOf(network, {
    graph: (of) => withTheta(of, network.parameters, theta),
    feeds: () => ({}),
  });

/** Programs that feed theta to every run: the runs are slower, but another theta needs no new session. */
export interface MovingPrograms extends Programs {
  /** Sets the theta of the runs that follow. */
  move(theta: Float32Array): void;
}

export function openMovingPrograms(network: Network): MovingPrograms {
  const { parameters } = network;
  let feeds: Readonly<Record<string, FloatArray>> = {};
  const programs = programsOf(network, {
    graph: (of) => withParameterInputs(of, parameters),
    feeds: () => feeds,
  });
  return {
    ...programs,
    move: (theta) => {
      feeds = Object.fromEntries(
        parameters.map(({ name, shape, offset, size }) => [
          name,
          { dims: shape, data: theta.subarray(offset, offset + size) },
        ]),
      );
    },
  };
}

/** The theta gradient of a run as one float64 vector, added onto `total` [p]. */
export function addThetaGradient(
  network: Network,
  program: GradientProgram,
  outputs: ReadonlyMap<string, FloatArray>,
  total: Float64Array,
): void {
  for (const { name, offset } of network.parameters) {
    const gradient = program.gradients.get(name);
    if (gradient === undefined) continue;
    const { data } = outputs.get(gradient)!;
    for (let i = 0; i < data.length; i++) total[offset + i] += data[i];
  }
}
