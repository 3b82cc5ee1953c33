// Einsum by its definition: a sum over every label that the output lacks.
import { build, eachIndex, type NDArray, offsetAt, stridesOf } from "./array.ts";
import type { Call } from "./call.ts";

/** Axes under an ellipsis are the labels "<0", "<1" ... counted from the last. */
function labelsOf(term: string, rank: number): string[] {
  const [before, after] = term.split("...");
  if (after === undefined) return [...term];
  const dots = rank - before.length - after.length;
  return [...before, ...Array.from({ length: dots }, (_, i) => `<${dots - 1 - i}`), ...after];
}

export function Einsum(call: Call): NDArray[] {
  const inputs = call.all();
  const [left, right] = call.string("equation").replaceAll(" ", "").split("->");
  const terms = left.split(",").map((term, i) => labelsOf(term, inputs[i].dims.length));
  const sizes = new Map<string, number>();
  for (const [i, labels] of terms.entries()) {
    for (const [axis, label] of labels.entries()) {
      const n = inputs[i].dims[axis];
      if (n !== 1 || !sizes.has(label)) sizes.set(label, n);
    }
  }
  const dots = [...sizes.keys()].filter((label) => label.startsWith("<"));
  const letters = terms
    .flat()
    .filter(
      (label, _, all) => !label.startsWith("<") && all.indexOf(label) === all.lastIndexOf(label),
    );
  const output =
    right === undefined
      ? [...dots.toSorted().reverse(), ...letters.toSorted()]
      : labelsOf(right, right.replace("...", "").length + dots.length);
  const summed = [...sizes.keys()].filter((label) => !output.includes(label));
  // How far one step along a label goes in each input; none where the input broadcasts.
  const stepsOf = (labels: readonly string[], i: number): ((of: readonly string[]) => number[]) => {
    const { dims } = inputs[i];
    const strides = stridesOf(dims);
    return (of) =>
      of.map((label) =>
        labels.reduce((sum, own, d) => (own === label && dims[d] > 1 ? sum + strides[d] : sum), 0),
      );
  };
  const outer = terms.map((labels, i) => stepsOf(labels, i)(output));
  const inner = terms.map((labels, i) => stepsOf(labels, i)(summed));
  const size = (label: string): number => sizes.get(label)!;
  return [
    build(output.map(size), inputs[0].integer, (at) => {
      let sum = 0;
      eachIndex(summed.map(size), (within) => {
        sum += inputs.reduce((product, { data }, i) => {
          return product * data[offsetAt(at, outer[i]) + offsetAt(within, inner[i])];
        }, 1);
      });
      return sum;
    }),
  ];
}
