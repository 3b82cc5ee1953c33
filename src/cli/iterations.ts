// The tables that grow while a correction runs: a row for each iteration, or for each candidate.
import type { CentreRecord, IterationRecord } from "../correct/records.ts";
import type { Context } from "./context.ts";
import { type GrowingTable, growing } from "./growing.ts";
import { percent, shown } from "./table.ts";

/** Algorithm 2's objective beside the dual's. */
const blocks = ({ blocks: by }: IterationRecord): string[] =>
  by === undefined ? [] : [`objective ${shown(by.objectives.at(-1))}, dual ${shown(by.dual)}`];

/** The loss of theta_k; "~" stands before what a sample of the data tells of it. */
const lossOf = ({ anchor }: IterationRecord): string =>
  anchor?.lossEstimate === undefined ? shown(anchor?.loss) : `~${shown(anchor.lossEstimate.loss)}`;

/** The table of Algorithm 1: a row for each iteration. With `certified` points count where their balls are proven. */
export const iterationTable = (certified: boolean): GrowingTable<IterationRecord> => ({
  columns: [
    ["iteration", 9, (r) => String(r.iteration)],
    ["cuts", 6, (r) => String(r.rows)],
    ["active", 6, (r) => String(r.active)],
    ["steps", 5, (r) => String(r.steps)],
    ["violation", 10, (r) => shown(r.anchor?.violation)],
    ["loss", 9, (r) => lossOf(r)],
    [certified ? "proven" : "right", certified ? 6 : 5, (r) => String(r.anchor?.corrected ?? "-")],
    ["distance", 8, (r) => shown(r.distance)],
    ["falling", 7, (r) => String(r.asked?.falling ?? "-")],
    ["", 0, (r) => [...(r.status === "solved" ? [] : [r.status]), ...blocks(r)].join("; ")],
  ],
  // Only where sources are attacked again is there a number of those that still fall.
  has: (heading, { asked }) => heading !== "falling" || asked !== undefined,
});

/** The table of the moving centre: what was looked at in an iteration, and how the candidate did on other images. */
const centreTable = (certify: boolean): GrowingTable<CentreRecord> => ({
  columns: [
    ["iteration", 9, (r) => String(r.iteration)],
    [certify ? "bounded" : "attacked", 8, (r) => String(r.points)],
    [certify ? "open" : "wrong", 6, (r) => percent(r.wrong / r.points)],
    ["hinge", 7, (r) => r.meanHinge.toPrecision(3)],
    ["cuts", 4, (r) => String(r.rows)],
    ["active", 6, (r) => String(r.active)],
    ["step", 6, (r) => r.step.toPrecision(3)],
    ["distance", 8, (r) => r.distance.toPrecision(3)],
    ["violation", 9, (r) => r.candidate?.violation?.toPrecision(4) ?? "-"],
    [certify ? "proven" : "right", certify ? 6 : 5, (r) => String(r.candidate?.corrected ?? "-")],
    ["loss", 7, (r) => r.candidate?.loss?.toPrecision(3) ?? "-"],
    ["", 0, (r) => (r.penalty === null ? "" : "elastic")],
  ],
});

/** Shows a row of the moving centre for each candidate. */
export function growingCandidates(
  context: Context,
  { certify = false }: { readonly certify?: boolean | undefined },
): (record: CentreRecord) => void {
  const show = growing(context, centreTable(certify));
  return (record) => {
    if (record.candidate !== null) show(record);
  };
}
