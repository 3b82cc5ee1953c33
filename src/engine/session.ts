// Makes a graph or a file runnable: the only file that knows onnxruntime.
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { ModelBytes } from "../onnx/external.ts";
import type { ElementType, Graph } from "../onnx/graph.ts";
import { writeApart } from "../onnx/write.ts";
import { halfToNumber } from "../tensor/half.ts";
import { refusal } from "./refusal.ts";

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
  /** Off where a session runs a few times only: weights packed for speed are a second copy of them. */
  readonly pack?: boolean;
}

// Work is spread over processes (workers.ts); one thread each keeps them from fighting over cores.
const NATIVE: InferenceSession.SessionOptions = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
};

/**
 * A runnable graph. It is a class because it owns native memory, about 1 MB a session, that only `release` gives back.
 */
export class Session {
  readonly #native: InferenceSession;

  private constructor(native: InferenceSession) {
    this.#native = native;
  }

  /** @throws TemperError `model-unsupported` when onnxruntime refuses the graph; its words are the cause. */
  static async create(graph: Graph, options: SessionOptions = {}): Promise<Session> {
    try {
      const { file, externalData } = writeApart(graph);
      const native = await InferenceSession.create(file, {
        ...NATIVE,
        externalData: [...externalData].map(([path, data]) => ({ path, data })),
        graphOptimizationLevel: options.optimize === false ? "disabled" : "all",
        ...(options.pack === false ? { extra: { session: { disable_prepacking: "1" } } } : {}),
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

/** Numbers of any type that a file's input may have; those of float16 are its bits. */
export interface AnyArray {
  readonly type: ElementType | null;
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Uint16Array;
}

/** A user's own file, as onnxruntime reads it: nothing of it goes through this package's graphs. */
export class FileSession {
  readonly #native: InferenceSession;

  private constructor(native: InferenceSession) {
    this.#native = native;
  }

  /** @throws TemperError `model-unsupported` when onnxruntime refuses the file; its words are the cause. */
  static async open({ file, externalData }: ModelBytes): Promise<FileSession> {
    try {
      const native = await InferenceSession.create(file, {
        ...NATIVE,
        externalData: [...externalData].map(([path, data]) => ({ path, data })),
      });
      return new FileSession(native);
    } catch (cause) {
      throw refusal(cause);
    }
  }

  /** Runs the file and returns the numbers of one output. */
  async ask(feeds: Readonly<Record<string, AnyArray>>, output: string): Promise<number[]> {
    const tensors = Object.entries(feeds).map(
      ([name, { type, dims, data }]) =>
        [
          name,
          new OrtTensor((type ?? "float32") as "float32", data as Float32Array, dims),
        ] as const,
    );
    try {
      const result = (await this.#native.run(Object.fromEntries(tensors), [output]))[output];
      const numbers = Array.from(result.data as Iterable<number>, Number);
      return result.type === "float16" ? numbers.map(halfToNumber) : numbers;
    } catch (cause) {
      throw refusal(cause);
    }
  }

  async release(): Promise<void> {
    await this.#native.release();
  }
}

/** Tells whether onnxruntime runs the file as it is. */
export async function canRun(files: ModelBytes): Promise<boolean> {
  try {
    await (await FileSession.open(files)).release();
    return true;
  } catch {
    return false;
  }
}
