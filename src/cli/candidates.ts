// How candidates and models are shown in tables: one row type for correct, select and demo.
import type { Candidate } from "../correct/candidates.ts";
import { idOf } from "../report/axes.ts";
import { judgedBy } from "../report/judged.ts";
import type { Measured } from "../run/record.ts";
import type { Run } from "../run/run.ts";
import { shown } from "./table.ts";

export const candidateHeadings = [
  "",
  "candidate",
  "alpha",
  "violation",
  "loss",
  "corrected",
  "distance",
];

/** One candidate; the chosen one is marked. */
export const candidateRow = (c: Candidate, chosen: boolean): string[] => [
  chosen ? ">" : "",
  idOf(c),
  c.alpha.toFixed(2),
  shown(c.violation),
  shown(c.loss),
  String(c.corrected),
  c.distance.toPrecision(4),
];

export const measuredHeadings = (options: Run["record"]["options"]): string[] => [
  ...["", "violation", "training loss"],
  judgedBy(options).right,
];

export const measuredRow = (name: string, m: Measured): string[] => [
  name,
  m.violation.toPrecision(4),
  m.loss.toPrecision(4),
  `${m.corrected} of ${m.points}`,
];
