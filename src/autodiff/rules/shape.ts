// Gradients of operators that only move or copy values: reshapes, transposes, blocks, copies, the identity.
import { int, intOf, intsOf, textOf } from "../../onnx/attributes.ts";
import { reshape, reshapeLike, sumOver, transpose, unbroadcast } from "../builder.ts";
import { type Rule, refuse } from "../rule.ts";
import { unary } from "./entrywise.ts";

/** The values stay in order, so the gradient takes the input's shape back. */
const reordering = (...attributes: string[]): Rule =>
  unary(({ b, g, x }) => reshapeLike(b, g, x[0]), { attributes });

export const Reshape: Rule = {
  ...reordering("allowzero"),
  notes: "the new shape may be computed",
};
export const Flatten = reordering("axis");
export const Squeeze = reordering();
export const Unsqueeze = reordering();
export const Identity = unary(({ g }) => g);
/** In inference Dropout is the identity, and so it is where it drops nothing. */
export const Dropout = unary(
  ({ b, node, g, x }) => {
    const isNought = (value: string | undefined): boolean => b.valuesOf(value)?.[0] === 0;
    if (x[2] && !isNought(x[2]) && !isNought(x[1])) {
      refuse(node, "training_mode drops values at random", "export the model in eval mode");
    }
    return g;
  },
  {
    attributes: ["seed"],
    notes: "the identity: `training_mode` absent or a constant false, or a constant ratio of 0",
  },
);

export const Transpose = unary(
  ({ b, node, g, x }) => {
    const axes = b.shapeOf(x[0]).map((_, i) => i);
    const perm = intsOf(node, "perm") ?? axes.toReversed();
    const inverse = axes.map((axis) => perm.indexOf(axis));
    return transpose(b, g, inverse);
  },
  {
    attributes: ["perm"],
    notes: "reverses the axes without `perm`",
  },
);

/** Gathers the pixels of each block into channels again. */
export const DepthToSpace = unary(
  ({ b, node, g, x, y }) => {
    const size = intOf(node, "blocksize", 1);
    if (textOf(node, "mode", "DCR") === "DCR") {
      return b.op("SpaceToDepth", [g], { blocksize: int(size) });
    }
    // y[c, h s + i, w s + j] is x[(c s + i) s + j, h, w].
    const [batch, channels] = b.shapeOf(y);
    const [, , height, width] = b.shapeOf(x[0]);
    const blocks = reshape(b, g, [batch, channels, height, size, width, size]);
    return reshapeLike(b, transpose(b, blocks, [0, 1, 3, 5, 2, 4]), x[0]);
  },
  {
    attributes: ["blocksize", "mode"],
    notes: "both modes",
  },
);

export const SpaceToDepth = unary(
  ({ b, node, g }) => b.op("DepthToSpace", [g], { blocksize: int(intOf(node, "blocksize", 1)) }),
  {
    attributes: ["blocksize"],
  },
);

export const Expand = unary(({ b, g, x, y }) => unbroadcast(b, g, b.shapeOf(y), x[0]), {
  notes: "the new shape may be computed",
});

/** Reads an axis of r copies as r by its size, and adds the gradients of the copies. */
export const Tile = unary(
  ({ b, g, x, y }) => {
    const [shape, tiled] = [b.shapeOf(x[0]), b.shapeOf(y)];
    const copies = shape.map((dim, i) => (dim === tiled[i] ? [] : [tiled[i] / dim]));
    if (copies.flat().length === 0) return g;
    const apart = shape.flatMap((dim, i) => [...copies[i], dim]);
    // The copies of an axis stand right before it, behind all axes and copies that come earlier.
    const axes = copies.flatMap((own, i) => own.map(() => copies.slice(0, i).flat().length + i));
    return sumOver(b, reshape(b, g, apart), axes);
  },
  {
    notes: "the repeats may be computed",
  },
);

export const Trilu = unary(
  ({ b, node, g, x }) => b.op("Trilu", [g, ...x.slice(1)], Object.fromEntries(node.attributes)),
  {
    attributes: ["upper"],
  },
);

/** Brings g back to the type of x. A Cast to whole numbers never comes here, because it is a step. */
export const Cast = unary(({ b, g, x }) => b.op("CastLike", [g, x[0]]), {
  attributes: ["saturate", "to"],
  notes: "between floating-point types",
});
