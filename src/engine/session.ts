// One onnxruntime session: a graph made runnable. The only file that knows onnxruntime.
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { TemperError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import { writeGraph } from "../onnx/write.ts";

/** A float32 array with its shape. */
export interface FloatArray {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The same of float64. */
export interface DoubleArray {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

export interface SessionOptions {
  /** Off only where every value of the graph is asked for and fusing would lose some. */
  readonly optimize?: boolean;
}

/**
 * A runnable graph. The one class of the house beside the error: it owns native memory
 * (about 1 MB a session) that only `release` gives back.
 */
export class Session {
  readonly #native: InferenceSession;

  private constructor(native: InferenceSession) {
    this.#native = native;
  }

  /** @throws TemperError `model-unsupported` when onnxruntime refuses the graph, with its words. */
  static async create(graph: Graph, options: SessionOptions = {}): Promise<Session> {
    try {
      const native = await InferenceSession.create(writeGraph(graph), {
        executionProviders: ["cpu"],
        // Work is spread over processes (workers.ts); one thread each keeps them from fighting over cores.
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        graphOptimizationLevel: options.optimize === false ? "disabled" : "all",
        logSeverityLevel: 4,
      });
      return new Session(native);
    } catch (cause) {
      throw refusal(cause);
    }
  }

  /** Runs the graph; blocks the event loop for as long as it takes. Outputs keep the graph's order. */
  run(feeds: Readonly<Record<string, FloatArray>>): Promise<Map<string, FloatArray>> {
    return this.#run("float32", feeds);
  }

  /** The same for a graph whose inputs and outputs are float64. */
  runDouble(feeds: Readonly<Record<string, DoubleArray>>): Promise<Map<string, DoubleArray>> {
    return this.#run("float64", feeds);
  }

  async #run<A extends FloatArray | DoubleArray>(
    type: "float32" | "float64",
    feeds: Readonly<Record<string, A>>,
  ): Promise<Map<string, A>> {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new OrtTensor(type, data, dims),
    ]);
    try {
      const results = await this.#native.run(Object.fromEntries(tensors));
      return new Map(
        Object.entries(results).map(([name, { data, dims }]) => [
          name,
          { data, dims } as unknown as A,
        ]),
      );
    } catch (cause) {
      throw refusal(cause);
    }
  }

  async release(): Promise<void> {
    await this.#native.release();
  }
}

function refusal(cause: unknown): TemperError {
  const words = (cause as Error).message.split("\n")[0];
  return new TemperError("model-unsupported", `onnxruntime cannot run the model: ${words}`, {
    cause,
  });
}
