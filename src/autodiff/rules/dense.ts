// Gradients of matrix products: Gemm and MatMul, and the factors of a dense layer's weight gradient.
import { float, floatOf, int, intOf } from "../../onnx/attributes.ts";
import { type Builder, reshape, reshapeLike, scalar, transpose, unbroadcast } from "../builder.ts";
import type { Call, Factors, Rule } from "../rule.ts";
import { isBatch, type Shape } from "../shape.ts";

/** y = alpha A' B' + beta C, where A' and B' are transposed on request. */
interface GemmForm {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

const gemmForm = ({ node }: Call): GemmForm => ({
  alpha: floatOf(node, "alpha", 1),
  beta: floatOf(node, "beta", 1),
  transA: intOf(node, "transA", 0),
  transB: intOf(node, "transB", 0),
});

const scaled = (b: Builder, value: string, factor: number): string =>
  factor === 1 ? value : b.op("Mul", [value, scalar(b, factor)]);

function product(b: Builder, left: string, right: string, form: Omit<GemmForm, "beta">): string {
  const { alpha, transA, transB } = form;
  const attributes = { alpha: float(alpha), transA: int(transA), transB: int(transB) };
  return b.op("Gemm", [left, right], attributes);
}

export const Gemm: Rule = {
  attributes: ["alpha", "beta", "transA", "transB"],
  notes: "C of any shape that broadcasts",
  vjps: (call) => {
    const { b, g, x, y } = call;
    const [left, right] = x;
    const { alpha, beta, transA, transB } = gemmForm(call);
    return [
      // dA' = alpha g B'^T
      () =>
        transA === 0
          ? product(b, g, right, { alpha, transA: 0, transB: 1 - transB })
          : product(b, right, g, { alpha, transA: transB, transB: 1 }),
      // dB' = alpha A'^T g
      () =>
        transB === 0
          ? product(b, left, g, { alpha, transA: 1 - transA, transB: 0 })
          : product(b, g, left, { alpha, transA: 1, transB: transA }),
      () => unbroadcast(b, scaled(b, g, beta), b.shapeOf(y), x[2]),
    ];
  },
  factors: (call) => {
    const { alpha, transA, transB } = gemmForm(call);
    if (transA !== 0) return undefined;
    return denseFactors(call, scaled(call.b, call.g, alpha), transB === 1);
  },
};

/** The weight's gradient is a sum over images, of one outer product of activation and delta each. */
function denseFactors({ b, x }: Call, delta: string, deltaFirst: boolean): Factors | undefined {
  const activation = b.shapeOf(x[0]);
  if (b.shapeOf(x[1]).length !== 2) return undefined;
  if (activation.length !== 2 || activation[0] !== -1 || activation[1] < 0) return undefined;
  return { activation: x[0], delta, deltaFirst };
}

/** A value and its shape. A vector is here the matrix that it is multiplied as. */
interface Matrices {
  readonly value: string;
  readonly shape: Shape;
}

/** Makes a row of a vector on the left, and a column of one on the right. */
function asMatrices(b: Builder, name: string, isLeft: boolean): Matrices {
  const shape = b.shapeOf(name);
  if (shape.length > 1) return { value: name, shape };
  const matrix = isLeft ? [1, shape[0]] : [shape[0], 1];
  return { value: reshape(b, name, matrix), shape: matrix };
}

const swapLast = (b: Builder, { value, shape }: Matrices): string => {
  const axes = shape.map((_, i) => i);
  return transpose(b, value, [...axes.slice(0, -2), shape.length - 1, shape.length - 2]);
};

export const MatMul: Rule = {
  attributes: [],
  notes: "matrices, vectors, stacks of them, broadcast",
  vjps: (call) => {
    const { b, x, y } = call;
    const [left, right] = [asMatrices(b, x[0], true), asMatrices(b, x[1], false)];
    const [isRow, isColumn] = x.map((name) => b.shapeOf(name).length === 1);
    const axes = b.shapeOf(y);
    const rows = isRow ? 1 : axes.at(isColumn ? -1 : -2)!;
    const columns = isColumn ? 1 : axes.at(-1)!;
    const stack = axes.slice(0, axes.length - (isRow ? 0 : 1) - (isColumn ? 0 : 1));
    const shape = [...stack, rows, columns];
    const g = isRow || isColumn ? reshape(b, call.g, shape) : call.g;
    return [
      () => {
        const gradient = b.op("MatMul", [g, swapLast(b, right)]);
        return unbroadcast(b, gradient, [...stack, ...left.shape.slice(-2)], x[0]);
      },
      () => {
        // Where the images are the columns, they would have to be told from the rows that are stacked here.
        if (right.shape.length === 2 && !isBatch(columns)) {
          const stacked = reshape(b, left.value, [-1, left.shape.at(-1)!]);
          const deltas = reshape(b, g, [-1, columns]);
          const gradient = product(b, stacked, deltas, { alpha: 1, transA: 1, transB: 0 });
          return isColumn ? reshapeLike(b, gradient, x[1]) : gradient;
        }
        const gradient = b.op("MatMul", [swapLast(b, left), g]);
        if (!isColumn) return unbroadcast(b, gradient, [...stack, ...right.shape.slice(-2)], x[1]);
        const vectors = [...stack, right.shape[0]];
        return unbroadcast(b, reshape(b, gradient, vectors), vectors, x[1]);
      },
    ];
  },
  factors: (call) => denseFactors(call, call.g, false),
};
