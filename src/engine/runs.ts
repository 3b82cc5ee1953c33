// What can be asked of a network at one theta: its logits, and gradients of what is made of them.
import type { GradientProgram } from "../autodiff/programs.ts";
import type { Objective } from "./loss.ts";
import type { FloatArray } from "./session.ts";

/** What is differentiated, and in what: the image, theta, or theta with the gradients of dense weights as factors. */
export interface Derivative {
  readonly of: Objective;
  readonly in: "image" | "theta" | "theta in factors";
  /** With factors: the convolutions' weights whose gradients come in parts. */
  readonly convolved?: ReadonlySet<string>;
}

export interface Runs {
  /** f(x), row-major [n x labels]. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /** Runs a gradient graph on n images with a covector [n x labels], which holds what the objective says. */
  gradient(
    derivative: Derivative,
    x: Float32Array,
    covector: Float32Array,
    n: number,
  ): Promise<{ readonly program: GradientProgram; readonly outputs: Map<string, FloatArray> }>;
}
