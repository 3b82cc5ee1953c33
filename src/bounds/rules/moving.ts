// Operators that only move or copy entries: either end goes through by itself.
import { intOf } from "../../onnx/attributes.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { type MovingRule, refuseBound } from "../rule.ts";

const moving = (...attributes: string[]): MovingRule => ({ kind: "moving", attributes });

export const Concat = moving("axis");
export const Dropout: MovingRule = {
  ...moving("seed"),
  check: ({ b, node }) => {
    const isNought = (value: string | undefined): boolean => b.valuesOf(value)?.[0] === 0;
    if (node.inputs[2] && !isNought(node.inputs[2]) && !isNought(node.inputs[1])) {
      refuseBound(node, "training_mode drops values at random");
    }
  },
};
export const Flatten = moving("axis");
export const Identity = moving();
export const Reshape = moving("allowzero");
export const Slice = moving();
export const Split = moving("axis", "num_outputs");
export const Squeeze = moving();
export const Transpose = moving("perm");
export const Unsqueeze = moving();
export const Cast: MovingRule = {
  ...moving("saturate", "to"),
  // Its gradient rule would look at the value itself, for its type.
  stays: true,
  check: ({ node }) => {
    if (intOf(node, "to", 0) !== typeCode("float32")) refuseBound(node, "it rounds");
  },
};
