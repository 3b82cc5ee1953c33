// The work behind the subproblem, counted exactly and timed: Gram entries, and products of rows with a vector.
import type { CutSet } from "../correct/oracle.ts";
import type { Stopwatch } from "./stopwatch.ts";

export interface CutWork {
  /** Entries of A A' computed. */
  readonly gramEntries: number;
  /** Rows a_i whose product a_i . v was computed. */
  readonly rowProducts: number;
  /** What the last set of cuts held. */
  readonly bytesOfCuts: number;
}

export interface CutMeter {
  /** The same set; its work is counted, and its time measured apart from that of the solver that asks for it. */
  metered(set: CutSet): CutSet;
  work(): CutWork;
}

export const noWork: CutWork = { gramEntries: 0, rowProducts: 0, bytesOfCuts: 0 };

/** Goes on from `earlier` where a run is taken up again. */
export function cutMeter(clock: Stopwatch, earlier: CutWork = noWork): CutMeter {
  let { gramEntries, rowProducts, bytesOfCuts } = earlier;
  return {
    metered: (set) => {
      // The bytes are asked for as they change: a set that is kept for them would keep its rows after their use.
      const count = (): void => {
        bytesOfCuts = set.bytes();
      };
      return {
        ...set,
        addRow: async (row) => {
          await set.addRow(row);
          count();
        },
        drop: (rows) => {
          set.drop?.(rows);
          count();
        },
        gram: (rows, columns) => {
          gramEntries += rows.length * columns.length;
          return clock.measure("gram", () => set.gram(rows, columns));
        },
        times: (v) => {
          const timesV = clock.measure("products", () => set.times(v));
          return (chosen) => {
            rowProducts += chosen.length;
            return clock.measure("products", () => timesV(chosen));
          };
        },
      };
    },
    work: () => ({ gramEntries, rowProducts, bytesOfCuts }),
  };
}
