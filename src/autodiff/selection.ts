// Which part of theta may move: a pattern on tensor names, or the last dense layer.
import { TemperError } from "../errors.ts";
import type { Node } from "../onnx/graph.ts";

/** The word for the last dense layer; anything else is a pattern. */
const LAST = "last";

const dense = new Set(["Gemm", "MatMul"]);
const copies = new Set(["Identity", "Transpose"]);

/** `*` stands for any characters, `?` for one; several patterns are separated by commas. */
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

/** A value and what it is a copy of, transposed or not: exporters put a Transpose before a MatMul. */
function copied(name: string, nodes: readonly Node[]): string[] {
  const copy = nodes.find(({ op, outputs }) => copies.has(op) && outputs[0] === name);
  return [name, ...(copy === undefined ? [] : copied(copy.inputs[0], nodes))];
}

/** The inputs of the last Gemm or MatMul, and of an Add that takes its output: where a MatMul has its bias. */
function lastLayer(nodes: readonly Node[]): Set<string> {
  const last = nodes.findLast(({ op }) => dense.has(op));
  if (last === undefined) return new Set();
  const bias = nodes.filter(({ op, inputs }) => op === "Add" && inputs.includes(last.outputs[0]));
  const inputs = [last, ...bias].flatMap((node) => node.inputs);
  return new Set(inputs.flatMap((name) => copied(name, nodes)));
}

/**
 * Those of the trainable tensors that `pattern` selects.
 *
 * @param nodes from which the logits are reached, in order
 * @throws TemperError `bad-option` where it selects none, with the names there are
 */
export function selectTrainable<T extends { readonly name: string }>(
  tensors: readonly T[],
  pattern: string,
  nodes: readonly Node[],
): T[] {
  const layer = lastLayer(nodes);
  const selects = pattern === LAST ? (name: string) => layer.has(name) : matcher(pattern);
  const selected = tensors.filter(({ name }) => selects(name));
  if (selected.length === 0) {
    const names = tensors.slice(0, 8).map(({ name }) => name);
    const more = tensors.length > 8 ? `, and ${tensors.length - 8} more` : "";
    throw new TemperError(
      "bad-option",
      `trainable "${pattern}" selects none of the model's tensors: ${names.join(", ")}${more}\n` +
        (layer.size === 0
          ? `give a pattern such as "${tensors[0].name}"; it has no Gemm or MatMul to be last`
          : 'give a pattern such as "fc*", or last'),
    );
  }
  return selected;
}
