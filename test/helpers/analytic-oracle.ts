// A classifier written down as formulas, so that Algorithm 1 can be followed by hand; it logs what it is asked.
import type { Oracle } from "../../src/correct/oracle.ts";
import { denseRows } from "../../src/qp/dense-rows.ts";
import { addScaled } from "../../src/tensor/vector.ts";

/** A value and its gradient in theta. */
export interface Term {
  readonly value: number;
  readonly gradient: readonly number[];
}
export type Formula = (theta: ArrayLike<number>) => Term;

export interface AnalyticNetwork {
  readonly theta0: readonly number[];
  /** f_l(x_i; theta), by point, then label. */
  readonly logits: readonly (readonly Formula[])[];
  /** y_i */
  readonly y: readonly number[];
  readonly loss: Formula;
}

/** c' theta + constant */
export const linear =
  (c: readonly number[], constant = 0): Formula =>
  (theta) => ({ value: c.reduce((sum, v, i) => sum + v * theta[i], constant), gradient: c });

/** scale / 2 ||theta - centre||^2 + constant */
export const bowl =
  (centre: readonly number[], scale = 1, constant = 0): Formula =>
  (theta) => {
    const gradient = centre.map((c, i) => scale * (theta[i] - c));
    return { value: gradient.reduce((s, v) => s + (v * v) / (2 * scale), constant), gradient };
  };

/** The oracle of the formulas; `asked` lists its evaluations over the training data or the points. */
export function analyticOracle(network: AnalyticNetwork): Oracle & { readonly asked: string[] } {
  const { logits, loss } = network;
  const theta0 = Float32Array.from(network.theta0);
  const p = theta0.length;
  const asked: string[] = [];
  return {
    asked,
    theta0,
    tensors: [{ name: "theta", offset: 0, size: p, kind: "weight" }],
    labels: logits[0].length,
    y: () => Int32Array.from(network.y),
    logits: async (theta) => {
      asked.push("logits");
      return Float64Array.from(logits.flat(), (f) => f(theta).value);
    },
    loss: async (theta) => {
      asked.push("loss");
      return loss(theta).value;
    },
    boundedLoss: async (theta, limit) => {
      asked.push("loss");
      const { value } = loss(theta);
      return value > limit ? { lossAtLeast: limit } : { loss: value };
    },
    lossGradient: async (theta) => {
      asked.push("lossGradient");
      const { value, gradient } = loss(theta);
      return { loss: value, gradient: Float64Array.from(gradient) };
    },
    // Every logit rises by at most one per unit of x: enough to see where (18) puts it.
    inputNorms: async (_, sums) =>
      Float64Array.from(sums, (terms) => terms.reduce((t, { weight }) => t + Math.abs(weight), 0)),
    cutSet: () => {
      const rows = denseRows(p);
      let forgotten = 0;
      return {
        count: () => rows.count(),
        gram: rows.gram,
        times: rows.times,
        combine: rows.combine,
        addRow: rows.addRow,
        bytes: () => 8 * p * (rows.count() - forgotten),
        // They are not there any more, but are still multiplied: no result may depend on it.
        drop: (given) => {
          forgotten += given.length;
        },
        addLogitSums: async (theta, sums) =>
          Float64Array.from(sums, (terms) => {
            const row = new Float64Array(p);
            let total = 0;
            for (const { point, label, weight } of terms) {
              const { value, gradient } = logits[point][label](theta);
              total += weight * value;
              addScaled(row, weight, Float64Array.from(gradient));
            }
            rows.addRow(row);
            return total;
          }),
      };
    },
  };
}
