// What a candidate can be judged by: the axes of the page's charts and the columns of its tables.
import type { Candidate } from "../correct/candidates.ts";
import { attackedCandidates, type EvaluatedRun } from "./evaluated.ts";
import { judgedBy } from "./judged.ts";
import { knownLoss } from "./known-loss.ts";

/** One way to judge a candidate. */
export interface Axis {
  readonly key: "violation" | "loss" | "distance" | "right" | "accuracy" | "flips" | "attacked";
  readonly label: string;
  /** null where it is not known of this candidate, or not finite. */
  of(candidate: Candidate): number | null;
  /** Whether less or more of it is better. */
  readonly better: "less" | "more";
  /** A share in [0, 1], a count, or any number. */
  readonly kind: "share" | "count" | "number";
}

/** The axes that something is known for, in the order in which they are shown. */
export function axesOf(run: EvaluatedRun): readonly Axis[] {
  const { before, validation, options, inputs } = run.record;
  const points = before?.points ?? inputs.points?.count;
  const { of: judged, right, accuracy } = judgedBy(options);
  return [
    {
      key: "violation",
      label: `violation of ${judged}`,
      of: ({ violation }) => violation,
      better: "less",
      kind: "number",
    },
    {
      key: "loss",
      label: "training loss",
      of: knownLoss,
      better: "less",
      kind: "number",
    },
    {
      key: "distance",
      label: "distance from θ₀",
      of: ({ distance }) => distance,
      better: "less",
      kind: "number",
    },
    accuracy !== undefined && points !== undefined
      ? {
          key: "right", // these are attacked, or bounded, at each candidate
          label: `${accuracy} of ${points} judging images`,
          of: ({ corrected }) => corrected / points,
          better: "more",
          kind: "share",
        }
      : {
          key: "right",
          label: points === undefined ? right : `${right}, of ${points}`,
          of: ({ corrected }) => corrected,
          better: "more",
          kind: "count",
        },
    ...heldOut(validation),
    ...underAttack(run),
  ];
}

/** What held-out data say of the candidates of the front. */
function heldOut(validation: EvaluatedRun["record"]["validation"]): Axis[] {
  if (validation === undefined) return [];
  const held = new Map(validation.front.map((c) => [idOf(c), c]));
  return [
    {
      key: "accuracy",
      label: "accuracy, held out",
      of: (c) => held.get(idOf(c))?.accuracy ?? null,
      better: "more",
      kind: "share",
    },
    {
      key: "flips",
      label: "negative flips, held out",
      of: (c) => held.get(idOf(c))?.negativeFlips ?? null,
      better: "less",
      kind: "count",
    },
  ];
}

/** What an evaluation says of the candidates whose files it was given. */
function underAttack(run: EvaluatedRun): Axis[] {
  const attacked = attackedCandidates(run);
  if (attacked === undefined) return [];
  const { label, accuracy } = attacked;
  return [
    {
      key: "attacked",
      label,
      of: (c) => accuracy.get(idOf(c)) ?? null,
      better: "more",
      kind: "share",
    },
  ];
}

/** How a candidate is named on the command line: its iteration and its step. */
export const idOf = ({ iteration, step }: Pick<Candidate, "iteration" | "step">): string =>
  `${iteration}:${step}`;
