// What the page of a run is made of: run.json as it is, and beside it what needs pictures, thetas or the network.
//
// This is JSON: the page reads it from a block in the file, and live from the server. Numbers by the thousand
// (pixels) are base64; all else is as a reader would write it.
import type { Candidate } from "../correct/candidates.ts";
import type { Families, RunBeginning, RunRecord, Timings } from "../run/record.ts";

/** All that a page shows. */
export interface ReportDocument {
  /** The version of Temper that wrote it. */
  readonly temper: string;
  /** One run, or several on one plane. */
  readonly runs: readonly RunDocument[];
  /** Present on a page that a server keeps up to date. */
  readonly live?: LiveDocument;
}

/** What the server of a live page can do. */
export interface LiveDocument {
  /** The number of the last event that the document has in it. */
  readonly event: number;
  /** Whether the page may stop the run. */
  readonly stops: boolean;
  /** Whether the ONNX file of a candidate can be fetched. */
  readonly files: boolean;
}

/** Where the work stands that a live page follows. */
export interface LiveStatus {
  /**
   * `working`: in the process that serves the page. `followed`: the run is not finished, and no more is known than
   * its folder says. The others are ends.
   */
  readonly state: "working" | "followed" | "finished" | "stopped" | "failed";
  /** What goes on, and how far it is. */
  readonly stage?: string;
  readonly done?: number;
  readonly of?: number;
  /** As `files` of {@link LiveDocument}. */
  readonly files: boolean;
}

/** What a record holds only once the run is finished. */
type Ending = Exclude<keyof RunRecord, keyof RunBeginning | "iterations" | "pool" | "choice">;

/** The record of a run that is finished, or is not: then `end` and all that is measured at the end are missing. */
export type PageRecord = RunBeginning &
  Partial<Pick<RunRecord, Ending>> & {
    readonly iterations: readonly Families[keyof Families]["iteration"][];
    /** Of a run that is not finished, the front of what is known so far; empty before its first iteration. */
    readonly pool: readonly Candidate[];
    readonly choice: number;
  };

/** One run. */
export interface RunDocument {
  /** Its folder, as it was named. */
  readonly name: string;
  readonly record: PageRecord;
  readonly timings?: Timings;
  /** Options that are not the defaults: the word of each, its value, and the default where it has one. */
  readonly changed: readonly (readonly [word: string, value: string, usual: string | null])[];
  /** The call that makes the same run again. */
  readonly repeat: string;
  /** A word for each label: its name, or its number. */
  readonly labels: readonly string[];
  /** The tensors that may move. */
  readonly layers: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** What moved, of each theta that is stored: theta_k, or the n-th judged mean. */
  readonly steps: readonly StepDocument[];
  readonly points?: PointsDocument;
  readonly clean?: { readonly data: SetDocument; readonly validation?: SetDocument };
  /** The JSON of `temper evaluate`, where it was given. */
  readonly evaluation?: EvaluationDocument;
}

/** How far a stored theta lies from theta0: of theta_k, or of the mean judged in iteration k. */
export interface StepDocument {
  /** k. */
  readonly iteration: number;
  /** ||theta - theta0||_2 of each tensor. */
  readonly norms: readonly number[];
  /** How many weights moved, of how many. */
  readonly moved: number;
  readonly weights: number;
  /** How many weights moved by 10^from, 10^(from + 1/4), ... times, each up to the next: see `BINS`. */
  readonly changes: { readonly from: number; readonly counts: readonly number[] };
}

/** Bins of `changes` in a decade. */
export const BINS = 4;

/** Images for eyes: rows of pixels with their channels side by side. */
export interface PicturesDocument {
  readonly rows: number;
  readonly columns: number;
  /** 1 or 3. */
  readonly channels: number;
  /** Which images of the set are here, in this order. */
  readonly images: readonly number[];
  readonly pixels: PixelsDocument;
  /** The images before an attack, where they are known. */
  readonly clean?: PixelsDocument;
  /** What 0 and the largest number of `bits` stand for, in pixel units. */
  readonly range: readonly [number, number];
  /** Rows and columns of the images themselves, where these are smaller. */
  readonly scaledFrom?: readonly [number, number];
}

/** The pixels of images, one image after the other: numbers of so many bits, little-endian, base64. */
export interface PixelsDocument {
  readonly bits: 8 | 16;
  readonly base64: string;
}

/** The logits of the points at a candidate, or of those labels that matter. */
export interface AnswersDocument {
  /** Index in the pool. */
  readonly candidate: number;
  /** Of each point, the logits of its `shown` labels; null for one that is not finite. */
  readonly logits: readonly (readonly (number | null)[])[];
}

/** The points that had to be right. */
export interface PointsDocument {
  readonly count: number;
  /** The shape of one. */
  readonly shape: readonly number[];
  /** The true label of each. */
  readonly y: readonly number[];
  /** Index in the original data of each, where it is known. */
  readonly source?: readonly number[];
  readonly pictures?: PicturesDocument;
  /** Points that are no images: their numbers. */
  readonly values?: readonly (readonly number[])[];
  /** What these are called, where the data say so. */
  readonly columns?: readonly string[];
  /** Of each point, labels by number: all where they are few, else the true one and the strongest. */
  readonly shown: readonly (readonly number[])[];
  /** theta0, the choice, then others of the front while they are few. */
  readonly answers: readonly AnswersDocument[];
}

/** The answers on clean images before and after. */
export interface SetDocument {
  /** [true label, answer, images before, images after], where either is not 0 and the answer is wrong. */
  readonly confusion: readonly (readonly [number, number, number, number])[];
  /** Images that were right and are now wrong: index in the data, true label, answer. */
  readonly flipped: readonly (readonly [number, number, number])[];
  /** Pictures of these, as many as were kept; `images` are positions in `flipped`. */
  readonly pictures?: PicturesDocument;
}

/** What the page takes of the JSON of `temper evaluate`. */
export interface EvaluationDocument {
  readonly models: readonly {
    readonly path: string;
    readonly clean: {
      readonly n: number;
      readonly loss: number;
      readonly accuracy: number;
      readonly interval: readonly [number, number];
    };
    readonly attacks: readonly {
      readonly name: string;
      readonly norm: string;
      readonly eps: number;
      readonly protocol: string;
      readonly accuracy: number;
      readonly interval: readonly [number, number];
      readonly turned: number;
      readonly warnings: readonly string[];
    }[];
  }[];
}
