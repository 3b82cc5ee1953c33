// Aggregate cuts whose rows stay in the scratch file: those of a large network would fill the memory of this process.
//
// The worker processes write the rows there and make their Gram matrix of it, strip by strip. After that the file is
// read three times, a row at a time: for the products with the gradient of the loss, for A' lambda and for the metric.
import { TemperError, throwIfAborted } from "../errors.ts";
import { addScaled, addSquares, dot, dotMixed } from "../tensor/vector.ts";
import {
  type AggregateCuts,
  type AggregateSource,
  askSums,
  meanOfSquares,
} from "./aggregate-cuts.ts";
import { gramOfScratch } from "./gram-block.ts";
import { readAt } from "./scratch.ts";
import { standIn } from "./stand-in.ts";

/** Rows of so many bytes stay in the file. */
const LARGE = 1e9;

/** Whether `rows` cuts of a network are so large that they stay in the workers' file, where there is one. */
export const staysInFile = (
  { network, workers }: Pick<AggregateSource, "network" | "workers">,
  rows: number,
): boolean => workers.scratch !== undefined && 4 * rows * network.theta0.length > LARGE;

/** An empty set of cuts over many points, whose sums are added at once, before any row that is given whole. */
export function createFiledCuts(source: AggregateSource): AggregateCuts {
  const { network, workers, scale, signal } = source;
  const p = network.theta0.length;
  const file = workers.scratch!;
  let filed = 0;
  let block: Float64Array = new Float64Array(0);
  const whole: Float64Array[] = [];
  /** The products of each of them with all rows before it, and with itself. */
  const products: Float64Array[] = [];

  const eachFiled = (chosen: Iterable<number>, visit: (row: Float32Array, r: number) => void) => {
    const row = new Float32Array(p);
    for (const r of chosen) {
      throwIfAborted(signal);
      readAt(file, row, 4 * r * p);
      visit(row, r);
    }
  };
  const inFile = (): number[] => Array.from({ length: filed }, (_, r) => r);
  const count = (): number => filed + whole.length;
  const entry = (r: number, s: number): number => {
    const [low, high] = [Math.min(r, s), Math.max(r, s)];
    return high < filed ? block[high * filed + low] : products[high - filed][low];
  };
  return {
    count,
    addLogitSums: async (theta, sums) => {
      if (sums.length === 0) return new Float64Array(0);
      if (count() > 0) throw new Error("sums whose rows stay in the file are added at once");
      const values = await askSums(source, theta, sums, (gradient) => {
        if (gradient !== undefined) throw noRoom(sums.length, p);
      });
      block = await gramOfScratch(workers, { n: sums.length, p }, signal);
      filed = sums.length;
      return values;
    },
    addRow: (row) => {
      const known = new Float64Array(count() + 1);
      eachFiled(inFile(), (other, r) => {
        known[r] = dotMixed(other, row);
      });
      for (const [w, other] of [...whole, row].entries()) known[filed + w] = dot(other, row);
      whole.push(row);
      products.push(known);
    },
    ...standIn(entry),
    remade: {
      product: async (v, chosen) => {
        const values = new Float64Array(count());
        eachFiled(
          chosen.filter((r) => r < filed),
          (row, r) => {
            values[r] = dotMixed(row, v);
          },
        );
        return Float64Array.from(chosen, (r) => (r < filed ? values[r] : dot(whole[r - filed], v)));
      },
      expand: async (weights) => {
        const total = new Float64Array(p);
        eachFiled(
          inFile().filter((r) => weights[r] !== 0),
          (row, r) => addScaled(total, weights[r], row),
        );
        for (const [w, row] of whole.entries()) addScaled(total, weights[filed + w] ?? 0, row);
        return total;
      },
    },
    meanSquares: () => {
      if (filed === 0) return undefined;
      const total = new Float64Array(p);
      eachFiled(inFile(), (row) => addSquares(total, row));
      return meanOfSquares(total, filed, scale);
    },
    bytes: () =>
      [block, ...whole, ...products].reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

function noRoom(rows: number, p: number): TemperError {
  const size = (4e-9 * rows * p).toPrecision(3);
  return new TemperError(
    "out-of-memory",
    `${rows} cuts over ${p} weights need ${size} GB of temporary files, for which there is no room\n` +
      "point TMPDIR at a folder with room, give fewer groups, or move less: --trainable last",
  );
}
