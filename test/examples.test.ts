// The examples do what their first lines say, run as a user runs them: by the package's name, in a folder of their own.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openData, writePoints } from "../src/index.ts";
import { newFolder } from "./helpers/command.ts";
import { percents, rightOf, run } from "./helpers/examples.ts";
import { itLong } from "./helpers/long.ts";

describe.concurrent("the example", () => {
  itLong("correct.ts gets its ten points right, given a model.onnx and a train.npz", async () => {
    const folder = newFolder();
    copyFileSync("models/digits-cnnlight.onnx", join(folder, "model.onnx"));
    writeFileSync(join(folder, "train.npz"), writePoints(await openData("digits:train[0:300]")));
    await run("correct.ts", folder);
    const saved = join(folder, "RUN");
    expect(await rightOf(join(folder, "model.onnx"), join(saved, "points.npz"))).toEqual([0, 10]);
    expect(await rightOf(join(saved, "corrected.onnx"), join(saved, "points.npz"))).toEqual([
      10, 10,
    ]);
  });

  itLong("huggingface.ts reads both shards with their names", async () => {
    const printed = await run("huggingface.ts");
    expect(printed).toContain("200 images, labels 0 zero, 1 one, ... 9 nine");
    expect(percents(printed)[0]).toBeGreaterThan(95);
  });

  it("nearest-point.ts finds the corner, the certificate and the price", async () => {
    const printed = await run("nearest-point.ts");
    const numbers = [...printed.matchAll(/\[ (.*) \]/g)].map(([, list]) =>
      list.split(", ").map((number) => +Number(number).toFixed(9)),
    );
    expect(printed.match(/^[a-z]+/gm)).toEqual(["solved", "infeasible", "solved"]);
    expect(numbers).toEqual([
      [1.5, 0.5], // where both lines meet
      [1, 1], // the sum of both rows: 0 <= -2
      [1.25, 0.75], // on the first line, pushed right by 0.5 / 2
      [0.5, 1],
    ]);
  });
});

it("in the README is examples/correct.ts, and every example is run, here or in npm run test:long", () => {
  const [[, block]] = [...readFileSync("README.md", "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  expect(block).toBe(readFileSync("examples/correct.ts", "utf8"));
  const files = ["test/examples.test.ts", "test/long/examples.test.ts"];
  const tests = files.map((file) => readFileSync(file, "utf8")).join();
  for (const name of readdirSync("examples").filter((file) => /\.(ts|sh)$/.test(file))) {
    expect(tests).toContain(`run("${name}"`);
  }
});
