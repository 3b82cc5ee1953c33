// The gradient of Einsum is an Einsum again: of g and the other operands, onto the labels of the one.
import { text, textOf } from "../../onnx/attributes.ts";
import type { Node } from "../../onnx/graph.ts";
import { type Builder, sumOver } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import type { Shape } from "../shape.ts";

/** An equation that has a letter for each axis of each operand and of the output. */
interface Equation {
  readonly operands: readonly string[];
  readonly output: string;
}

const ELLIPSIS = "...";

/** Gives the axes that an ellipsis stands for letters of their own, aligned on the right as they broadcast. */
function parse(node: Node, shapes: readonly Shape[], rank: number): Equation {
  const equation = textOf(node, "equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  const free = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => !equation.includes(letter));
  const covered = (term: string, of: number): number =>
    term.includes(ELLIPSIS) ? of - (term.length - ELLIPSIS.length) : 0;
  const most = Math.max(...terms.map((term, i) => covered(term, shapes[i].length)));
  const dots = free.slice(0, most).join("");
  const spelled = (term: string, count: number): string =>
    term.replace(ELLIPSIS, dots.slice(most - count));
  const operands = terms.map((term, i) => spelled(term, covered(term, shapes[i].length)));
  // Without an output there are the labels that occur once, in alphabetical order, after the ellipsis.
  const letters = [...left.replaceAll(/[.,]/g, "")].toSorted();
  const once = letters.filter((letter) => left.split(letter).length === 2).join("");
  const output = spelled(right ?? (left.includes(ELLIPSIS) ? ELLIPSIS + once : once), most);
  if (operands.some((labels) => new Set(labels).size < labels.length) || output.length !== rank) {
    refuse(node, `equation "${equation}" takes a diagonal`, "write it with other labels");
  }
  return { operands, output };
}

/** Copies a value along the labels that it lacks, and sums it where the operand has size 1. */
function shaped(
  b: Builder,
  value: string,
  {
    has,
    labels,
    sizes,
    like,
  }: { has: string; labels: string; sizes: Map<string, number>; like: string },
): string {
  const shape = b.shapeOf(like);
  const missing = [...labels].flatMap((label, axis) => (has.includes(label) ? [] : [axis]));
  const apart = missing.length === 0 ? value : b.op("Unsqueeze", [value, b.ints(missing)]);
  const single = [...labels].flatMap((label, axis) =>
    has.includes(label) && shape[axis] === 1 && sizes.get(label) !== 1 ? [axis] : [],
  );
  const summed = sumOver(b, apart, single, true);
  return missing.some((axis) => shape[axis] !== 1)
    ? b.op("Expand", [summed, b.op("Shape", [like])])
    : summed;
}

function gradientOf(call: Call, equation: Equation, operand: number): string {
  const { b, g, x } = call;
  const { operands, output } = equation;
  const labels = operands[operand];
  const others = x.flatMap((name, i) => (i === operand ? [] : [{ name, labels: operands[i] }]));
  const terms = [output, ...others.map((other) => other.labels)];
  const has = [...labels].filter((label) => terms.some((term) => term.includes(label))).join("");
  const sizes = new Map<string, number>();
  for (const [i, name] of x.entries()) {
    for (const [axis, label] of [...operands[i]].entries()) {
      const size = b.shapeOf(name)[axis];
      if (size !== 1 || !sizes.has(label)) sizes.set(label, size);
    }
  }
  const product = b.op("Einsum", [g, ...others.map(({ name }) => name)], {
    equation: text(`${terms.join(",")}->${has}`),
  });
  return shaped(b, product, { has, labels, sizes, like: x[operand] });
}

export const Einsum: Rule = {
  attributes: ["equation"],
  notes: "any number of operands; ellipses; no operand with a label twice",
  vjps: (call) => {
    const { b, node, x, y } = call;
    const shapes = x.map((name) => b.shapeOf(name));
    const equation = parse(node, shapes, b.shapeOf(y).length);
    return x.map((_, operand) => () => gradientOf(call, equation, operand));
  },
};
