// A random two-layer network as formulas: f = W2 tanh(W1 x), nonconvex in theta, every point misclassified.
import type { Random } from "../../src/tensor/random.ts";
import type { AnalyticNetwork, Formula } from "./analytic-oracle.ts";
import { bowl } from "./analytic-oracle.ts";

/** theta = [W1 row by row, W2 row by row]; the loss is a bowl that theta0 lies on the slope of. */
export function tanhNetwork(
  random: Random,
  { points = 3, inputs = 3, hidden = 6, labels = 3 } = {},
): AnalyticNetwork {
  const normals = (n: number): number[] => Array.from({ length: n }, () => random.normal());
  const p = hidden * (inputs + labels);
  const theta0 = normals(p).map(Math.fround);
  const logitOf =
    (x: readonly number[], label: number): Formula =>
    (theta) => {
      const gradient = new Array<number>(p).fill(0);
      let value = 0;
      for (let h = 0; h < hidden; h++) {
        const a = Math.tanh(x.reduce((sum, v, i) => sum + theta[h * inputs + i] * v, 0));
        const at = hidden * inputs + label * hidden + h;
        value += theta[at] * a;
        gradient[at] = a;
        for (let i = 0; i < inputs; i++) {
          gradient[h * inputs + i] = theta[at] * (1 - a * a) * x[i];
        }
      }
      return { value, gradient };
    };
  const xs = Array.from({ length: points }, () => normals(inputs));
  const logits = xs.map((x) => Array.from({ length: labels }, (_, l) => logitOf(x, l)));
  const y = logits.map((row) => {
    const values = row.map((f) => f(theta0).value);
    return values.indexOf(Math.min(...values));
  });
  const away = normals(p);
  return { theta0, logits, y, loss: bowl(theta0.map((t, i) => t + 3 * away[i])) };
}
