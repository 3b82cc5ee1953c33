// Says what a bound's rule is: how the bounds of an operator's inputs become those of its outputs.
import type { Builder } from "../autodiff/builder.ts";
import { TemperError } from "../errors.ts";
import { type Node, nodeLabel } from "../onnx/graph.ts";
import type { Interval } from "./interval.ts";

/** What a rule is given. */
export interface BoundCall {
  readonly b: Builder;
  readonly node: Node;
  /** The bounds of each input; undefined where it is the same for every image, as weights are. */
  readonly of: readonly (Interval | undefined)[];
  /** Whether bounds are widened by what float32 rounds; without it they are those of the literature. */
  readonly widen: boolean;
  /** The slope of the lower line of a Relu where it bends, entry by entry; by default the steeper or flatter half. */
  readonly slope?: string | undefined;
}

/** An operator that is affine in the inputs that depend on the image. */
export interface AffineRule {
  readonly kind: "affine";
  readonly attributes: readonly string[];
  /** How many roundings make an entry of the output. */
  roundings(call: BoundCall): number;
  /** How many make an entry of the coefficients that are passed back. */
  passedRoundings(call: BoundCall): number;
  /** Whether anything is added to what is made of the bounded inputs. */
  hasOffset(call: BoundCall): boolean;
  /** The operator on other values in the place of the bounded inputs. */
  apply(call: BoundCall, values: readonly string[]): string;
  /** The same with the absolute values of weights, and of offsets times `share`. */
  magnify(call: BoundCall, values: readonly string[], share: number): string;
}

/** An operator that moves or copies entries: it does the same to either end. */
export interface MovingRule {
  readonly kind: "moving";
  readonly attributes: readonly string[];
  /** Whether every entry stays where it is, so that coefficients pass as they are. */
  readonly stays?: boolean;
  /** Throws where the node does more than that. */
  check?(call: BoundCall): void;
}

/** Any other operator, by the ends of its values. */
export interface CurvedRule {
  readonly kind: "curved";
  readonly attributes: readonly string[];
  interval(call: BoundCall, x: Interval): Interval;
  /** The lines between which it lies. */
  relax(call: BoundCall, x: Interval): Relaxation;
}

/** Two lines between which y lies, entry by entry: lower x + offset <= y <= upper x + offset. */
export interface Relaxation {
  /** Slopes. */
  readonly lower: string;
  readonly upper: string;
  /** The lower end belongs to the lower line, the upper end to the upper one. */
  readonly offset: Interval;
  /** Where an entry of y has lines in one entry of x that was picked for it; by default in its own. */
  readonly picked?: Picked | undefined;
}

/** R rows of coefficients for each of B images, [B * R, ...] of a value [B, ...]. */
export interface Rows {
  readonly b: Builder;
  /** The node at which the sum is made, for messages. */
  readonly node: Node;
  /** Any value with an entry of its first axis for each image. */
  readonly image: string;
  readonly widen: boolean;
}

/** An entry of x for each of y. */
export interface Picked {
  /** Their bounds, of the shape of y. */
  readonly of: Interval;
  /** How many entries of y may have picked the same one. */
  readonly meeting: number;
  /** Gives coefficients of y, [B, R, ...], to what was picked: [B * R, ...] of x. */
  back(rows: Rows, part: string): string;
}

export type BoundRule = AffineRule | MovingRule | CurvedRule;

/** Emits the call's node with other inputs and returns the name of its first output. */
export const again = (
  { b, node }: Pick<BoundCall, "b" | "node">,
  inputs: readonly string[],
  op = node.op,
): string => b.op(op, inputs, Object.fromEntries(node.attributes));

/** Throws a refusal that names the node. */
export function refuseBound(node: Node, why: string): never {
  throw new TemperError("model-unsupported", `no bound for ${nodeLabel(node)}: ${why}`);
}
