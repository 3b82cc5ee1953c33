// Gradient of Attention: y = P V with P = softmax(scale Q K' + mask) for each head.
import { floatOf, int, intOf } from "../../onnx/attributes.ts";
import type { Attribute } from "../../onnx/graph.ts";
import { reshape, reshapeLike, scalar, sumOver, transpose, unbroadcast } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import type { Shape } from "../shape.ts";
import { identity } from "./axes.ts";

/** One of Q, K, V and y: its heads have an axis of their own, or lie side by side, [batch, rows, heads size]. */
interface Operand {
  readonly name: string;
  readonly shape: Shape;
  readonly heads: number;
  /** Entries of a row of one head. */
  readonly size: number;
}

const isFlat = ({ shape }: Operand): boolean => shape.length === 3;

function operand({ b, node }: Call, name: string, attribute: string): Operand {
  const shape = b.shapeOf(name);
  if (shape.length !== 3) return { name, shape, heads: shape[1], size: shape[3] };
  const heads = intOf(node, attribute, 1);
  return { name, shape, heads, size: shape[2] / heads };
}

function checkForm({ node, x }: Call): void {
  if (x.slice(4).some((name) => name !== "")) {
    refuse(node, "past keys and values have no gradient rule", "export the model without a cache");
  }
  const softcap = floatOf(node, "softcap", 0);
  if (softcap !== 0) refuse(node, `softcap ${softcap} has no gradient rule`, "export it with 0");
}

/** Brings a value in the form of an operand to [batch, heads, rows, size]. */
function apart({ b }: Call, value: string, of: Operand): string {
  if (!isFlat(of)) return value;
  const [batch, rows] = of.shape;
  const split = reshape(b, value, [batch, rows, of.heads, of.size]);
  return transpose(b, split, [0, 2, 1, 3]);
}

/** Brings a value back to the form of the operand. */
const together = ({ b }: Call, value: string, of: Operand): string =>
  isFlat(of) ? reshapeLike(b, transpose(b, value, [0, 2, 1, 3]), of.name) : value;

/** Copies keys or values, [batch, groups, rows, size], for each of the heads that share them. */
function repeated({ b }: Call, value: string, of: Operand, heads: number): string {
  const each = heads / of.heads;
  if (each === 1) return value;
  const [batch, rows, size] = [of.shape[0], of.shape.at(-2)!, of.size];
  const single = reshape(b, value, [batch, of.heads, 1, rows, size]);
  const copies = b.op("Expand", [single, b.ints([1, 1, each, 1, 1])]);
  return reshape(b, copies, [batch, heads, rows, size]);
}

/** Adds up the gradients of the heads that share keys or values. */
function merged(call: Call, value: string, of: Operand, heads: number): string {
  const { b } = call;
  const each = heads / of.heads;
  const [batch, rows, size] = [of.shape[0], of.shape.at(-2)!, of.size];
  const sum =
    each === 1 ? value : sumOver(b, reshape(b, value, [batch, of.heads, each, rows, size]), [2]);
  return together(call, sum, of);
}

/** Computes P, [batch, heads, rows, columns], as the same attention to values that are the rows of the identity. */
function weights({ b, node, x }: Call, queries: string, keys: string, k: Operand): string {
  const columns = k.shape.at(-2)!;
  const batch = b.op("Slice", [b.op("Shape", [x[1]]), b.ints([0]), b.ints([1])]);
  const group = b.ints([k.heads, columns, columns]);
  const perGroup = b.op("Concat", [batch, group], { axis: int(0) });
  const values = b.op("Expand", [identity(b, columns), perGroup]);
  const attributes: [string, Attribute][] = [...node.attributes].filter(
    ([name]) => !name.endsWith("num_heads"),
  );
  const mask = x[3] ? [x[3]] : [];
  return b.op("Attention", [queries, keys, values, ...mask], Object.fromEntries(attributes));
}

export const Attention: Rule = {
  attributes: [
    ...["is_causal", "kv_num_heads", "q_num_heads", "qk_matmul_output_mode", "scale"],
    ...["softcap", "softmax_precision"],
  ],
  differentiable: [0, 1, 2, 3],
  notes:
    "heads apart or side by side, shared keys and values, `is_causal`, masks of truth values and added ones; " +
    "`softcap` 0 only; no past keys and values",
  vjps: (call) => {
    checkForm(call);
    const { b, node, g, x, y } = call;
    const q = operand(call, x[0], "q_num_heads");
    const [k, v] = [x[1], x[2]].map((name) => operand(call, name, "kv_num_heads"));
    const out = operand(call, y, "q_num_heads");
    const scale = scalar(b, floatOf(node, "scale", 1 / Math.sqrt(q.size)));
    const [queries, keys] = [apart(call, x[0], q), apart(call, x[1], k)];
    const P = weights(call, queries, keys, k);
    const dY = apart(call, g, out);
    const swapped = (value: string): string => transpose(b, value, [0, 1, 3, 2]);
    let made: string | undefined;
    /** The gradient in the scores is P (dP - sum(dP P)) with dP = dY V'. It is emitted once, and only if needed. */
    const dScores = (): string => {
      if (made === undefined) {
        const values = repeated(call, apart(call, x[2], v), v, q.heads);
        const dP = b.op("MatMul", [dY, swapped(values)]);
        const mean = sumOver(b, b.op("Mul", [dP, P]), [3], true);
        made = b.op("Mul", [P, b.op("Sub", [dP, mean])]);
      }
      return made;
    };
    const scaled = (): string => b.op("Mul", [dScores(), scale]);
    return [
      () => together(call, b.op("MatMul", [scaled(), repeated(call, keys, k, q.heads)]), q),
      () => merged(call, b.op("MatMul", [swapped(scaled()), queries]), k, q.heads),
      () => merged(call, b.op("MatMul", [swapped(P), dY]), v, q.heads),
      () => {
        const shape = [q.shape[0], q.heads, q.shape.at(-2)!, k.shape.at(-2)!];
        return unbroadcast(b, dScores(), shape, x[3]);
      },
    ];
  },
};
