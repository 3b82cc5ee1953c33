// temper verify --vnnlib: what is called unsat has no counterexample, what is called sat comes with one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { differenceOf, openCrown } from "../src/bounds/crown.ts";
import { verifyProperty } from "../src/bounds/property.ts";
import { openSlopeSearch } from "../src/bounds/slopes.ts";
import { readCounterexample } from "../src/data/vnnlib/counterexample.ts";
import {
  type Constraint,
  isCounterexample,
  labelProperty,
  type Property,
} from "../src/data/vnnlib/property.ts";
import { writeVnnlib } from "../src/data/vnnlib/write.ts";
import { networkOf, openModel } from "../src/engine/model.ts";
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
    const constraint = (): Constraint => {
      // Weights of float32 mostly; others are bounded with what their rounding may add.
      const weight = random.below(4) === 0 ? (v: number) => v : Math.fround;
      return {
        terms: [0, 1, 2].map((output) => ({ output, weight: weight(random.normal()) })),
        bound: 3 * random.normal() - 2,
      };
    };
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

it("proves by better slopes what linear bounds leave open", async () => {
  const layer = (x: string, w: string, y: string): ReturnType<typeof node>[] => [
    node("MatMul", [x, w], [`${y} before`]),
    node("Relu", [`${y} before`], [y]),
  ];
  const deep = writeGraph(
    graph({
      inputs: { x: ["batch", 3] },
      initializers: {
        a: tensor([3, 9], normals(27)),
        b: tensor([9, 9], normals(81)),
        c: tensor([9, 2], normals(18)),
      },
      nodes: [...layer("x", "a", "h"), ...layer("h", "b", "k"), node("MatMul", ["k", "c"], ["y"])],
      outputs: { y: ["batch", 2] },
    }),
  );
  const model = await openModel(deep);
  const network = networkOf(model);
  const box = { lower: new Float32Array(3).fill(-0.5), upper: new Float32Array(3).fill(0.5) };
  const crown = openCrown(network);
  const ends = await crown.refine(box);
  const [linear] = await crown.differences(box, ends, 1, [0]);
  const search = await openSlopeSearch(network, crown.stages);
  const row = differenceOf(1, 0);
  const [better] = await search.optimise([{ box, ends, row, below: Number.NEGATIVE_INFINITY }]);
  await search.release();
  await crown.release();
  expect(better).toBeLessThan(linear - 0.01);
  // Y_1 - Y_0 <= b is unsafe: Y_0 - Y_1 is at least -b then.
  const answerAt = async (most: number): Promise<string> => {
    const terms = [1, -1].map((weight, i) => ({ output: 1 - i, weight }));
    const unsafe = [[{ terms, bound: -most }]];
    const query = {
      lower: Float64Array.from(box.lower),
      upper: Float64Array.from(box.upper),
      unsafe,
    };
    const property = { inputs: 3, outputs: 2, queries: [query] };
    return (await verifyProperty(model, { property })).answer;
  };
  expect(await answerAt(0.5 * (better + linear))).toBe("unsat");
  expect(await answerAt(better - 0.001)).not.toBe("unsat");
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
