// Makes a graph or a file runnable: the only file that knows onnxruntime.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  env,
  InferenceSession,
  listSupportedBackends,
  Tensor as OrtTensor,
} from "onnxruntime-node";
import type { ModelBytes } from "../onnx/external.ts";
import type { ElementType, Graph } from "../onnx/graph.ts";
import { writeApart } from "../onnx/write.ts";
import { halfToNumber } from "../tensor/half.ts";
import { type Device, missingDevice } from "./device.ts";
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
  /**
   * Where the graph runs; undefined is the processor. Every graph says it, so that none forgets it. What the device
   * has no operator for onnxruntime runs on the processor.
   */
  readonly device: Device | undefined;
  /** Off only where every value of the graph is asked for and fusing would lose some. */
  readonly optimize?: boolean;
  /** Off where a session runs a few times only: weights packed for speed are a second copy of them. */
  readonly pack?: boolean;
  /**
   * How many threads the graph is run by, where this process works while all others wait; default one. A matrix
   * product is shared out by rows and columns, so its bits are the same.
   */
  readonly threads?: number | undefined;
}

// Work is spread over processes (workers.ts); one thread each keeps them from fighting over cores.
const NATIVE: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
};

// onnxruntime's own log of a device that is missing would stand before the one line that is said of it.
env.logLevel = "fatal";

/** Numbers of any type that a file's input may have; those of float16 are its bits. */
export interface AnyArray {
  readonly type: ElementType | null;
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Uint16Array;
}

/**
 * A runnable graph, or a user's own file. It is a class because it owns native memory, about 1 MB a session, that only
 * `release` gives back. Whatever onnxruntime refuses is a TemperError `model-unsupported`; its words are the cause.
 */
export class Session {
  readonly #native: InferenceSession;

  private constructor(native: InferenceSession) {
    this.#native = native;
  }

  /** A session of a graph. */
  static create(
    graph: Graph,
    { device, optimize, pack, threads = 1 }: SessionOptions,
  ): Promise<Session> {
    const extra = {
      ...(pack === false && { disable_prepacking: "1" }),
      // Threads that wait for the next run by spinning would take the cores from the other processes.
      ...(threads > 1 && { intra_op: { allow_spinning: "0" } }),
    };
    return Session.#of(() => writeApart(graph), device, {
      graphOptimizationLevel: optimize === false ? "disabled" : "all",
      intraOpNumThreads: threads,
      ...(Object.keys(extra).length > 0 && { extra: { session: extra } }),
    });
  }

  /**
   * A session of a file as onnxruntime reads it: nothing of it goes through this package's graphs. It runs on the
   * processor whatever the device: there onnxruntime has every operator and type of number that a file may use, and
   * what is right on the device alone is found out.
   */
  static open(files: ModelBytes): Promise<Session> {
    return Session.#of(() => files, "cpu", {});
  }

  static async #of(
    files: () => ModelBytes,
    device: Device = "cpu",
    options: InferenceSession.SessionOptions,
  ): Promise<Session> {
    await demandDevice(device);
    try {
      const { file, externalData } = files();
      const data = [...externalData].map(([path, bytes]) => ({ path, data: bytes }));
      const native = {
        ...NATIVE,
        ...options,
        executionProviders: [device],
        externalData: data,
      };
      return new Session(await InferenceSession.create(file, native));
    } catch (cause) {
      throw refusal(cause);
    }
  }

  /** Runs the graph; blocks the event loop for as long as it takes. Outputs keep the graph's order. */
  run(feeds: Readonly<Record<string, FloatArray>>): Promise<Map<string, FloatArray>> {
    return this.#run(feeds);
  }

  /** The same for a graph whose outputs are float64, and its inputs as their numbers are. */
  runDouble(
    feeds: Readonly<Record<string, FloatArray | DoubleArray>>,
  ): Promise<Map<string, DoubleArray>> {
    return this.#run(feeds);
  }

  async #run<A extends FloatArray | DoubleArray>(
    feeds: Readonly<Record<string, FloatArray | DoubleArray>>,
  ): Promise<Map<string, A>> {
    const typed = Object.entries(feeds).map(([name, { dims, data }]) => {
      const type = data instanceof Float64Array ? ("float64" as const) : ("float32" as const);
      return [name, { type, dims, data }];
    });
    const results = await this.#results(Object.fromEntries(typed));
    return new Map(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        { data, dims } as unknown as A,
      ]),
    );
  }

  /** Runs a file and returns the numbers of one output. */
  async ask(feeds: Readonly<Record<string, AnyArray>>, output: string): Promise<number[]> {
    const { type, data } = (await this.#results(feeds, [output]))[output];
    const numbers = Array.from(data as Iterable<number>, Number);
    return type === "float16" ? numbers.map(halfToNumber) : numbers;
  }

  async #results(
    feeds: Readonly<Record<string, AnyArray>>,
    outputs?: string[],
  ): Promise<InferenceSession.ReturnType> {
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [
      name,
      new OrtTensor((type ?? "float32") as "float32", data as Float32Array, dims),
    ]);
    const named = Object.fromEntries(tensors);
    try {
      return await (outputs === undefined
        ? this.#native.run(named)
        : this.#native.run(named, outputs));
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
    await (await Session.open(files)).release();
    return true;
  } catch {
    return false;
  }
}

/** A graph that every device can run. */
const PROBE: Graph = {
  name: "probe",
  opset: 18,
  inputs: [{ name: "x", type: "float32", dims: [1] }],
  outputs: [{ name: "y", type: "float32", dims: [1] }],
  initializers: new Map(),
  nodes: [{ op: "Relu", name: "", inputs: ["x"], outputs: ["y"], attributes: new Map() }],
};

const asked = new Map<Device, Promise<void>>();

/**
 * Refuses a device that is not to be had in this process, which runs a number on it once to see.
 *
 * @throws TemperError `bad-option`, in one line that says what is missing
 */
export function demandDevice(device: Device = "cpu"): Promise<void> {
  if (device === "cpu") return Promise.resolve();
  const answer = asked.get(device) ?? tryDevice(device);
  asked.set(device, answer);
  return answer;
}

async function tryDevice(device: Exclude<Device, "cpu">): Promise<void> {
  // cuBLAS and cuDNN would round what they multiply to TF32, whose 10 bits are far too few for a gradient.
  if (device === "cuda") process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  try {
    const options = { ...NATIVE, executionProviders: [device] };
    const session = await InferenceSession.create(writeApart(PROBE).file, options);
    await session.run({ x: new OrtTensor("float32", Float32Array.of(1), [1]) });
    await session.release();
  } catch (cause) {
    const listed = listSupportedBackends().map(({ name }) => name);
    throw missingDevice({ device, listed, script: scriptFor(device), cause });
  }
}

/** The install script that gets the libraries of CUDA, where they are not beside onnxruntime-node. */
function scriptFor(device: Device): string | undefined {
  if (device !== "cuda") return undefined;
  const script = createRequire(import.meta.url).resolve("onnxruntime-node/script/install.js");
  const folder = join(dirname(script), "..", "bin", "napi-v6", process.platform, process.arch);
  return existsSync(join(folder, "libonnxruntime_providers_cuda.so")) ? undefined : script;
}
