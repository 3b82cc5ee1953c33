// Where channels lie: what is done channel by channel is the same whether they come first or last.
import { describe, expect, it } from "vitest";
import { unitOfPixels } from "../src/attack/classifier.ts";
import { cropFlip } from "../src/data/augment.ts";
import { channelOfEach, frameOf, rowAt } from "../src/data/frame.ts";
import { openModel } from "../src/engine/model.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { sketch } from "./helpers/sketch.ts";

const [CHANNELS, ROWS, COLUMNS] = [3, 9, 7];
const PIXELS = ROWS * COLUMNS;
const FIRST = [CHANNELS, ROWS, COLUMNS];
const LAST = [ROWS, COLUMNS, CHANNELS];

/** [channels, rows, columns] -> [rows, columns, channels] */
const last = (x: Float32Array): Float32Array =>
  x.map((_, i) => x[(i % CHANNELS) * PIXELS + Math.floor(i / CHANNELS)]);

const random = randomStream(8);
const image = Float32Array.from({ length: CHANNELS * PIXELS }, random.uniform);

describe("a frame", () => {
  it.each([
    [[28, 28, 1], 1, 28, 28],
    [[32, 32, 3], 3, 32, 32],
    [[1, 28, 28], 1, 28, 28],
    [[3, 4, 4], 3, 4, 4],
    [[2, 8, 8], 2, 8, 8],
    [[28, 28], 1, 28, 28],
    [[784], 1, 1, 784],
    [[2, 3, 5, 7], 6, 5, 7],
  ])("of %o: %i channels of %i x %i", (shape, channels, rows, columns) => {
    expect(frameOf(shape)).toMatchObject({ channels, rows, columns });
  });

  it("finds every number of an image once, in its channel", () => {
    for (const shape of [FIRST, LAST]) {
      const frame = frameOf(shape);
      const found = new Map<number, number>();
      for (let channel = 0; channel < CHANNELS; channel++) {
        for (let row = 0; row < ROWS; row++) {
          for (let column = 0; column < COLUMNS; column++) {
            found.set(rowAt(frame, channel, row) + column * frame.columnStride, channel);
          }
        }
      }
      const channels = channelOfEach(shape);
      expect([...channels.keys()].map((i) => found.get(i))).toEqual([...channels]);
    }
  });

  it("crops and flips the same pixels", () => {
    for (let seed = 0; seed < 10; seed++) {
      const [a, b] = [image.slice(), last(image)];
      cropFlip(a, FIRST, randomStream(seed));
      cropFlip(b, LAST, randomStream(seed));
      expect(b).toEqual(last(a));
    }
  });
});

describe("a normalisation", () => {
  const [mean, std] = [
    [0.1, 0.5, 0.9],
    [0.5, 0.25, 2],
  ];
  const modelOf = (shape: readonly number[], options: object) =>
    openModel(writeGraph(sketch({ shape }, (s, x) => s.op("Flatten", [x], { axis: 1 }))), options);

  it("is a number a channel, first or last, or one for all", async () => {
    for (const [shape, x] of [
      [FIRST, image],
      [LAST, last(image)],
    ] as const) {
      const channels = channelOfEach(shape);
      const model = await modelOf(shape, { mean, std });
      const expected = x.map((v, i) =>
        Math.fround(Math.fround(v - Math.fround(mean[channels[i]])) / std[channels[i]]),
      );
      expect(await model.logits(x, 1)).toEqual(expected);
      await model.close();
      const same = await modelOf(shape, { mean: [0.5] });
      expect(await same.logits(x, 1)).toEqual(x.map((v) => v - 0.5));
      await same.close();
      expect([...unitOfPixels(std, shape)]).toEqual([...channels].map((c) => std[c]));
    }
  });

  it("of a list of numbers or of rows and columns: one, or as many as there are", async () => {
    for (const [shape, many] of [
      [[4], 4],
      [[2, 3], 1],
    ] as const) {
      const model = await modelOf(shape, { std: Array.from({ length: many }, (_, i) => i + 1) });
      await model.close();
    }
    await expect(modelOf([4], { mean: [1, 2] })).rejects.toThrow("give 4 comma-separated");
    await expect(modelOf(LAST, { std: [1, 2] })).rejects.toThrow("[9,7,3] of 3 channel(s)");
  });
});
