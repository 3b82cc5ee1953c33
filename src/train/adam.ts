// Adam (Kingma & Ba, ICLR 2015), in float64.

export interface Adam {
  /** Moves theta [p] along -gradient [p], in place, with the given learning rate. */
  step(theta: Float64Array, gradient: Float64Array, rate: number): void;
}

/** Fresh moments for p parameters; beta and epsilon as in the paper and in PyTorch. */
export function createAdam(p: number, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8): Adam {
  const first = new Float64Array(p);
  const second = new Float64Array(p);
  let t = 0;
  return {
    step: (theta, gradient, rate) => {
      t++;
      const unbias1 = 1 - beta1 ** t;
      const unbias2 = 1 - beta2 ** t;
      for (let i = 0; i < p; i++) {
        first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
        second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] ** 2;
        theta[i] -= (rate * (first[i] / unbias1)) / (Math.sqrt(second[i] / unbias2) + epsilon);
      }
    },
  };
}
