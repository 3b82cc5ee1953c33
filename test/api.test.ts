// The public names from JavaScript: what is misspelt or of another kind is refused, never ignored.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, slice } from "../src/data/dataset.ts";
import { attack, correct, evaluate, openData, openModel } from "../src/index.ts";

const model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
afterAll(() => model.close());
const data = slice(await openData("digits:test"), 0, 20);
const points = data;

/** A call as JavaScript would make it, without types to stop it. */
const untyped = (call: object): never => call as never;

describe("a misspelt option", () => {
  it.each([
    ["correct", () => correct(model, untyped({ data, points, iteration: 3 })), "iterations"],
    ["attack", () => attack(model, untyped({ data, eps: 0.1, stepsize: 1 })), "stepSize"],
    ["evaluate", () => evaluate(model, untyped({ data, attack: "pgd" })), "attacks"],
    ["openModel", () => openModel("model.onnx", untyped({ means: [0] })), "mean"],
  ])("of %s is refused with the one that was meant", async (_, call, meant) => {
    await expect(call()).rejects.toThrow(`did you mean ${meant}?`);
  });

  it("of an attack in evaluate, too; one like none is answered with the list", async () => {
    const attacks = [untyped({ eps: 0.1, step: 3 })];
    await expect(evaluate(model, { data, attacks })).rejects.toThrow("did you mean steps?");
    const colour = correct(model, untyped({ data, points, colour: 1 }));
    await expect(colour).rejects.toThrow("known are data, points, ");
  });
});

describe("something else than a data set", () => {
  it.each([["mnist:train"], [undefined], [{}]])(
    "%s is refused, and said how to open one",
    async (given) => {
      const other = given as unknown as Dataset;
      for (const call of [
        correct(model, { data: other, points }),
        correct(model, { data, points: other }),
        evaluate(model, { data: other }),
        attack(model, { data: other, eps: 0.1 }),
      ]) {
        await expect(call).rejects.toMatchObject({ code: "data-mismatch" });
      }
    },
  );
});

it("a copy of a model is refused: its network is not a member that is copied along", async () => {
  expect(Object.keys(model)).not.toContain("network");
  await expect(correct({ ...model }, { data, points })).rejects.toMatchObject({
    code: "bad-option",
    message: expect.stringMatching("expected what openModel or withParameters gives"),
  });
});

it("a model is a path or bytes", async () => {
  await expect(openModel(5 as never)).rejects.toMatchObject({ code: "bad-option" });
});
