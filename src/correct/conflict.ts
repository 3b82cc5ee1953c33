// Which points contradict each other, from the rows of (13) that do.
import type { Cut } from "./cuts.ts";

/** Cuts that cannot be met together, or only by leaving theta0 farther than its own length. */
export interface Conflict {
  /** Points with a cut among them, ascending. */
  readonly points: readonly number[];
  /** Whether a cut of the loss (8) is among them. */
  readonly loss: boolean;
}

/** What these rows of (13) stand for. */
export function conflictOf(cuts: readonly Cut[], rows: readonly number[]): Conflict {
  const named = new Set(rows.map((r) => cuts[r].point));
  const loss = named.delete("loss");
  return { points: [...named].filter((point) => point !== "loss").sort((a, b) => a - b), loss };
}
