// Cross-entropy against soft labels: the sum of -c_l log softmax(f)_l, where the covector input holds the rows c.
//
// Rows that do not sum to 1 weigh their image. It is no entry of the table of losses, whose covectors are one-hot.
import { sumOver } from "../../autodiff/builder.ts";
import { int } from "../../onnx/attributes.ts";
import type { Objective } from "../loss.ts";

/** Its gradient is softmax(f) times the sum of c, minus c. */
export const softCrossEntropy: Objective = {
  name: "soft-cross-entropy",
  gradient: (b, logits, rows) => {
    const p = b.op("Softmax", [logits], { axis: int(-1) });
    return b.op("Sub", [b.op("Mul", [p, sumOver(b, rows, [1], true)]), rows]);
  },
};
