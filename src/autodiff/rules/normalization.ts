// Gradient of BatchNormalization in inference: a scale and a shift per channel by constant statistics.
import { floatOf, intOf } from "../../onnx/attributes.ts";
import { reshape, scalar, sumOver } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";

/** y = scale (x - mean) inv + bias with inv = 1 / sqrt(variance + epsilon); mean and variance are fixed. */
export const BatchNormalization: Rule = {
  attributes: ["epsilon", "momentum", "training_mode"],
  differentiable: [0, 1, 2],
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
