// Gradients of matrix products: Gemm and MatMul, and the factors of a dense layer's weight gradient.
import { float, floatOf, int, intOf } from "../../onnx/attributes.ts";
import { type Builder, reshape, scalar, transpose, unbroadcast } from "../builder.ts";
import { type Call, type Factors, type Rule, refuse } from "../rule.ts";
import { isBatch } from "../shape.ts";

/** y = alpha A' B' + beta C, A' and B' transposed on request. */
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
  return b.op("Gemm", [left, right], {
    alpha: float(alpha),
    transA: int(transA),
    transB: int(transB),
  });
}

export const Gemm: Rule = {
  attributes: ["alpha", "beta", "transA", "transB"],
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

/** The weight's gradient is the sum over images of (activation, delta): one outer product an image. */
function denseFactors({ b, x }: Call, delta: string, deltaFirst: boolean): Factors | undefined {
  const activation = b.shapeOf(x[0]);
  if (b.shapeOf(x[1]).length !== 2) return undefined;
  if (activation.length !== 2 || activation[0] !== -1 || activation[1] < 0) return undefined;
  return { activation: x[0], delta, deltaFirst };
}

const swapLast = (b: Builder, value: string): string => {
  const rank = b.shapeOf(value).length;
  const axes = Array.from({ length: rank }, (_, i) => i);
  return transpose(b, value, [...axes.slice(0, -2), rank - 1, rank - 2]);
};

export const MatMul: Rule = {
  attributes: [],
  vjps: (call) => {
    const { b, g, x, y, node } = call;
    const [left, right] = x;
    const [leftShape, rightShape] = [b.shapeOf(left), b.shapeOf(right)];
    const shape = b.shapeOf(y);
    if (leftShape.length < 2 || rightShape.length < 2) {
      refuse(node, "a product with a vector has no gradient rule", "export it with matrices");
    }
    const whole = (of: readonly number[]): number[] => [...shape.slice(0, -2), ...of.slice(-2)];
    return [
      () => {
        const gradient = b.op("MatMul", [g, swapLast(b, right)]);
        return unbroadcast(b, gradient, whole(leftShape), left);
      },
      () => {
        // Not where the images are the columns: they would have to be told from the stacked rows.
        if (rightShape.length === 2 && !isBatch(shape.at(-1)!)) {
          const rows = reshape(b, left, [-1, leftShape.at(-1)!]);
          const deltas = reshape(b, g, [-1, shape.at(-1)!]);
          return product(b, rows, deltas, { alpha: 1, transA: 1, transB: 0 });
        }
        const gradient = b.op("MatMul", [swapLast(b, left), g]);
        return unbroadcast(b, gradient, whole(rightShape), right);
      },
    ];
  },
  factors: (call) => denseFactors(call, call.g, false),
};
