// One minibatch of training: its loss, its gradient, and the running averages that it moves.
//
// The weights are inputs of the graph here, because they change at every step. A minibatch that is
// normalised by its own statistics is one run: it cannot be split.
import { gradientProgram, withParameterInputs } from "../autodiff/programs.ts";
import { COVECTOR } from "../autodiff/seeds.ts";
import { oneHot } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { sumLoss } from "../engine/losses.ts";
import type { Network } from "../engine/network.ts";
import { addThetaGradient } from "../engine/programs.ts";
import { type FloatArray, Session } from "../engine/session.ts";
import { trainingGraph, trainingRules, updateRunning } from "./batch-norm.ts";

export interface Stepper {
  /**
   * The summed loss of n images x [n, ...inputShape] at theta and the gradient of their mean loss,
   * float64 [p]. Moves the running averages.
   */
  gradient(
    theta: Float32Array,
    x: Float32Array,
    y: Int32Array,
  ): Promise<{ readonly loss: number; readonly gradient: Float64Array }>;
  release(): Promise<void>;
}

/** The running averages of a network by the names of their tensors, as its file has them; most have none. */
export function runningAverages({ graph, shapes }: Network): Map<string, Float64Array> {
  const { statistics } = trainingGraph(graph, shapes);
  const names = statistics.flatMap(({ runningMean, runningVariance }) => [
    runningMean,
    runningVariance,
  ]);
  return new Map(
    names.map((name) => [
      name,
      Float64Array.from(graph.initializers.get(name)!.values as Float32Array),
    ]),
  );
}

/** Opens a session for the steps of a network; each step moves the averages `running`. */
export async function createStepper(
  network: Network,
  running: ReadonlyMap<string, Float64Array>,
): Promise<Stepper> {
  const { labels, parameters, inputShape, shapes } = network;
  const { graph, statistics } = trainingGraph(network.graph, shapes);
  const program = gradientProgram(graph, {
    shapes,
    seed: crossEntropy.gradient,
    wrt: parameters.map(({ name }) => name),
    rules: trainingRules,
  });
  const seen = statistics
    .flatMap(({ mean, variance }) => [mean, variance])
    .map((name) => ({ name, type: null, dims: [] }));
  const withStatistics = { ...program.graph, outputs: [...program.graph.outputs, ...seen] };
  const session = await Session.create(withParameterInputs(withStatistics, parameters), {
    device: network.options.device,
  });
  return {
    gradient: async (theta, x, y) => {
      const n = y.length;
      const feeds: Record<string, FloatArray> = {
        [graph.inputs[0].name]: { dims: [n, ...inputShape], data: x },
        [COVECTOR]: { dims: [n, labels], data: oneHot(y, labels) },
      };
      for (const { name, shape, offset, size } of parameters) {
        feeds[name] = { dims: shape, data: theta.subarray(offset, offset + size) };
      }
      const outputs = await session.run(feeds);
      const gradient = new Float64Array(theta.length);
      addThetaGradient(network, program, outputs, gradient);
      for (let i = 0; i < gradient.length; i++) gradient[i] /= n;
      updateRunning(running, statistics, (name) => outputs.get(name)!.data, n);
      return {
        loss: sumLoss(crossEntropy, outputs.get(program.logits)!.data, labels, y),
        gradient,
      };
    },
    release: () => session.release(),
  };
}
