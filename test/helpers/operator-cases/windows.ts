// Cases of convolution and pooling, with random windows.
import type { Random } from "../../../src/tensor/random.ts";
import { type Case, whole } from "./case.ts";

interface WindowAttributes {
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

/** Random strides, dilations and pads; every window reaches the input. */
function explicitWindow(random: Random, kernel: readonly number[]): WindowAttributes {
  return {
    strides: kernel.map(() => 1 + random.below(3)),
    dilations: kernel.map(() => 1 + random.below(2)),
    pads: [...kernel, ...kernel].map((k) => random.below(k)),
  };
}

/** Random strides under an auto_pad, without what the evaluator refuses as ambiguous. */
function automaticWindow(random: Random, kernel: readonly number[]) {
  const strides = kernel.map((k) => 1 + random.below(k));
  return { strides, auto_pad: ["VALID", "SAME_UPPER", "SAME_LOWER"][random.below(3)] };
}

export function convolution(random: Random): Case[] {
  const cases: Case[] = [];
  for (let i = 0; i < 36; i++) {
    const rank = 1 + (i % 3);
    const group = 1 + random.below(3);
    const [channels, maps] = [group * (1 + random.below(2)), group * (1 + random.below(2))];
    const kernel = Array.from({ length: rank }, () => 1 + random.below(3));
    const spatial = Array.from({ length: rank }, () => 5 + random.below(4));
    const bias = i % 2 === 0 ? [[maps]] : [];
    const window = i % 4 === 3 ? automaticWindow : explicitWindow;
    cases.push({
      op: "Conv",
      inputs: [[2, channels, ...spatial], [maps, channels / group, ...kernel], ...bias],
      attributes: { group, ...window(random, kernel) },
    });
    const transposed = explicitWindow(random, kernel);
    // An output padding of a whole stride would be another window.
    const outputPadding = transposed.strides.map((stride) => random.below(stride));
    cases.push({
      op: "ConvTranspose",
      inputs: [[2, channels, ...spatial], [channels, maps / group, ...kernel], ...bias],
      attributes: { group, ...transposed, output_padding: outputPadding },
    });
  }
  return [
    ...cases,
    {
      op: "ConvTranspose",
      inputs: [
        [1, 2, 4, 3],
        [2, 3, 2, 2],
      ],
    },
    ...[
      { auto_pad: "SAME_UPPER", strides: [2, 3] },
      { auto_pad: "SAME_LOWER", strides: [2, 3] },
      { auto_pad: "SAME_LOWER", strides: [1, 2], dilations: [2, 1] },
      { auto_pad: "VALID", strides: [2, 1] },
      { output_shape: [6, 5], strides: [2, 2] },
      { output_shape: [8, 8], strides: [2, 2], output_padding: [1, 1] },
      { output_shape: [6, 5], strides: [2, 2], auto_pad: "SAME_UPPER" },
    ].map((attributes) => ({
      op: "ConvTranspose",
      inputs: [
        [1, 2, 4, 3],
        [2, 1, 3, 4],
      ],
      attributes,
    })),
    {
      op: "Conv",
      inputs: [
        [1, 2, 4, 3],
        [3, 2, 2, 2],
      ],
      attributes: { kernel_shape: [2, 2] },
    },
  ];
}

export function pooling(random: Random): Case[] {
  const cases: Case[] = [];
  for (let i = 0; i < 48; i++) {
    const rank = 1 + (i % 3);
    const kernel = Array.from({ length: rank }, () => 1 + random.below(3));
    const spatial = Array.from({ length: rank }, () => 5 + random.below(4));
    const attributes = {
      kernel_shape: kernel,
      ...(i % 4 === 3
        ? automaticWindow(random, kernel)
        : { ...explicitWindow(random, kernel), ceil_mode: random.below(2) }),
    };
    const inputs = [[2, 2, ...spatial]];
    cases.push({ op: "MaxPool", inputs, attributes, outputs: 2 });
    cases.push({
      op: "AveragePool",
      inputs,
      attributes: { ...attributes, count_include_pad: random.below(2) },
      opset: 19,
    });
  }
  return [
    ...cases,
    {
      op: "MaxPool",
      inputs: [whole(random, [1, 2, 6, 6])],
      attributes: { kernel_shape: [3, 3] },
      outputs: 2,
    },
    { op: "GlobalAveragePool", inputs: [[2, 3, 4, 5]] },
    { op: "GlobalMaxPool", inputs: [[2, 3, 4]] },
  ];
}
