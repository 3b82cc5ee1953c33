// The losses that attacks climb: values and gradient graphs against their definitions, by differences.
import { afterAll, describe, expect, it } from "vitest";
import { classifierOf } from "../src/attack/classifier.ts";
import { dlrLoss, targetedDlrLoss } from "../src/attack/dlr.ts";
import { type AttackLoss, crossEntropyLoss, difference } from "../src/attack/losses.ts";
import { logitSum } from "../src/engine/loss.ts";
import { loadNetwork } from "../src/engine/network.ts";
import { openPrograms } from "../src/engine/programs.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { tensor } from "./helpers/graph-builder.ts";
import { logitGradient, logitLoss } from "./helpers/logit-losses.ts";
import { sketch } from "./helpers/sketch.ts";

const LABELS = 6;

/** A network whose logits are its input, so that a gradient in the image is one in the logits. */
const identity = sketch({ shape: [LABELS], opset: 13 }, (s, x) => {
  const ones = Array.from({ length: LABELS ** 2 }, (_, i) => (i % (LABELS + 1) === 0 ? 1 : 0));
  return s.op("MatMul", [x, s.constant(tensor([LABELS, LABELS], ones))]);
});
const network = await loadNetwork(writeGraph(identity));
const programs = openPrograms(network, network.theta0);
afterAll(() => programs.release());
const classifier = classifierOf(network, programs);

const random = randomStream(5);
const rows = Array.from({ length: 24 }, () =>
  Float32Array.from({ length: LABELS }, () => 3 * random.normal()),
);
const labelOf = (i: number): number => i % LABELS;
const targetOf = (i: number): number => (i + 1 + (i % (LABELS - 1))) % LABELS;

const losses: readonly (readonly [string, (i: number) => AttackLoss])[] = [
  ["cross-entropy", (i) => crossEntropyLoss(LABELS, labelOf(i))],
  ["dlr", (i) => dlrLoss(LABELS, labelOf(i))],
  ["targeted-dlr", (i) => targetedDlrLoss(LABELS, labelOf(i), targetOf(i))],
];

describe.each(losses)("%s", (name, lossOf) => {
  it("has the value of its definition, whatever the label's rank", () => {
    for (const [i, f] of rows.entries()) {
      const { loss, row, value } = lossOf(i);
      expect(loss.name).toBe(name);
      expect(value(f)).toBeCloseTo(logitLoss(name, [...f], [...row]), 6);
    }
  });

  it("has the gradient that differences show, and gives the logits in the same pass", async () => {
    const covectors = Float32Array.from(rows.flatMap((_, i) => [...lossOf(i).row]));
    const x = Float32Array.from(rows.flatMap((f) => [...f]));
    const { loss } = lossOf(0);
    const { logits, gradient } = await classifier.gradient(loss, x, covectors);
    expect(logits).toEqual(x);
    for (const [i, f] of rows.entries()) {
      const expected = logitGradient(name, [...f], [...lossOf(i).row]);
      const scale = Math.max(...expected.map(Math.abs));
      for (const [l, g] of expected.entries()) {
        // Where the label has the third logit, DLR is 1 and its gradient 0.
        expect(Math.abs(gradient[i * LABELS + l] - g)).toBeLessThan(1e-4 * scale + 1e-6);
      }
    }
  });
});

describe("DLR", () => {
  it("is not moved by a scale or a shift of the logits, targeted or not", () => {
    const f = Float32Array.of(3, 1, -2, 0.5, 2);
    for (const { value } of [dlrLoss(5, 1), targetedDlrLoss(5, 1, 4)]) {
      const before = value(f);
      expect(value(f.map((v) => 8 * v - 4))).toBeCloseTo(before, 6);
    }
    // -(1 - 3) / (3 - 1) and -(1 - 2) / (3 - (1 + 0.5) / 2)
    expect(dlrLoss(5, 1).value(f)).toBeCloseTo(1, 9);
    expect(targetedDlrLoss(5, 1, 4).value(f)).toBeCloseTo(1 / 2.25, 9);
  });

  it("is finite, and so is its gradient, where all logits are equal", async () => {
    const flat = new Float32Array(LABELS).fill(2);
    for (const { loss, row, value } of [dlrLoss(LABELS, 0), targetedDlrLoss(LABELS, 0, 3)]) {
      expect(value(flat)).toBeCloseTo(0, 9);
      const { gradient } = await classifier.gradient(loss, flat, row);
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
  });
});

it("the difference of two logits has +1 and -1 for its gradient", async () => {
  const row = difference(LABELS, 4, 1);
  const { gradient } = await classifier.gradient(logitSum, rows[0], row);
  expect(gradient).toEqual(Float32Array.of(0, -1, 0, 0, 1, 0));
});
