// The two optimizers of the paper's networks, in float64: Adam and gradient descent with momentum.

/** What an optimizer has gathered: the number of its steps, and vectors like theta. */
export interface OptimizerState {
  readonly steps: number;
  readonly moments: readonly Float64Array[];
}

export interface Optimizer {
  /** Moves theta [p] along -gradient [p], in place, with the given learning rate. */
  step(theta: Float64Array, gradient: Float64Array, rate: number): void;
  /** Its own arrays, which the next step changes. */
  state(): OptimizerState;
}

const fresh = (p: number, moments: number): OptimizerState => ({
  steps: 0,
  moments: Array.from({ length: moments }, () => new Float64Array(p)),
});

/** Adam (Kingma & Ba, ICLR 2015) for p parameters, beta and epsilon as in the paper and in PyTorch. */
export function createAdam(p: number, state: OptimizerState = fresh(p, 2)): Optimizer {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  const [first, second] = state.moments;
  let t = state.steps;
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
    state: () => ({ steps: t, moments: state.moments }),
  };
}

/** Gradient descent for p parameters with momentum 0.9 as PyTorch has it: v <- 0.9 v + g, theta <- theta - rate v. */
export function createMomentum(p: number, state: OptimizerState = fresh(p, 1)): Optimizer {
  const momentum = 0.9;
  const [velocity] = state.moments;
  let { steps } = state;
  return {
    step: (theta, gradient, rate) => {
      steps++;
      for (let i = 0; i < p; i++) {
        velocity[i] = momentum * velocity[i] + gradient[i];
        theta[i] -= rate * velocity[i];
      }
    },
    state: () => ({ steps, moments: state.moments }),
  };
}
