// Selects the part of theta that may move: by a pattern on the names of tensors, or the last layer.
import { TemperError } from "../errors.ts";
import type { Node } from "../onnx/graph.ts";

/** The word for the last layer; anything else is a pattern. */
const LAST = "last";

/** Operators that are linear in the image with a weight of the model: a network's layers. */
export const linear: ReadonlySet<string> = new Set([
  "Conv",
  "ConvTranspose",
  "Einsum",
  "Gemm",
  "MatMul",
]);

const copies = new Set(["Cast", "DequantizeLinear", "Identity", "QuantizeLinear", "Transpose"]);

/** Reads a pattern: `*` stands for any characters, `?` for one, and commas separate several patterns. */
function matcher(pattern: string): (name: string) => boolean {
  const sources = pattern.split(",").map((one) =>
    one
      .trim()
      .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", "."),
  );
  const whole = new RegExp(`^(?:${sources.join("|")})$`);
  return (name) => whole.test(name);
}

/** Lists a value and what it is a copy of, transposed or not: exporters put a Transpose before a MatMul. */
export function copied(name: string, nodes: readonly Node[]): string[] {
  const copy = nodes.find(({ op, outputs }) => copies.has(op) && outputs[0] === name);
  return [name, ...(copy === undefined ? [] : copied(copy.inputs[0], nodes))];
}

/**
 * Lists the tensors of the last layer that has one of `trainable`. They are its inputs, what these are copies of,
 * and what an Add puts on its output, because a MatMul has its bias there.
 *
 * @param nodes in order
 */
export function lastLayer(nodes: readonly Node[], trainable: ReadonlySet<string>): Set<string> {
  const originals = (node: Node): string[] => node.inputs.flatMap((name) => copied(name, nodes));
  const last = nodes.findLast(
    (node) => linear.has(node.op) && originals(node).some((name) => trainable.has(name)),
  );
  if (last === undefined) return new Set();
  const bias = nodes.filter(({ op, inputs }) => op === "Add" && inputs.includes(last.outputs[0]));
  return new Set([last, ...bias].flatMap(originals));
}

/**
 * Returns those of the trainable tensors that `pattern` selects.
 *
 * @param nodes from which the logits are reached, in order
 * @throws TemperError `bad-option` where it selects none, with the names there are
 */
export function selectTrainable<T extends { readonly name: string }>(
  tensors: readonly T[],
  pattern: string,
  nodes: readonly Node[],
): T[] {
  if (tensors.length === 0) {
    throw new TemperError(
      "bad-option",
      `trainable "${pattern}" selects nothing: the model has no float weights\n` +
        "a quantised model is corrected before it is quantised: give the float model",
    );
  }
  const layer = lastLayer(nodes, new Set(tensors.map(({ name }) => name)));
  const selects = pattern === LAST ? (name: string) => layer.has(name) : matcher(pattern);
  const selected = tensors.filter(({ name }) => selects(name));
  if (selected.length === 0) {
    const names = tensors.slice(0, 8).map(({ name }) => name);
    const more = tensors.length > 8 ? `, and ${tensors.length - 8} more` : "";
    throw new TemperError(
      "bad-option",
      `trainable "${pattern}" selects none of the model's tensors: ${names.join(", ")}${more}\n` +
        (layer.size === 0
          ? `give a pattern such as "${tensors[0].name}"; it has no Conv, Gemm or MatMul to be last`
          : 'give a pattern such as "fc*", or last'),
    );
  }
  return selected;
}
