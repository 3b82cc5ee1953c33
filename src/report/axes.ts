// What a candidate can be judged by: the axes of the page's charts and the columns of its tables.
import type { Candidate } from "../correct/candidates.ts";
import type { RunDocument } from "./document.ts";

/** One way to judge a candidate. */
export interface Axis {
  readonly key: "violation" | "loss" | "distance" | "right" | "accuracy" | "flips";
  readonly label: string;
  /** null where it is not known of this candidate, or not finite. */
  of(candidate: Candidate): number | null;
  /** Whether less or more of it is better. */
  readonly better: "less" | "more";
  /** A share in [0, 1], a count, or any number. */
  readonly kind: "share" | "count" | "number";
}

/** The axes that something is known for, in the order in which they are shown. */
export function axesOf({ record }: Pick<RunDocument, "record">): readonly Axis[] {
  const { before, validation, options, inputs } = record;
  const points = before?.points ?? inputs.points?.count;
  const held = new Map(validation?.front.map((c) => [idOf(c), c]));
  const judged = options.recipe === "robust" ? "judging images" : "points";
  const plain: Axis[] = [
    {
      key: "violation",
      label: `violation of the ${judged}`,
      of: ({ violation }) => violation,
      better: "less",
      kind: "number",
    },
    {
      key: "loss",
      label: "training loss",
      of: ({ loss, lossAtLeast }) => loss ?? lossAtLeast ?? null,
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
    {
      key: "right",
      label: points === undefined ? `${judged} right` : `${judged} right, of ${points}`,
      of: ({ corrected }) => corrected,
      better: "more",
      kind: "count",
    },
  ];
  if (held.size === 0) return plain;
  return [
    ...plain,
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

/** How a candidate is named on the command line: its iteration and its step. */
export const idOf = ({ iteration, step }: Pick<Candidate, "iteration" | "step">): string =>
  `${iteration}:${step}`;
