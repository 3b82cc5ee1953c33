// What moved, and by how much: of every theta that a run stored, by tensor and by size.
import { norm, subtract } from "../tensor/vector.ts";
import { BINS, type StepDocument } from "./document.ts";

/** Changes below this power of ten are put with it: float32 weights of usual size have no smaller ones. */
const SMALLEST = -10;

/** How theta differs from theta0; `layers` say where each tensor lies. */
export function stepOf(
  theta: Float32Array,
  {
    iteration,
    theta0,
    layers,
  }: {
    readonly iteration: number;
    readonly theta0: Float32Array;
    readonly layers: readonly { readonly offset: number; readonly size: number }[];
  },
): StepDocument {
  const d = subtract(theta, theta0);
  return {
    iteration,
    norms: layers.map(({ offset, size }) => rounded(norm(d.subarray(offset, offset + size)))),
    moved: d.reduce((count, v) => count + (v === 0 ? 0 : 1), 0),
    weights: d.length,
    changes: histogramOf(d),
  };
}

/** Four digits: more than a chart shows. */
const rounded = (value: number): number => Number(value.toPrecision(4));

/** How many changes have each size, in bins of equal ratio. */
function histogramOf(d: Float64Array): StepDocument["changes"] {
  const counts = new Map<number, number>();
  for (const v of d) {
    if (v === 0) continue;
    const bin = Math.max(SMALLEST * BINS, Math.floor(Math.log10(Math.abs(v)) * BINS));
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  const bins = [...counts.keys()].toSorted((a, b) => a - b);
  if (bins.length === 0) return { from: 0, counts: [] };
  const length = bins.at(-1)! - bins[0] + 1;
  return {
    from: bins[0] / BINS,
    counts: Array.from({ length }, (_, i) => counts.get(bins[0] + i) ?? 0),
  };
}
