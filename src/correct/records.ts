// What a run of either algorithm says: one record an iteration, and at the end what was found.
//
// Records are plain: JSON holds them without loss, so null stands for a number that is not finite.
import type { SolveStatus } from "../qp/nearest-point.ts";
import type { BlocksRecord } from "./blocks.ts";
import type { Candidate } from "./candidates.ts";
import type { Contradiction } from "./elastic.ts";
import type { Asked } from "./oracle.ts";

/** Why Algorithm 1 ended. */
export type RunEnd =
  /** All K iterations were made. */
  | "iterations"
  /** theta_k is an earlier anchor: its cuts are there already, so every further iteration would be the same. */
  | "repeated-anchor"
  /** Even in the elastic form (13) leads farther from theta0 than its own length, or to nothing. */
  | "contradiction"
  /** The last anchor's logits, loss or gradients are not finite, so there are no cuts at it. */
  | "not-finite"
  /** theta0 violates nothing, margin included: there is no point to correct. */
  | "corrected-already";

/** One iteration of Algorithm 1. */
export interface IterationRecord {
  /** k, from 1. */
  readonly iteration: number;
  /** The number of rows of (13). */
  readonly rows: number;
  /** How many of them were given up after this iteration, having been idle for long; absent where none was. */
  readonly dropped?: number;
  /** How the solve of (13) ended. */
  readonly status: SolveStatus;
  /** How many linear systems the solver solved. */
  readonly steps: number;
  /** The number of rows with a positive multiplier. */
  readonly active: number;
  /** How far the KKT conditions of (13) are from being met, as {@link Residuals} measures it; 0 is exact. */
  readonly residuals: {
    /** The largest violation of a row. */
    readonly primal: number | null;
    /** The largest violation of a bound on the multipliers. */
    readonly dual: number | null;
    /** The largest distance from a row that has a multiplier. */
    readonly complementarity: number | null;
  };
  /** ||d||_2 of the solution, before rounding. */
  readonly distance: number | null;
  /** Present where Algorithm 2 answered: d and the residuals are then its own, and all else is the dual's. */
  readonly blocks?: BlocksRecord;
  /** theta_k itself; null when the cuts contradict each other. */
  readonly anchor: AnchorRecord | null;
  /** What asking the sources at theta_k brought, in the cutting-set form. */
  readonly asked?: Asked;
}

/** What theta_k is worth, all of it and not a part of the way. */
export interface AnchorRecord
  extends Pick<Candidate, "violation" | "corrected" | "loss" | "lossEstimate"> {
  /** Present when theta_k is an earlier anchor: its iteration, 0 for theta0. */
  readonly repeats?: number;
}

/** What Algorithm 1 found. */
export interface Correction {
  readonly end: RunEnd;
  /** The cuts that excluded each other, by iteration; the last one may have ended the run. */
  readonly contradictions: readonly Contradiction[];
  /** theta_1, theta_2, ..., each [p]: `candidateTheta` rebuilds every candidate from them and theta0. */
  readonly anchors: readonly Float32Array[];
  /** Every candidate, theta0 first, then by iteration and step. */
  readonly pool: readonly Candidate[];
  /** Index in the pool of the choice (19). */
  readonly choice: number;
  readonly iterations: readonly IterationRecord[];
  /** What samples of D decided; absent where the loss was not sampled. */
  readonly screened?: Screened;
}

/** Candidates whose losses were not evaluated over all of D, because a sample told enough. */
export interface Screened {
  /** How many. */
  readonly candidates: number;
  /** The confidence that none of them belongs on the front. */
  readonly confidence: number;
}

/** Why the moving centre ended. */
export type CentreEnd =
  /** All K iterations were made. */
  | "iterations"
  /** The front has not moved for `patience` iterations. */
  | "front-settled"
  /** The time that the run may take is spent. */
  | "time-limit"
  /** The present theta's logits, loss or gradients are not finite, so there are no cuts at it. */
  | "not-finite";

/** One iteration of the moving centre; what is asked is theta before the step. */
export interface CentreRecord {
  /** k, from 1. */
  readonly iteration: number;
  /** How many points were asked. */
  readonly points: number;
  /** How many of them the classifier gets wrong. */
  readonly wrong: number;
  /** How many of them have a positive hinge: they are wrong, or right by less than the margin. */
  readonly violated: number;
  /** The mean of max(0, h_i) over the points. */
  readonly meanHinge: number;
  /** The mean loss over the images that were drawn for this iteration. */
  readonly sampledLoss: number;
  /** The mean loss of theta0 over the same images. */
  readonly sampledLossAtStart: number;
  /** The number of cuts. */
  readonly rows: number;
  /** How the solve of the subproblem ended. */
  readonly status: SolveStatus;
  /** How many linear systems the solver solved. */
  readonly steps: number;
  /** The number of rows with a positive multiplier. */
  readonly active: number;
  /** C where the rows were elastic, else null. */
  readonly penalty: number | null;
  /** The length of d at the nearest point, in the metric of the run; the step is shortened where the cap is less. */
  readonly solution: number;
  /** ||d||_2 of the step that was made. */
  readonly step: number;
  /** ||theta - theta0|| after the step. */
  readonly distance: number;
  /** The mean of the latest thetas, where it became a candidate in this iteration. */
  readonly candidate: Pick<Candidate, "violation" | "corrected" | "loss"> | null;
}

/** What the moving centre found. */
export interface CentreCorrection {
  readonly end: CentreEnd;
  /** The judged means; the n-th belongs to iteration min(n every, the last one judged). */
  readonly anchors: readonly Float32Array[];
  /** theta0 first, then every judged mean. */
  readonly pool: readonly Candidate[];
  /** Index in the pool of the choice (19). */
  readonly choice: number;
  readonly iterations: readonly CentreRecord[];
}
