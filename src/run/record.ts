// What a run is: the record that run.json holds, and the run in memory.

import type { AttackOptions } from "../attack/options.ts";
import type { IterationRecord, RunEnd } from "../correct/algorithm.ts";
import type { Candidate } from "../correct/candidates.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { CentreEnd, CentreRecord } from "../correct/moving-centre.ts";
import type { Augmentation } from "../data/augment.ts";
import type { NetworkOptions } from "../engine/network.ts";
import type { CutWork } from "./cut-meter.ts";
import type { CorrectOptions } from "./options.ts";
import type { Proof } from "./proof.ts";
import type { RobustOptions } from "./robust-options.ts";
import type { Times } from "./stopwatch.ts";
import type { Validation } from "./validate.ts";

/** A model measured on the points (robust: on the judging images, attacked anew) and on the training data. */
export interface Measured {
  /** (10), with the margin. */
  readonly violation: number;
  /** L(theta; D): the mean loss that was asked for, on the training data. */
  readonly loss: number;
  /** Points with f_y above every rival, without the margin. */
  readonly corrected: number;
  readonly points: number;
}

export interface InputRecord {
  readonly sha256: string;
  readonly count: number;
  /** How the images were changed on opening, where they were. */
  readonly augment?: Augmentation;
}

/** The attack that made the points, and which of its points were taken. */
export interface PointOrigin {
  readonly attack: AttackOptions;
  readonly worst?: number | undefined;
  readonly random?: number | undefined;
}

/** What a run is of: the same beginning and the same code give the same run. */
export interface RunBeginning {
  readonly format: 1;
  readonly versions: { readonly temper: string; readonly onnxruntime: string };
  readonly options: CorrectOptions | RobustOptions;
  /** How the model is read: normalisation, output. */
  readonly network: NetworkOptions;
  readonly inputs: {
    readonly model: { readonly sha256: string; readonly parameters: number };
    readonly data: InputRecord;
    /** Absent where the robust recipe was given none. */
    readonly points?: InputRecord & { readonly origin?: PointOrigin };
    /** The images that the robust recipe attacked in place of those of `data`. */
    readonly sources?: InputRecord;
    /** Held-out data, where some were given. */
    readonly validation?: InputRecord;
  };
  /** Every file that the RUN folder may hold. */
  readonly files: readonly string[];
}

/**
 * run.json of a finished run: the same bytes for the same inputs, seed and options, whatever the number
 * of processes. While the run is unfinished run.json holds its beginning alone.
 */
export interface RunRecord extends RunBeginning {
  /** Why the iterations ended. */
  readonly end: RunEnd | CentreEnd;
  /** Cuts that excluded each other: in which iteration, how many rows, which points, and what then. */
  readonly contradictions: readonly Contradiction[];
  /** Of Algorithm 1, or of the moving centre where the recipe is robust. */
  readonly iterations: readonly (IterationRecord | CentreRecord)[];
  /** Every candidate; theta0 is the first. */
  readonly pool: readonly Candidate[];
  /** Index in the pool of the chosen candidate. */
  readonly choice: number;
  /** theta0, and the corrected file as it was read back. */
  readonly before: Measured;
  readonly after: Measured;
  /** ||theta - theta0||_2 of the choice. */
  readonly distance: number;
  /** Where the logits are linear in what may move: whether the choice is proven to be the nearest, and by what. */
  readonly proof?: Proof;
  /** What the front costs on held-out data, where some were given. */
  readonly validation?: Validation;
  /** Points that the corrected file still gets wrong. */
  readonly wrong: readonly number[];
  /** SHA-256 of those that the record vouches for. */
  readonly hashes: Readonly<Record<string, string>>;
}

/**
 * timings.json: whatever differs from run to run. Of a run that was stopped, the parts are added. Stages: `cuts`,
 * `qp` (the subproblem (13)), `blocks` (by Algorithm 2), in them `gram` (its Gram entries) and `products` (which
 * cuts does d violate? A small part, for the right-hand side of new cuts, counts in `cuts`), `loss-gradient`,
 * `candidates`, in it `loss` (of the last theta_k: one evaluation of L(theta; D)), `points` (attacked, of the
 * robust recipe), `check`, `validate`.
 */
export interface Timings extends Times, CutWork {
  readonly machine: string;
  readonly processes: number;
  readonly date: string;
  readonly paths: Readonly<Record<string, string>>;
}

/** A finished correction. */
export interface Run {
  readonly record: RunRecord;
  readonly timings: Timings;
  readonly pool: readonly Candidate[];
  /** The candidates that no other dominates. */
  readonly front: readonly Candidate[];
  readonly choice: Candidate;
  readonly before: Measured;
  readonly after: Measured;
  /** (19) with another weight, at once. */
  select(weight: number): Candidate;
  /** A candidate's parameters [p]: every member can be rebuilt from the stored directions. */
  theta(candidate: Candidate): Float32Array;
  /** The ONNX file of a candidate. */
  bytes(candidate: Candidate): Uint8Array<ArrayBuffer>;
  /** Writes the RUN folder, and checks what it wrote. */
  save(folder: string, options?: { readonly force?: boolean | undefined }): Promise<void>;
}
