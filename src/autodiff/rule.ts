// What a gradient rule is: one operator's vector-Jacobian products, and which inputs have one.
import { TemperError } from "../errors.ts";
import { intOf } from "../onnx/attributes.ts";
import type { Node } from "../onnx/graph.ts";
import { nodeLabel } from "../onnx/graph.ts";
import type { Builder } from "./builder.ts";

/** What a rule is given: the node and the gradient of the sum in its first output. */
export interface Call {
  readonly b: Builder;
  readonly node: Node;
  /** Names of the node's inputs and of its first output in the forward graph. */
  readonly x: readonly string[];
  readonly y: string;
  /** Gradient in y. */
  readonly g: string;
}

/** Emits the nodes of one input's gradient and names it. Called only where that gradient is wanted. */
export type Vjp = () => string;

/**
 * A dense weight's gradient in two factors: the sum over images n of the outer product of delta[n, :]
 * and activation[n, :]. Only delta depends on what is differentiated.
 */
export interface Factors {
  readonly activation: string;
  readonly delta: string;
  /** Whether the weight is stored [outputs, inputs], so that delta gives the rows. */
  readonly deltaFirst: boolean;
}

export interface Rule {
  /** The attributes the rule understands; any other is refused by name. */
  readonly attributes: readonly string[];
  /** One entry an input: its gradient, or null where it has none (shapes, running statistics, bounds). */
  vjps(call: Call): readonly (Vjp | null)[];
  /** The inputs that may carry a gradient; default: all. Needed before shapes are known. */
  readonly differentiable?: readonly number[];
  /** For a dense layer: the factors of the gradient of its weight (input 1), which must be a plain matrix. */
  factors?(call: Call): Factors | undefined;
}

/**
 * Operators whose output is a whole number or a truth value, also of floating-point inputs: gradients
 * end there, and what they lead to needs no rule.
 */
export const discrete: ReadonlySet<string> = new Set([
  "And",
  "ArgMax",
  "ArgMin",
  "Equal",
  "Greater",
  "GreaterOrEqual",
  "IsInf",
  "IsNaN",
  "Less",
  "LessOrEqual",
  "NonZero",
  "Not",
  "Or",
  "Shape",
  "Size",
  "Xor",
]);

/** Operators that are constant between jumps, whatever the type of their output. */
const stepped: ReadonlySet<string> = new Set([
  "Ceil",
  "DynamicQuantizeLinear",
  "Floor",
  "Hardmax",
  "QuantizeLinear",
  "Round",
  "Sign",
]);

/** ONNX's codes of float32, float16, float64 and bfloat16: a Cast to anything else has steps. */
const floating: ReadonlySet<number> = new Set([1, 10, 11, 16]);

/**
 * Whether a node's derivative is 0 wherever there is one. That is no rule: for the parameters before it,
 * a gradient of 0 would look as if they did not matter, so there such a node is refused like any other
 * without a rule.
 */
export const isStep = (node: Node): boolean =>
  stepped.has(node.op) || (node.op === "Cast" && !floating.has(intOf(node, "to", 1)));

/** A refusal that names the node and says what is wrong with it and what to do. */
export function refuse(node: Node, what: string, advice: string): never {
  throw new TemperError("model-unsupported", `${nodeLabel(node)}: ${what}\n${advice}`);
}
