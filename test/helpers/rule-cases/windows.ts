// Cases of the convolution's and the pools' rules: random windows, and the corners each on its own.
import type { Random } from "../../../src/tensor/random.ts";
import { apart, one, type RuleCase } from "./case.ts";

const repeat = (rank: number, draw: () => number): number[] => Array.from({ length: rank }, draw);

/** Random strides, dilations and pads, before and after an axis apart; every window fits the image. */
function explicitWindow(random: Random, kernel: readonly number[]) {
  return {
    strides: kernel.map(() => 1 + random.below(3)),
    dilations: kernel.map(() => 1 + random.below(2)),
    pads: [...kernel, ...kernel].map((k) => random.below(k)),
  };
}

export function convolution(random: Random): RuleCase[] {
  const cases: RuleCase[] = [];
  for (let i = 0; i < 36; i++) {
    const rank = i % 12 === 11 ? 3 : 1 + (i % 2);
    const group = 1 + random.below(3);
    const [perGroup, maps] = [1 + random.below(2), group * (1 + random.below(2))];
    const kernel = repeat(rank, () => 1 + random.below(3));
    const spatial = repeat(rank, () => 5 + random.below(2));
    const w = [maps, perGroup, ...kernel];
    cases.push(
      one("Conv", [group * perGroup, ...spatial], i % 3 === 0 ? { w } : { w, b: [maps] }, {
        group,
        ...explicitWindow(random, kernel),
      }),
    );
  }
  const automatic = ["SAME_UPPER", "SAME_LOWER", "VALID"].flatMap((auto_pad) => [
    one("Conv", [2, 5, 4], { w: [2, 2, 3, 2], b: [2] }, { auto_pad }),
    one("Conv", [2, 5, 6], { w: [4, 1, 3, 2] }, { auto_pad, group: 2, strides: [2, 2] }),
    one("Conv", [1, 7], { w: [2, 1, 2] }, { auto_pad, strides: [3] }),
  ]);
  return [
    ...cases,
    ...automatic,
    one("Conv", [2, 5, 5], { w: [2, 2, 3, 3] }, { auto_pad: "VALID", dilations: [2, 1] }),
    // Kernel 1x1; without attributes; depthwise; a stride beyond the kernel that leaves pixels over.
    one("Conv", [3, 3, 2], { w: [2, 3, 1, 1], b: [2] }),
    one("Conv", [2, 4, 4], { w: [2, 2, 1, 1] }, { strides: [2, 2], kernel_shape: [1, 1] }),
    one("Conv", [2, 4, 3], { w: [3, 2, 3, 2], b: [3] }),
    one("Conv", [3, 4, 4], { w: [3, 1, 3, 3], b: [3] }, { group: 3, pads: [1, 1, 1, 1] }),
    one("Conv", [3, 4, 4], { w: [6, 1, 2, 3] }, { group: 3, strides: [2, 1] }),
    one("Conv", [1, 8, 7], { w: [1, 1, 2, 2] }, { strides: [3, 4] }),
    one("Conv", [1, 8], { w: [2, 1, 2] }, { strides: [4], pads: [0, 1] }),
    // At stride 1 a padding wider than the kernel's reach, which no flipped convolution undoes.
    one("Conv", [2, 3, 3], { w: [2, 2, 2, 2] }, { pads: [2, 0, 1, 0] }),
    one("Conv", [2, 3, 3], { w: [2, 2, 2, 2] }, { pads: [0, 1, 0, 2] }),
    // Channels enough for a product an offset, one group and two.
    one("Conv", [12, 3, 3], { w: [2, 12, 2, 2] }, { pads: [0, 1, 1, 0] }),
    one("Conv", [24, 4], { w: [4, 12, 2] }, { group: 2, strides: [2] }),
    // A kernel as large as the image.
    one("Conv", [2, 3, 3], { w: [2, 2, 3, 3] }),
  ];
}

export function transposedConvolution(random: Random): RuleCase[] {
  const cases: RuleCase[] = [];
  for (let i = 0; i < 16; i++) {
    const rank = i % 8 === 7 ? 3 : 1 + (i % 2);
    const group = 1 + random.below(2);
    const [perGroup, channels] = [1 + random.below(2), group * (1 + random.below(2))];
    const kernel = repeat(rank, () => 1 + random.below(3));
    const window = explicitWindow(random, kernel);
    const output_padding = window.strides.map((stride) => random.below(stride));
    const w = [channels, perGroup, ...kernel];
    const parameters = i % 3 === 0 ? { w } : { w, b: [group * perGroup] };
    const image = [channels, ...repeat(rank, () => 3 + random.below(2))];
    cases.push(one("ConvTranspose", image, parameters, { group, ...window, output_padding }));
  }
  const sized = [
    { auto_pad: "SAME_UPPER", strides: [2, 3] },
    { auto_pad: "SAME_LOWER", strides: [2, 3], dilations: [2, 1] },
    { auto_pad: "VALID", strides: [2, 1] },
    { output_shape: [6, 5], strides: [2, 2] },
    { output_shape: [8, 8], strides: [2, 2], output_padding: [1, 1] },
  ].map((attributes) => one("ConvTranspose", [2, 4, 3], { w: [2, 1, 3, 4], b: [1] }, attributes));
  return [
    ...cases,
    ...sized,
    one("ConvTranspose", [2, 3, 2], { w: [2, 3, 2, 2] }),
    // Channels enough for a product an offset.
    one("ConvTranspose", [2, 3], { w: [2, 12, 2] }, { strides: [2], pads: [1, 0] }),
    one("ConvTranspose", [2, 3, 3], { w: [2, 1, 2, 2] }, { kernel_shape: [2, 2], group: 2 }),
  ];
}

export function pools(random: Random): RuleCase[] {
  const cases: RuleCase[] = [];
  for (let i = 0; i < 27; i++) {
    const rank = i % 9 === 8 ? 3 : 1 + (i % 2);
    const kernel_shape = repeat(rank, () => 1 + random.below(3));
    const image = [2, ...repeat(rank, () => 5 + random.below(3))];
    const window = {
      kernel_shape,
      ...explicitWindow(random, kernel_shape),
      ceil_mode: random.below(2),
    };
    cases.push(
      one("MaxPool", apart(image), {}, window),
      // Dilations came at opset 19.
      {
        ...one("AveragePool", image, {}, { ...window, count_include_pad: random.below(2) }),
        opset: 19,
      },
    );
  }
  const corners = [
    { kernel_shape: [2, 2], strides: [2, 2] },
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    { kernel_shape: [3, 2] },
    { kernel_shape: [1, 1], strides: [2, 3] },
    { kernel_shape: [2, 2], strides: [3, 3], ceil_mode: 1 },
    ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((auto_pad) => ({
      kernel_shape: [3, 2],
      strides: [2, 1],
      auto_pad,
    })),
  ].flatMap((window) => [
    one("MaxPool", apart([2, 5, 6]), {}, window),
    ...[0, 1].map((count_include_pad) =>
      one("AveragePool", [2, 5, 6], {}, { ...window, count_include_pad }),
    ),
  ]);
  // The gradient needs the order of the indices, which no output of the node asks for.
  const byColumns = one(
    "MaxPool",
    apart([2, 4, 5]),
    {},
    { kernel_shape: [2, 3], storage_order: 1 },
  );
  const whole = [
    [2, 3],
    [3, 2, 2],
    [1, 2, 1, 2],
  ].map((image) => one("GlobalAveragePool", image));
  return [...cases, ...corners, byColumns, ...whole];
}
