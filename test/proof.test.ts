// What is proven of a choice: when the logits are affine in what may move, and what else must hold.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isAffineIn } from "../src/autodiff/affine.ts";
import { slice } from "../src/data/dataset.ts";
import { attack, correct, openData, openModel } from "../src/index.ts";
import type { Node } from "../src/onnx/graph.ts";
import { graph, node } from "./helpers/graph-builder.ts";

const shipped = readFileSync("models/digits-cnnlight.onnx");

describe("affine in", () => {
  const affineIn = (names: readonly string[], ...nodes: readonly Node[]): boolean =>
    isAffineIn(graph({ inputs: { x: ["batch", 2] }, nodes, outputs: ["y"] }), names);
  const last = node("Gemm", ["h", "w", "b"], ["y"]);
  const hidden = [node("Gemm", ["x", "v", "c"], ["s"]), node("Relu", ["s"], ["h"])];

  it.each<[string, boolean, readonly string[], readonly Node[]]>([
    ["the last layer's weight and bias", true, ["w", "b"], [...hidden, last]],
    ["a bias below a Relu", false, ["c"], [...hidden, last]],
    ["two layers at once", false, ["w", "v"], [node("MatMul", ["x", "v"], ["h"]), last]],
    ["a layer below a linear one", true, ["v"], [node("MatMul", ["x", "v"], ["h"]), last]],
    ["a tensor times itself", false, ["w"], [node("Mul", ["w", "w"], ["y"])]],
    ["a divisor", false, ["w"], [node("Div", ["x", "w"], ["y"])]],
    [
      "a transposed copy, averaged",
      true,
      ["w"],
      [
        node("Transpose", ["w"], ["t"]),
        node("Conv", ["x", "t"], ["s"]),
        node("GlobalAveragePool", ["s"], ["y"]),
      ],
    ],
    ["one operand of an Einsum", true, ["w"], [node("Einsum", ["x", "w"], ["y"])]],
    ["two operands of an Einsum", false, ["w"], [node("Einsum", ["w", "w"], ["y"])]],
    ["what is chosen", true, ["w"], [node("Where", ["x", "w", "w"], ["y"])]],
    [
      "what chooses",
      false,
      ["w"],
      [node("Greater", ["w", "x"], ["c"]), node("Where", ["c", "x", "w"], ["y"])],
    ],
    ["a sign", false, ["w"], [node("Sign", ["w"], ["y"])]],
    ["a whole number", false, ["w"], [node("Cast", ["w"], ["y"], { to: 7 })]],
    ["what an operator of another kind takes", false, ["w"], [node("Softmax", ["w"], ["y"])]],
    [
      "what does not reach the logits",
      true,
      ["w"],
      [node("Exp", ["w"], ["z"]), node("Relu", ["x"], ["y"])],
    ],
  ])("%s: %s", (_, expected, names, nodes) => {
    expect(affineIn(names, ...nodes)).toBe(expected);
  });
});

describe("the record of a correction", () => {
  it("calls the last layer's nearest theta proven, and nothing that is not", async () => {
    const model = await openModel(shipped, { trainable: "last" });
    const data = await openData("digits:train[0:800]");
    const found = await attack(model, {
      data: slice(data, 0, 200),
      eps: 0.1,
      worst: 2,
      steps: 10,
      threads: 0,
    });
    const { points } = found;
    const call = { data, points, iterations: 2, alphas: 2, lossSlack: 10, threads: 0 };
    const { record, choice } = await correct(model, call);
    expect(choice.alpha).toBe(1);
    expect(record.proof).toMatchObject({ proven: true, fullStep: true });
    expect(record.proof!.residual).toBeLessThan(1e-8);
    expect(record.proof!.shortfall).toBeLessThan(1e-4);
    // Any other theta that meets the points lies farther away: here those of a larger margin.
    const wider = await correct(model, { ...call, margin: 0.5 });
    expect(wider.after).toMatchObject({ corrected: 2 });
    expect(wider.record.distance).toBeGreaterThan(record.distance);

    // Half a step, and a cut (18), which is not linear in theta.
    const half = await correct(model, { ...call, weight: 0.5 });
    expect(half.choice.alpha).toBe(0.5);
    expect(half.record.proof).toMatchObject({ proven: false, fullStep: false });
    expect((await correct(model, { ...call, radius: 0.01 })).record.proof).toBeUndefined();
    expect((await correct(model, { ...call, loss: "brier" })).record.proof).toBeUndefined();
    await model.close();

    const whole = await openModel(shipped);
    expect((await correct(whole, { ...call, iterations: 1 })).record.proof).toBeUndefined();
    await whole.close();
  });
});
