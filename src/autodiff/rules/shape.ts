// Gradients of operators that only move values: reshapes, transposes, concatenation, the identity.
import { intOf, intsOf } from "../../onnx/attributes.ts";
import { reshapeLike, transpose } from "../builder.ts";
import { type Rule, refuse } from "../rule.ts";

/** The values stay in order, so the gradient takes the input's shape back. */
const reordering = (...attributes: string[]): Rule => ({
  attributes,
  differentiable: [0],
  vjps: ({ b, g, x }) => [() => reshapeLike(b, g, x[0])],
});

const passing = (...attributes: string[]): Rule => ({
  attributes,
  differentiable: [0],
  vjps: ({ g }) => [() => g],
});

export const Reshape = reordering("allowzero");
export const Flatten = reordering("axis");
export const Squeeze = reordering();
export const Unsqueeze = reordering();
export const Identity = passing();
/** In inference Dropout is the identity. */
export const Dropout: Rule = {
  ...passing("seed"),
  vjps: ({ b, node, g, x }) => {
    const training = b.constantInts(x[2]);
    if (x[2] && (training === undefined || training[0] !== 0)) {
      refuse(node, "training_mode drops values at random", "export the model in eval mode");
    }
    return [() => g];
  },
};

export const Transpose: Rule = {
  attributes: ["perm"],
  vjps: ({ b, node, g, x }) => [
    () => {
      const axes = b.shapeOf(x[0]).map((_, i) => i);
      const perm = intsOf(node, "perm") ?? axes.toReversed();
      return transpose(
        b,
        g,
        axes.map((axis) => perm.indexOf(axis)),
      );
    },
  ],
};

export const Concat: Rule = {
  attributes: ["axis"],
  vjps: ({ b, node, g, x, y }) => {
    const rank = b.shapeOf(y).length;
    const stated = intOf(node, "axis", 0);
    const axis = stated < 0 ? stated + rank : stated;
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
