// temper verify --vnnlib: what is called unsat has no counterexample, what is called sat comes with one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { verifyProperty } from "../src/bounds/property.ts";
import { readCounterexample } from "../src/data/vnnlib/counterexample.ts";
import {
  type Constraint,
  isCounterexample,
  labelProperty,
  type Property,
} from "../src/data/vnnlib/property.ts";
import { writeVnnlib } from "../src/data/vnnlib/write.ts";
import { openModel } from "../src/engine/model.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";

const random = randomStream(Number(process.env.TEMPER_SEED ?? 0), 11);
const normals = (n: number): number[] => Array.from({ length: n }, () => random.normal());

/** Two inputs, eight units, three outputs. */
const file = writeGraph(
  graph({
    inputs: { x: ["batch", 2] },
    initializers: {
      a: tensor([2, 8], normals(16)),
      b: tensor([8], normals(8)),
      c: tensor([8, 3], normals(24)),
    },
    nodes: [
      node("Gemm", ["x", "a", "b"], ["h"]),
      node("Relu", ["h"], ["r"]),
      node("Gemm", ["r", "c"], ["y"]),
    ],
    outputs: { y: ["batch", 3] },
  }),
);

function randomProperty(): Property {
  const queries = Array.from({ length: 1 + random.below(2) }, () => {
    const centre = normals(2);
    const lower = Float64Array.from(centre, (v) => v - 0.4 * random.uniform());
    const upper = Float64Array.from(centre, (v) => v + 0.4 * random.uniform());
    const constraint = (): Constraint => ({
      terms: [0, 1, 2].map((output) => ({ output, weight: random.normal() })),
      bound: 3 * random.normal() - 2,
    });
    const unsafe = [[constraint(), constraint()], [constraint()]].slice(random.below(2));
    return { lower, upper, unsafe };
  });
  return { inputs: 2, outputs: 3, queries };
}

it("answers unsat only where no input of many is a counterexample, and sat with one", async () => {
  const model = await openModel(file);
  const counts = { sat: 0, unsat: 0, unknown: 0, timeout: 0 };
  for (let k = 0; k < 40; k++) {
    const property = randomProperty();
    const found = await verifyProperty(model, { property, seed: k });
    counts[found.answer]++;
    if (found.answer === "sat") {
      const y = await model.logits(found.x, 1);
      expect(isCounterexample(property, found.x, y)).toBe(true);
      expect([...found.y]).toEqual([...y]);
      continue;
    }
    if (found.answer !== "unsat") continue;
    const n = 400; // a grid, whose edges are those of the box
    for (const query of property.queries) {
      const { lower, upper } = query;
      const x = Float32Array.from({ length: 2 * n }, (_, i) => {
        const share = (i % 2 === 0 ? Math.floor(i / 40) : (i >> 1) % 20) / 19;
        return lower[i % 2] + Math.min(1, share) * (upper[i % 2] - lower[i % 2]);
      });
      const y = await model.logits(x, n);
      for (let i = 0; i < n; i++) {
        const point = Float64Array.from(x.subarray(2 * i, 2 * i + 2), (v, p) =>
          Math.min(upper[p], Math.max(lower[p], v)),
        );
        expect(isCounterexample(property, point, y.subarray(3 * i, 3 * i + 3))).toBe(false);
      }
    }
  }
  expect(Math.min(counts.sat, counts.unsat)).toBeGreaterThan(5);
  expect(counts.unknown).toBeLessThan(10);
  await model.close();
});

it("refuses a property of another size", async () => {
  const model = await openModel(file);
  const box = { lower: new Float64Array(3), upper: new Float64Array(3) };
  await expect(verifyProperty(model, { property: labelProperty(box, 0, 3) })).rejects.toThrow(
    /about 3 inputs and 3 outputs, the model has 2 and 3/,
  );
  await model.close();
});

it("temper verify --vnnlib prints the answer, and writes a counterexample that is a point", async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, "m.onnx"), file);
  const model = await openModel(file);
  const at = [0.3, -0.2];
  const y = await model.logits(Float32Array.from(at), 1);
  await model.close();
  const label = y.indexOf(Math.max(...y));
  const around = (r: number): Property =>
    labelProperty(
      { lower: Float64Array.from(at, (v) => v - r), upper: Float64Array.from(at, (v) => v + r) },
      label,
      3,
    );
  writeFileSync(join(cwd, "near.vnnlib"), writeVnnlib(around(1e-4)));
  writeFileSync(join(cwd, "far.vnnlib"), writeVnnlib(around(30)));
  const near = await temper(["verify", "m.onnx", "--vnnlib", "near.vnnlib"], { cwd });
  expect(near).toMatchObject({ code: 0, stdout: "unsat\n" });
  const asked = ["verify", "m.onnx", "--vnnlib", "far.vnnlib", "--out", "far.counterexample"];
  expect(await temper(asked, { cwd })).toMatchObject({ code: 0, stdout: "sat\n" });
  const found = readCounterexample(readFileSync(join(cwd, "far.counterexample")), "far");
  expect(isCounterexample(around(30), found.x, found.y)).toBe(true);
  const evaluated = ["evaluate", "m.onnx", "--data", "far.counterexample", "--threads", "1"];
  const { stdout } = await temper([...evaluated, "--json"], { cwd });
  expect(JSON.parse(stdout).models[0].clean).toMatchObject({ n: 1, accuracy: 0 });
  const both = await temper([...asked, "--eps", "0.1"], { cwd });
  expect(both.stderr).toContain("--vnnlib and --eps: a property says itself");
});
