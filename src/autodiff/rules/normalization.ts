// Gradients of the normalisations: by constant statistics, and by those of the image itself.
import { floatOf, intOf, intsOf } from "../../onnx/attributes.ts";
import { fromFront, reshape, reshapeLike, scalar, sumOver, unbroadcast } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { unary } from "./entrywise.ts";
import { type Standardized, standardize, throughStandardize } from "./standardize.ts";

/** y = scale (x - mean) inv + bias with inv = 1 / sqrt(variance + epsilon); mean and variance are fixed. */
export const BatchNormalization: Rule = {
  attributes: ["epsilon", "momentum", "training_mode"],
  differentiable: [0, 1, 2],
  notes: "`training_mode` 0 only: the running mean and variance are constants",
  vjps: (call: Call) => {
    const { b, node, g, x } = call;
    if (intOf(node, "training_mode", 0) !== 0) {
      refuse(node, "training_mode 1 normalises by the batch", "export the model in eval mode");
    }
    const shape = b.shapeOf(x[0]);
    const perChannel = (value: string): string =>
      reshape(b, value, [shape[1], ...shape.slice(2).map(() => 1)]);
    const others = shape.map((_, i) => i).filter((i) => i !== 1);
    const deviation = (): string => {
      const epsilon = scalar(b, floatOf(node, "epsilon", 1e-5));
      return b.op("Sqrt", [b.op("Add", [x[4], epsilon])]);
    };
    return [
      () => b.op("Mul", [g, perChannel(b.op("Div", [x[1], deviation()]))]),
      () => {
        const centred = b.op("Sub", [x[0], perChannel(x[3])]);
        return b.op("Div", [sumOver(b, b.op("Mul", [g, centred]), others), deviation()]);
      },
      () => sumOver(b, g, others),
    ];
  },
};

/** Says how a node normalises: what of x has statistics of its own, and how scale and bias lie on that. */
interface Form {
  /** The axes of the view over which the statistics are taken. */
  readonly axes: readonly number[];
  /** Shows x, or a value of its shape, as the statistics see it. By default that is as it is. */
  view?(value: string): string;
  /** Gives scale or bias a shape that broadcasts to the view. By default it keeps its own. */
  spread?(value: string): string;
  /** Turns the gradient in what was broadcast to the view into that in scale or bias, which is `like`. */
  gather(value: string, like: string): string;
  /** Whether the mean is taken off, as it is by default. */
  readonly centred?: boolean;
}

/** Makes a rule for y = hat scale + bias, where hat is x standardised in the form that the node asks for. */
function ownStatistics(
  attributes: readonly string[],
  formOf: (call: Call) => Form,
  notes = "",
): Rule {
  return {
    attributes: [...attributes, "epsilon"],
    notes,
    vjps: (call) => {
      const { b, node, g, x } = call;
      const { axes, centred = true, gather, view = (v) => v, spread = (v) => v } = formOf(call);
      const epsilon = floatOf(node, "epsilon", 1e-5);
      const viewed = view(g);
      let made: Standardized | undefined;
      // These nodes are emitted once, and only where a gradient needs them.
      const standardized = (): Standardized => {
        made ??= standardize(b, view(x[0]), { axes, epsilon, centred });
        return made;
      };
      return [
        () => {
          const gradient = throughStandardize(
            b,
            b.op("Mul", [viewed, spread(x[1])]),
            standardized(),
          );
          return viewed === g ? gradient : reshapeLike(b, gradient, x[0]);
        },
        () => gather(b.op("Mul", [viewed, standardized().hat]), x[1]),
        () => gather(viewed, x[2]),
      ];
    },
  };
}

const from = (first: number, rank: number): number[] =>
  Array.from({ length: rank - first }, (_, i) => first + i);

/** The statistics are taken over the axis that is stated and all behind it, and scale and bias lie on these. */
const trailing =
  (centred: boolean) =>
  ({ b, node, x }: Call): Form => {
    const shape = b.shapeOf(x[0]);
    const axes = from(fromFront(intOf(node, "axis", -1), shape.length), shape.length);
    if (axes[0] === 0) refuse(node, "axis 0 mixes the images of a batch", "normalise behind it");
    return { axes, centred, gather: (value, like) => unbroadcast(b, value, shape, like) };
  };

const stash = ", `stash_type` changes nothing";
export const LayerNormalization = ownStatistics(
  ["axis", "stash_type"],
  trailing(true),
  `any axis but the batch${stash}`,
);
export const RMSNormalization = ownStatistics(
  ["axis", "stash_type"],
  trailing(false),
  `any axis but the batch${stash}`,
);

export const InstanceNormalization = ownStatistics([], ({ b, x }) => {
  const shape = b.shapeOf(x[0]);
  const axes = from(2, shape.length);
  return {
    axes,
    spread: (value) => reshape(b, value, [shape[1], ...axes.map(() => 1)]),
    gather: (value) => sumOver(b, value, [0, ...axes]),
  };
});

/** The statistics see [N, groups, channels of one, pixels ...]. Before opset 21 each group has one scale and bias. */
export const GroupNormalization = ownStatistics(
  ["num_groups", "stash_type"],
  ({ b, node, x }) => {
    const [batch, channels, ...spatial] = b.shapeOf(x[0]);
    const groups = intOf(node, "num_groups", 1);
    const grouped = [batch, groups, channels / groups, ...spatial];
    const axes = from(2, grouped.length);
    const perGroup = b.shapeOf(x[1])[0] !== channels;
    const own = perGroup ? 1 : channels / groups;
    return {
      axes,
      view: (value) => reshape(b, value, grouped),
      spread: (value) => reshape(b, value, [groups, own, ...spatial.map(() => 1)]),
      gather: (value, like) =>
        reshapeLike(b, sumOver(b, value, perGroup ? [0, ...axes] : [0, ...axes.slice(1)]), like),
    };
  },
  `scale and bias one a channel, or one a group as before opset 21${stash}`,
);

/** y = (x - mean) / deviation has neither scale nor bias. */
export const MeanVarianceNormalization = unary(
  ({ b, node, g, x }) => {
    const shape = b.shapeOf(x[0]);
    const axes = (intsOf(node, "axes") ?? [0, 2, 3]).map((a) => fromFront(a, shape.length));
    if (axes.some((axis) => shape[axis] < 0)) {
      refuse(node, "to normalise over the batch mixes images", "normalise over other axes");
    }
    // The standard adds 1e-9 to the deviation, which is about its square added to the variance.
    return throughStandardize(b, g, standardize(b, x[0], { axes, epsilon: 1e-18 }));
  },
  {
    attributes: ["axes"],
    notes: "not over the batch, which the default axes contain",
  },
);
