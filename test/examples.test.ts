// The examples do what their first lines say, run as a user runs them: by the package's name, in a folder of their own.
import { execFile } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openData, openModel, readPoints, writePoints } from "../src/index.ts";
import { newFolder } from "./helpers/command.ts";

/** Runs an example in `cwd` and returns what it prints. */
async function run(name: string, cwd: string = newFolder()): Promise<string> {
  const file = resolve("examples", name);
  const [command, args] = name.endsWith(".sh")
    ? ["bash", [file]]
    : [resolve("node_modules/.bin/tsx"), [file]];
  return (await promisify(execFile)(command, args, { cwd })).stdout;
}

/** How many of the points in `points` the model in `model` gets right. */
async function rightOf(model: string, points: string): Promise<[right: number, of: number]> {
  const { count, pixels, labels } = readPoints(readFileSync(points), basename(points));
  const opened = await openModel(model);
  const logits = await opened.logits(pixels as Float32Array, count);
  await opened.close();
  const winners = Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * opened.labels, (i + 1) * opened.labels);
    return row.indexOf(row.reduce((a, c) => Math.max(a, c)));
  });
  return [winners.filter((label, i) => label === labels[i]).length, count];
}

const percents = (text: string): number[] =>
  [...text.matchAll(/([\d.]+) %/g)].map(([, number]) => Number(number));

describe.concurrent("the example", () => {
  it("correct.ts gets its ten points right, given a model.onnx and a train.npz", async () => {
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

  it("choose.ts prints a front, where who violates less pays more loss", async () => {
    const printed = await run("choose.ts");
    const front = [...printed.matchAll(/^ *([\d.]+) +([\d.]+)$/gm)].map(([, v, loss]) => [
      +v,
      +loss,
    ]);
    expect(front.length).toBeGreaterThan(3);
    const rising = front.toSorted(([a], [b]) => a - b).map(([, loss]) => loss);
    expect(rising).toEqual(rising.toSorted((a, b) => b - a));
    expect(percents(printed)).toHaveLength(4);
  });

  it("robust.ts ends with more images right under attack than before", async () => {
    const [, before, , after] = percents(await run("robust.ts"));
    expect(after).toBeGreaterThan(before + 20);
  });

  it("photographs.ts is right with the names in the model's order, and by chance without", async () => {
    const printed = await run("photographs.ts");
    const [sorted, named] = percents(printed);
    expect(sorted).toBeLessThan(40);
    expect(named).toBeGreaterThan(80);
    expect(printed).toContain("shorter side resized to 32 (bilinear, antialiased), centre 28 x 28");
  });

  it("huggingface.ts reads both shards with their names", async () => {
    const printed = await run("huggingface.ts");
    expect(printed).toContain("200 images, labels 0 zero, 1 one, ... 9 nine");
    expect(percents(printed)[0]).toBeGreaterThan(95);
  });

  it("field.ts corrects what the field got wrong", async () => {
    const [, right, of, after] = /(\d+) of (\d+) right before, (\d+) after/.exec(
      await run("field.ts"),
    )!;
    expect(+right).toBeLessThan(+of);
    expect(after).toBe(of);
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

  it("digits.sh ends with a model that was chosen anew", async () => {
    const folder = newFolder();
    await run("digits.sh", folder);
    const out = join(folder, "digits-example");
    const [right, of] = await rightOf(join(out, "run/corrected.onnx"), join(out, "points.npz"));
    expect([right, of]).toEqual([5, 5]);
    const chosen = readFileSync(join(out, "model.onnx"));
    expect(chosen.equals(readFileSync(join(out, "run/corrected.onnx")))).toBe(false);
    expect(chosen.length).toBe(readFileSync("models/digits-cnnlight.onnx").length);
  });
});

it("in the README is examples/correct.ts, and every example is run here", () => {
  const [[, block]] = [...readFileSync("README.md", "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  expect(block).toBe(readFileSync("examples/correct.ts", "utf8"));
  const tests = readFileSync("test/examples.test.ts", "utf8");
  for (const name of readdirSync("examples").filter((file) => /\.(ts|sh)$/.test(file))) {
    expect(tests).toContain(`run("${name}"`);
  }
});
