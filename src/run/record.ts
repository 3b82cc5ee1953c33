// What a run is: the record that run.json holds, and the times beside it.
//
// Standard and paper correct points that are given, by Algorithm 1; robust is another algorithm. What differs
// between these two families are the options, the record of an iteration, and the reasons to end.
import type { AttackOptions } from "../attack/options.ts";
import type { Candidate } from "../correct/candidates.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type {
  CentreEnd,
  CentreRecord,
  IterationRecord,
  RunEnd,
  Screened,
} from "../correct/records.ts";
import type { Augmentation } from "../data/augment.ts";
import type { Reading } from "../data/reading.ts";
import type { NetworkOptions } from "../engine/network.ts";
import type { Certificate } from "./certificate.ts";
import type { CleanRecord } from "./clean.ts";
import type { CutWork } from "./cut-meter.ts";
import type { PointOptions } from "./points/options.ts";
import type { Proof } from "./points/proof.ts";
import type { RobustOptions } from "./robust/options.ts";
import type { Times } from "./stopwatch.ts";
import type { Validation } from "./validate.ts";

/** What the saved file said when it was asked by itself. */
export interface AskedFile {
  /** How many points were asked. */
  readonly points: number;
  /** How many of these the file gets right. */
  readonly right: number;
  /** How many images of D were asked. */
  readonly images: number;
  /** How many of these get the label that the run's own reading of the file gives. */
  readonly same: number;
}

/** What is particular to each family of recipes. */
export interface Families {
  /** The recipes standard and paper. */
  readonly points: {
    /** All options, resolved. */
    readonly options: PointOptions;
    /** The record of an iteration. */
    readonly iteration: IterationRecord;
    /** Why a run ends. */
    readonly end: RunEnd;
  };
  /** The recipe robust. */
  readonly robust: {
    /** All options, resolved. */
    readonly options: RobustOptions;
    /** The record of an iteration. */
    readonly iteration: CentreRecord;
    /** Why a run ends. */
    readonly end: CentreEnd;
  };
}
/** A family of recipes: `points` has standard and paper, `robust` the recipe of that name. */
export type Family = keyof Families;

/** A model measured on the points (robust: on the judging images, attacked anew) and on the training data. */
export interface Measured {
  /** (10), with the margin, 0 or more, in units of the logits. */
  readonly violation: number;
  /** L(theta; D): the mean loss that was asked for, on the training data. */
  readonly loss: number;
  /** Points with f_y above every rival, without the margin; with `certifyRadius` proven so in their whole balls. */
  readonly corrected: number;
  /** The number of points. */
  readonly points: number;
}

/** What is noted of a data set: enough to tell whether another one is the same. */
export interface InputRecord {
  /** SHA-256, hexadecimal, of element type, shape, pixels and labels. */
  readonly sha256: string;
  /** The number of images. */
  readonly count: number;
  /** How the images were changed on opening, where they were. */
  readonly augment?: Augmentation;
  /** How the images were read from their files, where that was stated. */
  readonly reading?: Reading;
  /** The names of the labels, where the data carry them. */
  readonly classes?: readonly string[];
}

/** The attack that made the points, and which of its points were taken. */
export interface PointOrigin {
  /** The attack, fully stated. */
  readonly attack: AttackOptions;
  /** The so many worst points, balanced over the labels. */
  readonly worst?: number | undefined;
  /** So many points in a seeded order, balanced over the labels. */
  readonly random?: number | undefined;
}

/** What a run is of: the same beginning and the same code give the same run. */
export interface RunBeginning<F extends Family = Family> {
  /** The version of this form of run.json. */
  readonly format: typeof FORMAT;
  /** The versions of this package and of the engine under it. */
  readonly versions: {
    /** The version of temper-onnx. */
    readonly temper: string;
    /** The version of onnxruntime-node. */
    readonly onnxruntime: string;
  };
  /** Every option that decides the result, resolved: given to `correct` again they repeat the run. */
  readonly options: Families[F]["options"];
  /** How the model is read: normalisation, output, what may move. */
  readonly network: NetworkOptions;
  /** Hashes of what the run was given. */
  readonly inputs: {
    /** The model that was corrected. */
    readonly model: {
      /** SHA-256, hexadecimal, of the file. */
      readonly sha256: string;
      /** The length of theta. */
      readonly parameters: number;
    };
    /** D: what the loss was measured on. */
    readonly data: InputRecord;
    /** Dadv, or with `reattack` the sources. Absent where the recipe robust was given none. */
    readonly points?: InputRecord & {
      /** The attack that made the points, where it is known. */
      readonly origin?: PointOrigin;
    };
    /** The images that the recipe robust attacked in place of those of `data`. */
    readonly sources?: InputRecord;
    /** Held-out data, where some were given. */
    readonly validation?: InputRecord;
  };
  /** Every file that the RUN folder may hold. */
  readonly files: readonly string[];
}

/** Format 1 had other options, no word of `reattack`, and called thetas.npz directions.npz. */
export const FORMAT = 2;

/** What an algorithm found. */
export interface Found<F extends Family = Family> {
  /** Why the iterations ended. */
  readonly end: Families[F]["end"];
  /** Cuts that excluded each other: in which iteration, how many rows, which points, and what then. */
  readonly contradictions: readonly Contradiction[];
  /** One record an iteration, in order. */
  readonly iterations: readonly Families[F]["iteration"][];
  /** Every candidate; theta0 is the first. */
  readonly pool: readonly Candidate[];
  /** Index in the pool of the chosen candidate. */
  readonly choice: number;
  /** Candidates that samples of D left off the front; absent where the loss was not sampled. */
  readonly screened?: Screened;
}

/**
 * run.json of a finished run: the same bytes for the same inputs, seed and options, whatever the number
 * of processes. While the run is unfinished run.json holds its beginning alone.
 */
export interface RunRecord<F extends Family = Family> extends RunBeginning<F>, Found<F> {
  /** theta0, measured. */
  readonly before: Measured;
  /** The corrected file, measured as it was read back. */
  readonly after: Measured;
  /** ||theta - theta0||_2 of the choice. */
  readonly distance: number;
  /** What must be said of the model and the data, a sentence each with its name as in `evaluate`. */
  readonly notes: readonly string[];
  /** Clean accuracy before and after, and the images that were right and are now wrong. */
  readonly clean: CleanRecord;
  /** Where the logits are linear in what may move: whether the choice is proven to be the nearest, and by what. */
  readonly proof?: Proof;
  /** With `certify` or `certifyRadius`: what is proven of the corrected file, by bounds that were evaluated on it. */
  readonly certificate?: Certificate;
  /** What the front costs on held-out data, where some were given. */
  readonly validation?: Validation;
  /** Points that the corrected file still gets wrong, or with `certifyRadius` is not proven right at, ascending. */
  readonly wrong: readonly number[];
  /** What the corrected file said by itself, asked image by image; null where onnxruntime does not run it as it is. */
  readonly asked: AskedFile | null;
  /** SHA-256 of the files that the record vouches for, by their names. */
  readonly hashes: Readonly<Record<string, string>>;
}

/**
 * timings.json: whatever differs from run to run. Of a run that was stopped, the parts are added. The stages are
 * `cuts`, `qp` (the subproblem (13)), `blocks` (by Algorithm 2), in them `gram` (its Gram entries) and `products`
 * (which cuts does d violate? A small part, for the right-hand side of new cuts, counts in `cuts`),
 * `loss-gradient`, `candidates`, in it `loss` (of the last theta_k: one evaluation of L(theta; D)), `points`
 * (attacked, of the recipe robust), `check`, `validate`, `clean` (the answers before and after).
 */
export interface Timings extends Times, CutWork {
  /** The machine in words: processor, cores, system, Node. */
  readonly machine: string;
  /** Worker processes. */
  readonly processes: number;
  /** When the run ended, ISO 8601. */
  readonly date: string;
  /** Where the inputs lay, as the caller named them. */
  readonly paths: Readonly<Record<string, string>>;
}

/** Whether a record is of the recipe robust. */
export const isRobust = (
  record: RunRecord<"points"> | RunRecord<"robust">,
): record is RunRecord<"robust"> => record.options.recipe === "robust";
