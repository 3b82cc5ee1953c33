// Knows what a classifier does behind its logits: it changes the numbers, and never which label is the largest.
import { intOf } from "../onnx/attributes.ts";
import { elementCount, type Graph, makersOf, type Node, nodeLabel } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { isStep } from "./rule.ts";

/** These steps give the numbers another shape and leave them in their order. */
const reshaping = new Set(["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout"]);

/** Tells whether a node's output holds the numbers of its first input in their order. */
const isCopy = (node: Node): boolean =>
  reshaping.has(node.op) || (node.op === "Cast" && !isStep(node));

/** A step on the way from the logits to the output. */
interface Step {
  /** What it makes of each number; undefined where it looks at all labels at once. */
  readonly f?: (x: number) => number;
  /** Whether a larger number stays the larger one; where not, every order is turned round. */
  readonly rising: boolean;
  /** Whether it presses all numbers into a range where gradients vanish, so that it is better left out. */
  readonly squashes: boolean;
}

const squash = (f: (x: number) => number): Step => ({ f, rising: true, squashes: true });
const plain = (f: (x: number) => number, rising = true): Step => ({ f, rising, squashes: false });

const elementwise: ReadonlyMap<string, Step> = new Map([
  ["Exp", squash(Math.exp)],
  ["Sigmoid", squash((x) => 1 / (1 + Math.exp(-x)))],
  ["Softplus", squash((x) => Math.log1p(Math.exp(x)))],
  ["Softsign", squash((x) => x / (1 + Math.abs(x)))],
  ["Tanh", squash(Math.tanh)],
  ["Log", plain(Math.log)],
  ["Neg", plain((x) => -x, false)],
]);

/** Returns the number that a name stands for, if it is a constant of one element. */
function scalarOf({ initializers }: Graph, name = ""): number | undefined {
  const tensor = initializers.get(name);
  if (tensor === undefined || elementCount(tensor.dims) !== 1) return undefined;
  return Number(tensor.values[0]);
}

/** Reads arithmetic with one constant number: the step, and which of the two inputs is not the constant. */
function arithmetic(graph: Graph, { op, inputs }: Node): readonly [Step, number] | undefined {
  const [left, right] = inputs.map((name) => scalarOf(graph, name));
  if ((left === undefined) === (right === undefined)) return undefined;
  const at = left === undefined ? 0 : 1;
  const c = (left ?? right)!;
  switch (op) {
    case "Add":
      return [plain((x) => x + c), at];
    case "Sub":
      return [at === 0 ? plain((x) => x - c) : plain((x) => c - x, false), at];
    case "Mul":
      return c === 0 ? undefined : [plain((x) => c * x, c > 0), at];
    case "Div":
      return at === 1 || c === 0 ? undefined : [plain((x) => x / c, c > 0), at];
    default:
      return undefined;
  }
}

function clip(graph: Graph, { inputs }: Node): Step | undefined {
  const [low, high] = [inputs[1], inputs[2]].map((name) => (name ? scalarOf(graph, name) : null));
  if (low === undefined || high === undefined) return undefined;
  const [least, most] = [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY];
  return plain((x) => Math.min(most, Math.max(least, x)));
}

/** Tells whether a node divides exponentials by their sum, which is a Softmax that is written out. */
function isShares(
  graph: Graph,
  { op, inputs }: Node,
  overLabels: (value: string, axis: number) => boolean,
): boolean {
  if (op !== "Div") return false;
  const maker = makersOf(graph);
  const sum = maker.get(inputs[1]);
  if (sum?.op !== "ReduceSum" || sum.inputs[0] !== inputs[0]) return false;
  const axes = graph.initializers.get(sum.inputs[1] ?? "")?.values;
  const [axis] = axes ?? [];
  return (
    maker.get(inputs[0])?.op === "Exp" && axes?.length === 1 && overLabels(inputs[0], Number(axis))
  );
}

/** Returns the step that a node is and the input that it is taken of, or undefined where it is none. */
function stepOf(
  graph: Graph,
  node: Node,
  overLabels: (value: string, axis: number) => boolean,
): readonly [Step, number] | undefined {
  const { op, inputs } = node;
  if (isCopy(node)) return [plain((x) => x), 0];
  if (op === "Softmax" || op === "LogSoftmax") {
    const over = overLabels(inputs[0], intOf(node, "axis", -1));
    return over ? [{ rising: true, squashes: true }, 0] : undefined;
  }
  if (isShares(graph, node, overLabels)) return [{ rising: true, squashes: true }, 0];
  const known = elementwise.get(op) ?? (op === "Clip" ? clip(graph, node) : undefined);
  return known === undefined ? arithmetic(graph, node) : [known, 0];
}

export interface Ending {
  /** The value before every squashing step; the output itself where there is none. */
  readonly value: string;
  /** The squashing step that is cut off, the first one behind the value. */
  readonly cut: Node | undefined;
  /** What the file makes of a number there; undefined where a step looks at all labels at once. */
  readonly f: ((x: number) => number) | undefined;
}

/**
 * Goes back from an output to its logits, through reshapes and through steps that keep the labels in their order,
 * as far as the first step that squashes.
 *
 * @param graph lifted
 * @param overLabels whether an axis of a value is the one of the labels
 */
export function endingOf(
  graph: Graph,
  output: string,
  overLabels: (value: string, axis: number) => boolean,
): Ending {
  const maker = makersOf(graph);
  let best: Ending = { value: output, cut: undefined, f: (x) => x };
  let [value, rising, f]: [string, boolean, Ending["f"]] = [output, true, (x) => x];
  let squashing: Node | undefined;
  for (;;) {
    const node = maker.get(value);
    const found = node && stepOf(graph, node, overLabels);
    if (node === undefined || found === undefined) break;
    const [step, input] = found;
    f = composed(f, step.f);
    value = node.inputs[input];
    rising = rising === step.rising;
    if (step.squashes) squashing = node;
    // A squash between two changes of sign, as in -softplus(-x), keeps the order only as a whole.
    if (squashing !== undefined && rising) {
      best = { value, cut: squashing, f };
      squashing = undefined;
    }
  }
  return { ...best, value: withoutCopies(maker, best.value) };
}

const composed = (later: Ending["f"], earlier: Ending["f"]): Ending["f"] =>
  later && earlier && ((x) => later(earlier(x)));

/** Finds what a value is a copy of. A lifted Softmax has reshapes of Temper's own before it, which are copies too. */
function withoutCopies(maker: ReadonlyMap<string, Node>, value: string): string {
  const node = maker.get(value);
  const own = value.startsWith(OWN_NAMES) && node !== undefined && reshaping.has(node.op);
  return own || node?.op === "Identity" ? withoutCopies(maker, node!.inputs[0]) : value;
}

/** The results of these operators are plain scores, or parts of such. */
const scoring = new Set([
  ...["Add", "Sub", "Sum", "Conv", "Einsum", "Gemm", "MatMul", "BatchNormalization"],
  ...["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"],
  ...["ReduceMax", "ReduceMean", "ReduceSum"],
  ...["Concat", "Gather", "Slice", "Split", "Transpose"],
  ...["QLinearConv", "QLinearMatMul"],
]);

/** These round numbers to steps, which changes nothing of what they mean. */
const rounding = new Set(["DequantizeLinear", "QuantizeLinear"]);

/** Says why the numbers of a value may not be what they are taken for; undefined where they look like logits. */
export function doubtOf(graph: Graph, value: string): string | undefined {
  const maker = makersOf(graph);
  let node = maker.get(value);
  for (; node !== undefined; node = maker.get(variableInput(graph, node))) {
    const scales = node.op === "Mul" || node.op === "Div";
    const scaled = scales && node.inputs.some((name) => graph.initializers.has(name));
    // What an operator of another set makes of its input is not known here.
    if (scoring.has(node.op) || node.op.includes(".")) return undefined;
    if (!scaled && !isCopy(node) && !rounding.has(node.op)) break;
  }
  if (node === undefined) return undefined;
  return (
    `the model ends in ${nodeLabel(node)}, and Temper does not know what its numbers mean: ` +
    "they are taken as logits, the largest wins"
  );
}

const variableInput = ({ initializers }: Graph, { inputs }: Node): string =>
  inputs.find((name) => !initializers.has(name)) ?? "";
