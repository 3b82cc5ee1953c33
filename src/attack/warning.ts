// What a warning is, and what it may look at: a model on its data, an attack, what came of it.
import type { GradientEnd } from "../autodiff/ends.ts";
import type { AnyDataset } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import type { Node } from "../onnx/graph.ts";
import type { Longer } from "./longer.ts";
import type { Probe } from "./probe.ts";
import type { Outcome } from "./worst.ts";

/** One attack and what came of it. */
export interface AttackEvidence extends Outcome {
  readonly longer?: Longer | undefined;
}

/** What is known of one model on one data set before it is attacked. */
export interface Sight {
  readonly data: AnyDataset;
  readonly network: Network;
  /** How many clean images are right, of those that were asked. */
  readonly right: number;
  readonly of: number;
  readonly probe: Probe;
  readonly ends: readonly GradientEnd[];
  /** The nodes that the gradient in the image passes straight through (autodiff/ends.ts). */
  readonly surrogates: readonly Node[];
}

/** All that is known of it afterwards. */
export interface Evidence extends Sight {
  /** f_y - max rival of each clean image. */
  readonly cleanMargins: Float32Array;
  readonly attacks: readonly AttackEvidence[];
}

/** What an attack may do, and how. */
export type Attempted = Pick<AttackEvidence, "options">;

/** A warning is asked beside the clean accuracy, of an attack before it begins, or of what came of it. */
export interface Warning {
  readonly name: string;
  /** When it is raised, as docs/evaluation.md says it. */
  readonly when: string;
  readonly clean?: (sight: Sight) => string | false;
  readonly attack?: (attack: Attempted, sight: Sight) => string | false;
  readonly outcome?: (attack: AttackEvidence, evidence: Evidence) => string | false;
}

/** A few images in a thousand, and more than one, are no accident of a random start. */
export const noticeable = (count: number, of: number): boolean => count >= 2 && count > 0.002 * of;
