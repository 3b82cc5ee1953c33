// Gradients of operators that join pieces or take some: each piece has the gradient of what became of it.
import { int, intOf } from "../../onnx/attributes.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { type Builder, flip, fromFront, reshape, zerosLike } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import type { Shape } from "../shape.ts";
import { unary } from "./entrywise.ts";

export const Concat: Rule = {
  attributes: ["axis"],
  notes: "not along the batch",
  vjps: ({ b, node, g, x, y }) => {
    const axis = fromFront(intOf(node, "axis", 0), b.shapeOf(y).length);
    const sizes = x.map((name) => b.shapeOf(name)[axis]);
    if (sizes.some((size) => size < 0)) {
      refuse(node, "joining along the batch mixes images", "join along another axis");
    }
    return x.map((_, i) => () => {
      const start = sizes.slice(0, i).reduce((a, c) => a + c, 0);
      const end = start + sizes[i];
      return b.op("Slice", [g, b.ints([start]), b.ints([end]), b.ints([axis])]);
    });
  },
};

/** Joins the gradients of the pieces again, with zeros for a piece that nothing uses. */
export const Split: Rule = {
  attributes: ["axis", "num_outputs"],
  differentiable: [0],
  everyOutput: true,
  notes: "every output has a gradient; not along the batch",
  vjps: ({ b, node, x, gs }) => [
    () => {
      const shape = b.shapeOf(x[0]);
      const axis = fromFront(intOf(node, "axis", 0), shape.length);
      if (shape[axis] < 0) refuse(node, "splitting the batch mixes images", "split another axis");
      if (node.outputs.includes("")) {
        refuse(node, "an output has no name", "name every output, used or not");
      }
      const pieces = node.outputs.map((name, i) => gs[i] ?? zerosLike(b, name));
      return b.op("Concat", pieces, { axis: int(axis) });
    },
  ],
};

/** An axis that a Slice takes some of: `count` entries, `step` apart, from the i-th of its starts on. */
interface Sliced {
  readonly axis: number;
  readonly i: number;
  readonly step: number;
  readonly size: number;
  readonly count: number;
}

/** Lists the axes that are not taken whole and in order. */
function slicedAxes({ b, node, x, y }: Call): Sliced[] {
  const [shape, taken] = [b.shapeOf(x[0]), b.shapeOf(y)];
  const all = Array.from({ length: b.shapeOf(x[1])[0] }, (_, i) => i);
  const axes = x[3] ? b.valuesOf(x[3]) : all;
  const steps = x[4] ? b.valuesOf(x[4]) : all.map(() => 1);
  if (axes === undefined || steps === undefined) {
    refuse(node, "its axes or steps are computed", "export the model with constant ones");
  }
  const sliced = axes.map((stated, i): Sliced => {
    const axis = fromFront(stated, shape.length);
    return { axis, i, step: steps[i], size: shape[axis], count: taken[axis] };
  });
  const some = sliced.filter(({ step, size, count }) => step !== 1 || size !== count);
  if (some.some(({ size }) => size < 0)) {
    refuse(node, "slicing the batch mixes images", "slice other axes");
  }
  return some;
}

/** Puts the entries along an axis in order, with as many zeros behind each as the step leaves out. */
function spaced(
  b: Builder,
  value: string,
  shape: readonly number[],
  { axis, step }: Sliced,
): string {
  const inOrder = step > 0 ? value : flip(b, value, [axis]);
  const apart = Math.abs(step);
  if (apart === 1) return inOrder;
  const single = reshape(b, inOrder, shape.toSpliced(axis + 1, 0, 1));
  const padded = b.op("Pad", [single, b.ints([0, apart - 1]), "", b.ints([axis + 1])]);
  return reshape(b, padded, shape.with(axis, apart * shape[axis]));
}

/**
 * Puts zeros around and between what was taken. The starts may be computed: nodes bring them into the axis as
 * Slice does. The sizes are known.
 */
export const Slice = unary(
  (call) => {
    const { b, g, x, y } = call;
    const sliced = slicedAxes(call);
    if (sliced.length === 0) return g;
    const each = (f: (one: Sliced) => number): string => b.ints(sliced.map(f));
    const starts = b.op("Gather", [x[1], each(({ i }) => i)]);
    const stated = b.op("Cast", [starts], { to: int(typeCode("int64")) });
    const isBack = b.op("Less", [stated, b.ints([0])]);
    const fromEnd = b.op("Add", [stated, each(({ size }) => size)]);
    const start = b.op("Where", [isBack, fromEnd, stated]);
    const last = each(({ size, step }) => (step > 0 ? size : size - 1));
    const inside = b.op("Max", [b.op("Min", [start, last]), b.ints([0])]);
    // A step backwards takes its first entry last.
    const before = b.op("Sub", [
      inside,
      each(({ step, count }) => (step > 0 ? 0 : (1 - count) * step)),
    ]);
    const around = each(({ step, size, count }) => size - Math.abs(step) * count);
    const pads = b.op("Concat", [before, b.op("Sub", [around, before])], { axis: int(0) });

    let shape: Shape = b.shapeOf(y);
    const value = sliced.reduce((spread, one) => {
      const next = spaced(b, spread, shape, one);
      shape = shape.with(one.axis, Math.abs(one.step) * one.count);
      return next;
    }, g);
    return b.op("Pad", [value, pads, "", each(({ axis }) => axis)]);
  },
  {
    notes: "any constant step; starts and ends may be computed; not along the batch",
  },
);
