// The table that grows while Algorithm 1 runs: one row an iteration.
import type { IterationRecord } from "../correct/algorithm.ts";
import { growingTable } from "./growing.ts";

const shown = (value: number | null | undefined): string => value?.toPrecision(4) ?? "-";

/** Algorithm 2's objective beside the dual's. */
const blocks = ({ blocks: by }: IterationRecord): string[] =>
  by === undefined ? [] : [`objective ${shown(by.objectives.at(-1))}, dual ${shown(by.dual)}`];

export const iterationTable = growingTable<IterationRecord>(
  [
    ["iteration", 9, (r) => String(r.iteration)],
    ["cuts", 6, (r) => String(r.rows)],
    ["active", 6, (r) => String(r.active)],
    ["steps", 5, (r) => String(r.steps)],
    ["violation", 10, (r) => shown(r.anchor?.violation)],
    ["loss", 9, (r) => shown(r.anchor?.loss)],
    ["right", 5, (r) => String(r.anchor?.corrected ?? "-")],
    ["distance", 8, (r) => shown(r.distance)],
    ["falling", 7, (r) => String(r.asked?.falling ?? "-")],
    ["", 0, (r) => [...(r.status === "solved" ? [] : [r.status]), ...blocks(r)].join("; ")],
  ],
  // Only where sources are asked again is there a number that still fall.
  (heading, { asked }) => heading !== "falling" || asked !== undefined,
);
