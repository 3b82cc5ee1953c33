// Gradients of the softmax between layers, whose outputs each depend on all entries along one axis.
import { intOf } from "../../onnx/attributes.ts";
import { fromFront, sumOver } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { unary } from "./entrywise.ts";

/** Makes a rule from the gradient in x, given a function that sums along the node's axis. */
const alongAxis = (gradient: (call: Call, sum: (value: string) => string) => string): Rule =>
  unary(
    (call) => {
      const { b, node, x } = call;
      const shape = b.shapeOf(x[0]);
      const axis = fromFront(intOf(node, "axis", -1), shape.length);
      if (shape[axis] < 0) {
        refuse(node, "a softmax over the batch mixes images", "take it over another axis");
      }
      return gradient(call, (value) => sumOver(b, value, [axis], true));
    },
    { attributes: ["axis"], notes: "any axis but the batch" },
  );

/** dx = y (g - sum(g y)). */
export const Softmax = alongAxis(({ b, g, y }, sum) =>
  b.op("Mul", [y, b.op("Sub", [g, sum(b.op("Mul", [g, y]))])]),
);

/** dx = g - softmax(x) sum(g). */
export const LogSoftmax = alongAxis(({ b, g, y }, sum) =>
  b.op("Sub", [g, b.op("Mul", [b.op("Exp", [y]), sum(g)])]),
);
