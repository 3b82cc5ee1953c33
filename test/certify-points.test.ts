// Points corrected in whole balls: what the run calls proven, another proof finds too, and no input in a ball is wrong.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, slice } from "../src/data/dataset.ts";
import { logitsOf } from "../src/engine/batches.ts";
import { networkOf } from "../src/engine/model.ts";
import { correct, evaluate, openModel, type PointCall, type Run, verify } from "../src/index.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { argmax } from "../src/tensor/vector.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";

// The network and its points are planted: right points with open balls. Inputs of the balls are drawn by the seed.
const random = randomStream(0, 31);
const drawing = randomStream(Number(process.env.TEMPER_SEED ?? 0), 32);
const HIDDEN = 12;
const LABELS = 3;

/** Points of the square whose label is the corner of a triangle that they lie nearest to. */
const CORNERS = [
  [0.2, 0.2],
  [0.8, 0.3],
  [0.4, 0.8],
];
const distances = (x: number, y: number): number[] =>
  CORNERS.map(([a, b]) => (x - a) ** 2 + (y - b) ** 2);
function labelled(name: string, xy: readonly (readonly [number, number])[]): Dataset {
  return {
    ...{ name, shape: [2], count: xy.length, pixels: Float32Array.from(xy.flat()) },
    labels: Int32Array.from(xy, ([x, y]) => argmax(Float64Array.from(distances(x, y), (d) => -d))),
  };
}
/** How far a point lies from the nearest other label, along the line between two corners. */
const room = ([x, y]: readonly [number, number]): number => {
  const [least, next] = distances(x, y).toSorted((a, b) => a - b);
  return (next - least) / 2;
};
const some = (n: number, holds: (xy: readonly [number, number]) => boolean) => {
  const found: (readonly [number, number])[] = [];
  while (found.length < n) {
    const xy = [random.uniform(), random.uniform()] as const;
    if (holds(xy)) found.push(xy);
  }
  return found;
};

/** Random features, and a last layer that tells the corners apart, but not well. */
function weak(): Uint8Array {
  const first = Float64Array.from({ length: 2 * HIDDEN }, () => 2 * random.normal());
  const bias = Float64Array.from({ length: HIDDEN }, () => random.normal());
  const features = CORNERS.map(([x, y]) =>
    Float64Array.from(bias, (b, h) => Math.max(0, b + first[h] * x + first[HIDDEN + h] * y)),
  );
  const mean = features[0].map((_, h) => (features[0][h] + features[1][h] + features[2][h]) / 3);
  const last = Float64Array.from({ length: HIDDEN * LABELS }, (_, i) => {
    const [h, l] = [Math.floor(i / LABELS), i % LABELS];
    return features[l][h] - mean[h];
  });
  const offsets = CORNERS.map((_, l) =>
    features[l].reduce((sum, f, h) => sum - (f + mean[h]) * (f - mean[h]) * 0.5, 0),
  );
  return writeGraph(
    graph({
      inputs: { x: ["batch", 2] },
      initializers: {
        w: tensor([2, HIDDEN], first),
        b: tensor([HIDDEN], bias),
        v: tensor([HIDDEN, LABELS], last),
        c: tensor([LABELS], offsets),
      },
      nodes: [
        node("Gemm", ["x", "w", "b"], ["s"]),
        node("Relu", ["s"], ["h"]),
        node("Gemm", ["h", "v", "c"], ["y"]),
      ],
      outputs: { y: ["batch", LABELS] },
    }),
  );
}

const model = await openModel(weak());
afterAll(() => model.close());
const data = labelled(
  "square",
  some(300, () => true),
);
// Balls of their own label, near a boundary, so that a point that is right is not proven yet.
const radius = 0.03;
const points = labelled(
  "near",
  some(8, (xy) => room(xy) > 0.04 && room(xy) < 0.08),
);
const scratch = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "run");
const call: PointCall = {
  ...{ data, points, certifyRadius: radius, lossSlack: 0.05, iterations: 12, alphas: 2 },
  threads: 0,
};
const provenIn = async (file: Uint8Array, set: Dataset): Promise<number> => {
  const saved = await openModel(file);
  const found = await verify(saved, { data: set, eps: radius, attack: "none", threads: 0 });
  return saved.close().then(() => found.proven.n);
};

describe("a correction of balls", () => {
  const folder = scratch();
  let run: Run;

  it("proves what it says of the saved file; without the radius points are right and balls open", async () => {
    run = await correct(model, { ...call, folder });
    const { record, before, after } = run;
    const n = points.count;
    expect(before.corrected).toBeLessThan(n);
    expect(after).toMatchObject({ corrected: n, points: n });
    expect(record).toMatchObject({ wrong: [], options: { clip: [0, 1], cuts: "violated" } });
    expect(record.certificate).toEqual({
      ...{ method: "crown-ibp", norm: "linf", eps: radius, epsSpace: "pixel", clip: [0, 1] },
      points: { images: n, proven: n },
    });
    expect(await provenIn(readFileSync(join(folder, "corrected.onnx")), points)).toBe(n);

    const { certifyRadius: _, ...rest } = call;
    const plain = await correct(model, rest);
    expect(plain.after.corrected).toBe(n);
    expect(Object.keys(plain.record.options)).not.toContain("clip");
    expect(plain.record).not.toHaveProperty("certificate");
    expect(await provenIn(plain.bytes(plain.choice), points)).toBeLessThan(n);
  });

  it("is right at every corner of the balls, at random inputs of them and at attacked ones", async () => {
    const saved = await openModel(readFileSync(join(folder, "corrected.onnx")));
    const signs = [-1, 1].flatMap((a) => [-1, 1].map((b) => [a, b]));
    const drawn = Array.from({ length: 500 }, () => [0, 1].map(() => 2 * drawing.uniform() - 1));
    const shifts = [...signs, ...drawn];
    for (const [i, y] of points.labels.entries()) {
      const x = Float32Array.from(
        shifts.flatMap((shift) =>
          shift.map((s, j) => Math.min(1, Math.max(0, points.pixels[2 * i + j] + radius * s))),
        ),
      );
      const logits = await logitsOf(networkOf(saved), x, shifts.length);
      const answers = shifts.map((_, k) => argmax(logits.subarray(LABELS * k, LABELS * (k + 1))));
      expect(new Set(answers)).toEqual(new Set([y]));
    }
    const attacks = [{ attack: "pgd", eps: radius, steps: 20, restarts: 3 }] as const;
    const { attacks: found } = await evaluate(saved, { data: points, attacks, threads: 0 });
    expect(found[0].accuracy).toBe(1);
    await saved.close();
  });

  it("says which balls are not proven where they cannot all be", async () => {
    // Two labels meet within the balls.
    const { record, after } = await correct(model, { ...call, certifyRadius: 0.3, iterations: 2 });
    const { images, proven } = record.certificate!.points!;
    expect(proven).toBeLessThan(images);
    expect(record.wrong).toHaveLength(images - proven);
    expect(after.corrected).toBe(proven);
  });

  it("is taken up again with the same bytes, and repeated by the options of its record", async () => {
    const [there, again] = [scratch(), scratch()];
    const controller = new AbortController();
    const { signal } = controller;
    const onIteration = ({ iteration }: { readonly iteration: number }): void => {
      if (iteration === 3) controller.abort();
    };
    const stopped = correct(model, { ...call, folder: there, signal, onIteration });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await correct(model, { ...call, folder: there, resume: true, threads: 1 });
    const { options } = run.record as { readonly options: object };
    await correct(model, { ...options, data, points, threads: 0, folder: again } as PointCall);
    for (const name of ["run.json", "corrected.onnx", "thetas.npz"]) {
      const bytes = readFileSync(join(folder, name));
      for (const other of [there, again]) {
        expect(readFileSync(join(other, name)).equals(bytes), name).toBe(true);
      }
    }
  });

  it.each<[string, object, RegExp]>([
    ["an attack of its own", { reattack: true, attack: { eps: 0.1 } }, /no proof of a ball/],
    ["robust cuts (18)", { radius: 0.01 }, /hold in the whole ball already/],
    ["cuts in parts", { remake: true }, /leave --remake out/],
    [
      "the recipe robust",
      { recipe: "robust", attack: { eps: 0.1 } },
      /does not belong to the recipe robust/,
    ],
    [
      "a range without balls",
      { certifyRadius: undefined, clip: [0, 1] },
      /clip 0,1: it needs certify-radius/,
    ],
    ["a radius below 0", { certifyRadius: -1 }, /certify-radius -1: expected a number, 0 or more/],
    [
      "points outside the range",
      { clip: [0.5, 1] },
      /point \d of near has a pixel of .* outside the range/,
    ],
  ])("refuses %s before anything is written", async (_, wrong, said) => {
    const target = scratch();
    const refused = correct(model, { ...call, folder: target, ...wrong } as PointCall);
    await expect(refused).rejects.toThrow(said);
    expect(() => readdirSync(target)).toThrow("ENOENT");
  });

  it("refuses an operator without a bound by its name", async () => {
    const odd = await openModel(
      writeGraph(
        graph({
          inputs: { x: ["batch", 2] },
          initializers: { w: tensor([2, LABELS], [1, 0, 0, 0, 1, 0.5]) },
          nodes: [node("MatMul", ["x", "w"], ["h"]), node("Mul", ["h", "h"], ["y"])],
          outputs: { y: ["batch", LABELS] },
        }),
      ),
    );
    const refused = correct(odd, { ...call, points: slice(points, 0, 1), anyway: true });
    await expect(refused).rejects.toThrow(/no bound/);
    await odd.close();
  });
});
