// Says what a gradient rule is: one operator's vector-Jacobian products, and which inputs have one.
import { TemperError } from "../errors.ts";
import { intOf } from "../onnx/attributes.ts";
import type { Node } from "../onnx/graph.ts";
import { nodeLabel } from "../onnx/graph.ts";
import type { Builder } from "./builder.ts";

/** What a rule is given: the node and the gradient of the sum in its outputs. */
export interface Call {
  readonly b: Builder;
  readonly node: Node;
  /** Names of the node's inputs and of its first output in the forward graph. */
  readonly x: readonly string[];
  readonly y: string;
  /** The gradient in y. */
  readonly g: string;
  /** The gradient in each output, undefined where the sum does not depend on it. Rules with `everyOutput` read it. */
  readonly gs: readonly (string | undefined)[];
}

/** Emits the nodes of one input's gradient and returns its name. It is called only where that gradient is wanted. */
export type Vjp = () => string;

/**
 * The gradient of a dense weight as two factors: it is the sum over images n of the outer products of
 * delta[n, :] and activation[n, :]. Only delta depends on what is differentiated.
 */
export interface Factors {
  readonly activation: string;
  readonly delta: string;
  /** Whether the weight is stored [outputs, inputs], so that delta gives the rows. */
  readonly deltaFirst: boolean;
}

/**
 * The gradient of a convolution's weight in parts: it is the sum over images and output pixels of the outer products of
 * the gradient in that pixel, one entry a filter, and what the pixel's window sees of the image.
 */
export interface Convolved {
  /** The image, [n, group * channels, ...input]. */
  readonly image: string;
  /** The gradient in the output, [n, filters, ...output]. */
  readonly delta: string;
  readonly convolution: Convolution;
}

/** The geometry of a convolution; each list has an entry for each spatial axis. */
export interface Convolution {
  readonly group: number;
  /** Of all groups together. */
  readonly filters: number;
  /** That one filter sees. */
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before the first pixel; what is missing after the last one is padded too. */
  readonly begin: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

export interface Rule {
  /** The attributes the rule understands; any other is refused by name. */
  readonly attributes: readonly string[];
  /** Returns an entry for each input: its gradient, or null where it has none (shapes, running statistics, bounds). */
  vjps(call: Call): readonly (Vjp | null)[];
  /** The inputs that may carry a gradient, all by default. The sweep asks for them before shapes are known. */
  readonly differentiable?: readonly number[];
  /** Whether every output has a gradient, which the rule reads from `gs`. By default only the first output has one. */
  readonly everyOutput?: boolean;
  /**
   * Whether the gradient is a stand-in for one that is 0 almost everywhere. An attack that follows it follows
   * a surrogate, and a cut made of it is no linearisation.
   */
  readonly straightThrough?: boolean;
  /** What docs/operators.md says of the operator. */
  readonly notes?: string;
  /** Returns the factors of the gradient of a dense layer's weight (input 1), where that is a plain matrix. */
  factors?(call: Call): Factors | undefined;
  /** Returns the parts of the gradient of a convolution's weight (input 1). */
  convolved?(call: Call): Convolved;
}

/** Operators that look at nothing of their input but its shape. */
export const sizing: ReadonlySet<string> = new Set([
  "ConstantOfShape",
  "EyeLike",
  "RandomNormalLike",
  "RandomUniformLike",
  "Shape",
  "Size",
]);

/**
 * Operators whose output is a whole number, a truth value or made of a shape alone, also of floating-point
 * inputs: gradients end there, and what they lead to needs no rule.
 */
export const discrete: ReadonlySet<string> = new Set([
  ...sizing,
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
  "Xor",
]);

/**
 * Operators that are constant between jumps, whatever the type of their output. Those that networks are
 * trained through have a straight-through rule instead (rules/quantization.ts).
 */
export const stepped: ReadonlySet<string> = new Set([
  "Ceil",
  "DynamicQuantizeLinear",
  "Floor",
  "Hardmax",
  "Round",
]);

/** ONNX's codes of float32, float16, float64 and bfloat16: a Cast to anything else has steps. */
const floating: ReadonlySet<number> = new Set([1, 10, 11, 16]);

/**
 * Whether a node's derivative is 0 wherever there is one, and nothing stands in for it. That is no rule: for
 * the parameters before it, a gradient of 0 would look as if they did not matter, so there such a node is
 * refused like any other without a rule.
 */
export const isStep = (node: Node): boolean =>
  stepped.has(node.op) || (node.op === "Cast" && !floating.has(intOf(node, "to", 1)));

/** Throws a refusal that names the node and says what is wrong with it and what to do. */
export function refuse(node: Node, what: string, advice: string): never {
  throw new TemperError("model-unsupported", `${nodeLabel(node)}: ${what}\n${advice}`);
}
