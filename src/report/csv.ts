// The candidates of a run as comma-separated values: one row each, under the names that run.json has.
import type { Candidate } from "../correct/candidates.ts";
import { axesOf, idOf } from "./axes.ts";
import type { RunDocument } from "./document.ts";

const COLUMNS = [
  ...["candidate", "iteration", "step", "alpha", "violation", "loss", "lossAtLeast"],
  ...["corrected", "distance", "front"],
] as const;

/** All candidates, or those that are given; held-out figures where they were measured. */
export function csvOf(
  run: Pick<RunDocument, "record">,
  candidates: readonly Candidate[] = run.record.pool,
): string {
  const held = axesOf(run).filter(({ key }) => key === "accuracy" || key === "flips");
  const names = held.map(({ key }) => (key === "accuracy" ? "accuracy" : "negativeFlips"));
  const rows = candidates.map((c) => {
    const cells = { ...c, candidate: idOf(c) };
    return [...COLUMNS.map((name) => cells[name]), ...held.map((axis) => axis.of(c))];
  });
  const lines = [[...COLUMNS, ...names], ...rows].map((row) => row.map((v) => v ?? "").join(","));
  return `${lines.join("\n")}\n`;
}
