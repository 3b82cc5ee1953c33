// The table of gradient rules: the standard's operator name -> its derivative.
import type { Rule } from "./rule.ts";
import { Conv } from "./rules/conv.ts";
import { Gemm, MatMul } from "./rules/dense.ts";
import { Add, Clip, Div, LeakyRelu, Mul, Relu, Sigmoid, Sub, Tanh } from "./rules/elementwise.ts";
import { BatchNormalization } from "./rules/normalization.ts";
import { AveragePool, GlobalAveragePool, MaxPool, ReduceMean } from "./rules/pooling.ts";
import {
  Concat,
  Dropout,
  Flatten,
  Identity,
  Reshape,
  Squeeze,
  Transpose,
  Unsqueeze,
} from "./rules/shape.ts";

export const rules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    Add,
    AveragePool,
    BatchNormalization,
    Clip,
    Concat,
    Conv,
    Div,
    Dropout,
    Flatten,
    Gemm,
    GlobalAveragePool,
    Identity,
    LeakyRelu,
    MatMul,
    MaxPool,
    Mul,
    ReduceMean,
    Relu,
    Reshape,
    Sigmoid,
    Squeeze,
    Sub,
    Tanh,
    Transpose,
    Unsqueeze,
  }),
);
