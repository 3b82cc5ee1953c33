// A network cut where theta begins: both parts together are the network, and a correction of a part is that of it.
import { mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { splitAtTheta } from "../src/autodiff/split.ts";
import { cachedFile, cachedFiles, pruneCache } from "../src/data/cache.ts";
import { imagesOf } from "../src/data/dataset.ts";
import { logitsOf, thetaGradientOfAll } from "../src/engine/batches.ts";
import { workOfPasses } from "../src/engine/flops.ts";
import { oneHot } from "../src/engine/logits.ts";
import { crossEntropy } from "../src/engine/losses/cross-entropy.ts";
import { crossingImages, crossingOf, cutAtTheta, joinsUp } from "../src/engine/moving-part.ts";
import { loadNetwork, type Network } from "../src/engine/network.ts";
import { openPrograms } from "../src/engine/programs.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { correct, openData, openModel, slice } from "../src/index.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { type Architecture, buildNetwork } from "../src/train/networks.ts";
import { noise } from "./helpers/small.ts";

const built = (architecture: Architecture, trainable: string): Promise<Network> =>
  loadNetwork(writeGraph(buildNetwork(architecture, 1)), { trainable });

/** Where the largest entry of a is 1, how far b is off at most. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const pairs = Array.from(a, (v, i) => [v, b[i]] as const);
  const scale = pairs.reduce((most, [v]) => Math.max(most, Math.abs(v)), 0);
  return pairs.reduce((most, [v, w]) => Math.max(most, Math.abs(v - w)), 0) / scale;
}

/** The gradient in theta of the cross-entropy of some images against label 0. */
async function gradientAt(network: Network, x: Float32Array, n: number): Promise<Float64Array> {
  const programs = openPrograms(network, network.theta0);
  const covector = oneHot(new Int32Array(n), network.labels);
  const call = { of: crossEntropy, x, covector, n };
  return (await thetaGradientOfAll(network, programs, call).finally(programs.release)).gradient;
}

describe("a network in two parts", () => {
  // Tensors of ResNet8 by themselves: the cut runs through blocks, whose skip connections cross it as well.
  it("is the network, in logits and in gradients, wherever the cut is", async () => {
    const all = await built("resnet8", "*");
    const x = imagesOf(noise(3, 2, all.inputShape));
    const logits = await logitsOf(all, x, 3);
    let [cut, several] = [0, 0];
    const some = all.parameters.filter((_, i) => i % 3 === 0);
    for (const { name } of some) {
      const network = await built("resnet8", name);
      const split = splitAtTheta(network, [name]);
      if (split === undefined) continue;
      cut++;
      if (split.moving.graph.nodes.some(({ op }) => op === "Split")) several++;
      const parts = cutAtTheta(network);
      if (parts === undefined) continue;
      expect(await joinsUp(network, parts, x, 3)).toBe(true);
      expect(workOfPasses(parts.moving).forward).toBeLessThan(workOfPasses(network).forward);
      const crossing = await crossingOf(parts, x, 3);
      expect(apart(logits, await logitsOf(parts.moving, crossing, 3)), name).toBeLessThan(1e-5);
      const [whole, part] = [
        await gradientAt(network, x, 3),
        await gradientAt(parts.moving, crossing, 3),
      ];
      expect(apart(whole, part), name).toBeLessThan(1e-4);
    }
    expect(cut).toBeGreaterThan(some.length / 2);
    expect(several).toBeGreaterThan(0);
  });

  it("is not made where only the image could cross, and not believed where the parts are not the whole", async () => {
    expect(cutAtTheta(await built("cnnlight", "*"))).toBeUndefined();
    const network = await built("cnnlight", "last");
    const parts = cutAtTheta(network)!;
    const x = imagesOf(noise(2, 2));
    const theta0 = parts.moving.theta0.map((v) => 2 * v);
    const other = { ...parts, moving: { ...parts.moving, theta0 } };
    expect(await joinsUp(network, other, x, 2)).toBe(false);
    expect(await joinsUp(network, parts, x, 2)).toBe(true);
  });

  it("has the values that cross in a file, made once for all processes and runs", async () => {
    const parts = cutAtTheta(await built("cnnlight", "last"))!;
    const data = noise(40, 3);
    const expected = await crossingOf(parts, imagesOf(data), data.count);
    const passes: number[] = [];
    for (const workers of [openWorkers(2), openWorkers(0)]) {
      const onImages = (done: number): void => {
        passes.push(done);
      };
      const found = (await crossingImages(parts, data, { workers, onImages }))!;
      await workers.close();
      expect(apart(expected, imagesOf(found))).toBeLessThan(1e-5);
      expect(found.shape).toEqual(parts.moving.inputShape);
    }
    expect(passes).toEqual([40]);
  });
});

describe("a correction of a part", () => {
  it("is that of the whole network, which is what it is measured on", async () => {
    const model = await openModel("models/digits-cnnlight.onnx", { trainable: "fc*" });
    const data = slice(await openData("digits:train"), 0, 150);
    const validation = slice(await openData("digits:test"), 0, 50);
    const points = {
      ...slice(data, 0, 3),
      labels: data.labels.slice(0, 3).map((y) => (y + 1) % 10),
    };
    const call = { data, points, validation, iterations: 3, alphas: 3, threads: 0, weight: 0 };
    const parts = await correct(model, call);
    const limit = process.env.TEMPER_CACHE_LIMIT;
    process.env.TEMPER_CACHE_LIMIT = "0";
    const whole = await correct(model, call);
    process.env.TEMPER_CACHE_LIMIT = limit ?? "";
    expect(parts.record.after.corrected).toBe(whole.record.after.corrected);
    expect(parts.record.asked).toEqual(whole.record.asked);
    expect(parts.record.pool.length).toBe(whole.record.pool.length);
    for (const [i, candidate] of whole.record.pool.entries()) {
      expect(parts.record.pool[i].loss!).toBeCloseTo(candidate.loss!, 4);
      expect(parts.record.pool[i].distance).toBeCloseTo(candidate.distance, 3);
    }
    expect(parts.record.clean).toEqual(whole.record.clean);
    expect(parts.record.validation).toEqual(whole.record.validation);
    await model.close();
  });
});

describe("the cache", () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env.TEMPER_CACHE = before.TEMPER_CACHE;
    delete process.env.TEMPER_CACHE_LIMIT;
  });
  const fresh = (): string => {
    process.env.TEMPER_CACHE = mkdtempSync(join(tmpdir(), "temper-cache-"));
    return process.env.TEMPER_CACHE;
  };
  const filled = async (path: string): Promise<void> => writeFileSync(path, Buffer.alloc(1000, 7));

  it("makes room by what was used longest ago, and keeps what is used", async () => {
    const folder = fresh();
    process.env.TEMPER_CACHE_LIMIT = "0.0000025";
    for (const [i, key] of ["a", "b"].entries()) {
      const path = (await cachedFile(key, 1000, filled))!;
      utimesSync(path, 1000 + i, 1000 + i);
    }
    const again = async (): Promise<void> => expect.unreachable("it is there");
    await cachedFile("a", 1000, again);
    await cachedFile("c", 1000, filled);
    expect((await cachedFiles()).map(({ path }) => path).toSorted()).toEqual([
      join(folder, "a.kept"),
      join(folder, "c.kept"),
    ]);
    expect(await cachedFile("d", 3000, again)).toBeUndefined();
    process.env.TEMPER_CACHE_LIMIT = "much";
    await expect(cachedFile("e", 10, again)).rejects.toMatchObject({ code: "bad-option" });
  });

  it("keeps nothing of a file that was not finished, and removes what a killed process left", async () => {
    const folder = fresh();
    const broken = async (): Promise<void> => {
      throw new Error("stopped");
    };
    await expect(cachedFile("a", 1000, broken)).rejects.toThrow("stopped");
    expect(readdirSync(folder)).toEqual([]);
    for (const name of ["old.1.part", "new.2.part"]) writeFileSync(join(folder, name), "half");
    utimesSync(join(folder, "old.1.part"), 1000, 1000);
    const path = (await cachedFile("a", 1000, filled))!;
    expect(readdirSync(folder).toSorted()).toEqual(["a.kept", "new.2.part"]);
    expect(statSync(path).size).toBe(1000);
    expect(await pruneCache(0)).toHaveLength(2);
  });

  it("is done without where it cannot be written", async () => {
    const folder = fresh();
    writeFileSync(join(folder, "file"), "");
    process.env.TEMPER_CACHE = join(folder, "file", "cache");
    expect(await cachedFile("a", 1000, filled)).toBeUndefined();
  });
});
