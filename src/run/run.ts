// A run in memory: its candidates, its front, any candidate's parameters and file, and how it is saved.
import { type Candidate, candidateTheta, type Layout } from "../correct/candidates.ts";
import { choose } from "../correct/choice.ts";
import { modelFiles, type Network, networkBytes, roundTheta } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { prepareFolder } from "./folder/files.ts";
import { type FileBytes, writeRun } from "./folder/write.ts";
import type { Families, Family, Measured, RunRecord, Timings } from "./record.ts";

/** A finished correction of one family of recipes. */
export interface RunOf<F extends Family> {
  /** Which recipe it was; it tells the two families apart. */
  readonly recipe: Families[F]["options"]["recipe"];
  /** What run.json holds. */
  readonly record: RunRecord<F>;
  /** What timings.json holds. */
  readonly timings: Timings;
  /** Every candidate; theta0 is the first. */
  readonly pool: readonly Candidate[];
  /** The candidates that no other dominates. */
  readonly front: readonly Candidate[];
  /** The candidate whose file is corrected.onnx. */
  readonly choice: Candidate;
  /** theta0, measured. */
  readonly before: Measured;
  /** The corrected file, measured as it was read back. */
  readonly after: Measured;
  /**
   * The choice (19) by another weight in [0, 1], at once.
   *
   * @throws TemperError `bad-option`
   */
  select(weight: number): Candidate;
  /** A candidate's parameters, float32 [p]: every one can be rebuilt from the stored thetas. */
  theta(candidate: Candidate): Float32Array;
  /**
   * The ONNX file of a candidate.
   *
   * @throws TemperError `model-unsupported` where the model keeps weights in other files: `files` gives them all
   */
  bytes(candidate: Candidate): Uint8Array<ArrayBuffer>;
  /** The files of a candidate by their names: the ONNX file `name`, and `name.data` where weights lie outside it. */
  files(candidate: Candidate, name: string): ReadonlyMap<string, Uint8Array>;
  /**
   * Writes the RUN folder, and checks what it wrote.
   *
   * @throws TemperError `file-exists` where the folder holds something else, or a run and `force` is not given
   */
  save(folder: string, options?: { readonly force?: boolean | undefined }): Promise<void>;
}

/** A finished correction by the recipes standard and paper. */
export type PointRun = RunOf<"points">;
/** A finished correction by the recipe robust. */
export type RobustRun = RunOf<"robust">;
/** A finished correction; `recipe` tells which. */
export type Run = PointRun | RobustRun;

/** A run by its parts. */
export interface RunParts<F extends Family> {
  readonly record: RunRecord<F>;
  readonly timings: Timings;
  /** The network at any theta; what is not theta in its files is the user's. */
  readonly network: Network;
  readonly theta0: Float32Array;
  /** theta_1 ... theta_k. */
  readonly anchors: readonly Float32Array[];
  /** The bytes of the files that the record vouches for. */
  readonly files: FileBytes;
}

/** Where the candidates of a run lie. */
export const layoutOf = (options: Families[Family]["options"], network: Network): Layout =>
  options.recipe === "robust"
    ? { kind: "means", every: options.every }
    : {
        kind: "lines",
        alphas: options.alphas,
        round: (theta) => roundTheta(network, theta),
      };

/** A run from its parts. */
export function createRun<F extends Family>(parts: RunParts<F>): RunOf<F> {
  const { record, timings, network, theta0, anchors, files } = parts;
  const { pool, options } = record;
  const theta = (candidate: Candidate): Float32Array =>
    candidateTheta(candidate, theta0, anchors, layoutOf(options, network));
  return {
    recipe: options.recipe,
    record,
    timings,
    pool,
    front: pool.filter(({ front }) => front),
    choice: pool[record.choice],
    before: record.before,
    after: record.after,
    select: (weight) => {
      if (!(weight >= 0 && weight <= 1)) {
        throw new TemperError("bad-option", `weight ${weight}: expected a number from 0 to 1`);
      }
      return pool[choose(pool, { ...options, weight })];
    },
    theta,
    bytes: (candidate) => networkBytes(network, theta(candidate)),
    files: (candidate, name) => modelFiles(network, theta(candidate), name),
    save: async (folder, { force = false } = {}) => {
      await prepareFolder(folder, force);
      await writeRun(folder, { record, timings, files });
    },
  };
}
