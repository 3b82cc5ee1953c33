// Evaluation: shares and losses counted again by hand, and what must be said beside a number.
import { afterAll, describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { type EvaluateCall, type Evaluation, evaluate } from "../src/attack/evaluate.ts";
import { attackOptions } from "../src/attack/options.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { module } from "./helpers/crash-task.ts";
import { denseNetwork } from "./helpers/dense.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";
import { noise } from "./helpers/small.ts";
import { attackEverything, pick, trainedBytes } from "./helpers/trained.ts";

const model = await openModel(await trainedBytes());
afterAll(() => model.close());
const digits = await openData("digits:test[0:150]");
const request = { eps: 0.05, steps: 4, stepSize: 0.02 } as const;

const evaluateHere = (
  data: Dataset,
  attacks: EvaluateCall["attacks"] = [],
  rest: Partial<EvaluateCall> = {},
): Promise<Evaluation> => evaluate(model, { data, attacks, threads: 0, ...rest });

/** Two pixels and two labels: f_0 = x_0, f_1 = x_1. */
function identityModel(): Promise<Model> {
  return openModel(
    writeGraph(
      graph({
        inputs: { x: ["batch", 2] },
        initializers: { w: tensor([2, 2], [1, 0, 0, 1]) },
        nodes: [node("Gemm", ["x", "w"], ["logits"])],
        outputs: { logits: ["batch", 2] },
      }),
    ),
  );
}

const pairs = (pixels: readonly number[], labels: readonly number[]): Dataset => ({
  name: "pairs",
  shape: [2],
  count: labels.length,
  pixels: Float32Array.from(pixels),
  labels: Int32Array.from(labels),
});

it("works with workers that the caller lends, call after call, and leaves them open", async () => {
  const workers = openWorkers(2);
  const attacks = [{ ...request, attack: "pgd" as const }];
  const call = { ...request, data: digits, worst: 10 };
  const found = await attack(model, { ...call, threads: 0 });
  const measured = await evaluateHere(digits, attacks);
  try {
    for (let turn = 0; turn < 2; turn++) {
      expect(await attack(model, { ...call, workers })).toEqual(found);
      expect(await evaluate(model, { data: digits, attacks, workers })).toEqual(measured);
    }
    // They still answer.
    await expect(workers.map({ module, name: "refuse" }, [0])).rejects.toThrow("refused");
  } finally {
    await workers.close();
  }
});

describe("accuracy and loss", () => {
  it("are those of the logits, image by image", async () => {
    const logits = await model.logits(imagesOf(digits), digits.count);
    let [loss, right] = [0, 0];
    for (const [i, label] of digits.labels.entries()) {
      const row = [...logits.subarray(10 * i, 10 * i + 10)];
      loss += Math.log(row.reduce((sum, f) => sum + Math.exp(f - row[label]), 0));
      if (row.every((f, l) => l === label || f < row[label])) right++;
    }
    const { clean, attacks } = await evaluateHere(digits);
    expect(clean.n).toBe(150);
    expect(clean.accuracy).toBe(right / 150);
    expect(clean.loss).toBeCloseTo(loss / 150, 10);
    expect(attacks).toEqual([]);
  });

  it("count a tie as wrong, clean or attacked, as the points of an attack do", async () => {
    const two = await identityModel();
    const ties = pairs([1, 0, 0.5, 0.5, 0, 1, 0, 1], [0, 0, 0, 1]);
    expect((await evaluate(two, { data: ties })).clean.accuracy).toBe(0.5);
    // FGSM takes 1/16 from one pixel and gives it to the other: exactly a tie.
    const data = pairs([0.625, 0.5], [0]);
    const fgsm = { attack: "fgsm", eps: 0.0625 } as const;
    const { attacks } = await evaluate(two, { data, attacks: [fgsm] });
    expect(attacks[0]).toMatchObject({ accuracy: 0, turned: 1 });
    const { points, broken } = await attack(two, { data, ...fgsm });
    expect({ broken, count: points.count }).toEqual({ broken: 1, count: 1 });
    expect(points.pixels).toEqual(Float32Array.of(0.5625, 0.5625));
    await two.close();
  });
});

describe("under attack", () => {
  it("counts who is still right, and of those right before who is not", async () => {
    const attacks = [
      { ...request, attack: "fgsm" } as const,
      { ...request, labels: "predicted" } as const,
    ];
    const { attacks: results } = await evaluateHere(digits, attacks);
    for (const [a, result] of results.entries()) {
      const options = attackOptions(attacks[a]);
      const { cleanMargins, margins } = await attackEverything(model, digits, options);
      const right = [...cleanMargins].filter((m) => m > 0).length;
      const still = [...margins].filter((m) => m > 0).length;
      const turned = [...margins].filter((m, i) => cleanMargins[i] > 0 && m <= 0).length;
      expect(turned).toBeGreaterThan(10);
      expect(result).toMatchObject({
        name: options.attack,
        norm: "linf",
        eps: 0.05,
        protocol: "honest",
        accuracy: still / 150,
        turned: turned / right,
      });
    }
    // Attacked on its own answer, an image answered wrongly may come out right.
    const { clean, attacks: again } = await evaluateHere(digits, attacks.slice(1));
    expect(again).toEqual(results.slice(1));
    expect(again[0].accuracy).toBeGreaterThan(clean.accuracy * (1 - again[0].turned) - 1e-12);
  });

  it("of several restarts counts an image as right only where it withstands all", async () => {
    const weak = { eps: 0.05, steps: 1, stepSize: 0.01, restarts: 3 };
    const [one, three] = (await evaluateHere(digits, [{ ...weak, restarts: 1 }, weak])).attacks;
    const { margins } = await attackEverything(model, digits, attackOptions(weak));
    expect(three.accuracy).toBe([...margins].filter((m) => m > 0).length / 150);
    expect(three.accuracy).toBeLessThanOrEqual(one.accuracy);
    expect(three.turned).toBeGreaterThanOrEqual(one.turned);
  });

  it("is the same in two other processes, and says how far it is", async () => {
    const data = await openData("digits:test[0:600]");
    const stages: string[] = [];
    const onProgress: EvaluateCall["onProgress"] = (stage, done, of) => {
      stages.push(`${stage} ${done}/${of}`);
    };
    const attacks = [{ ...request, attack: "fgsm" } as const];
    const here = await evaluateHere(data, attacks, { onProgress });
    expect(stages).toEqual([
      "clean 600/600",
      ...[250, 500, 600].map((done) => `fgsm 0.05 ${done}/600`),
    ]);
    expect(await evaluateHere(data, attacks, { threads: 2 })).toEqual(here);
  });

  it("stops on request", async () => {
    const rest = { signal: AbortSignal.abort() };
    await expect(evaluateHere(digits, [request], rest)).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("warnings", () => {
  const warningsOf = async (
    data: Dataset,
    rest: Partial<Parameters<typeof attackOptions>[0]>,
  ): Promise<readonly string[]> => {
    const { attacks } = await evaluateHere(data, [{ ...request, attack: "fgsm", ...rest }]);
    return attacks[0].warnings;
  };
  const few = slice(digits, 0, 20);

  it("are silent about an honest attack", async () => {
    expect(await warningsOf(few, {})).toEqual([]);
  });

  it("say that labels are predicted, and that pixels may leave the range", async () => {
    expect(await warningsOf(few, { protocol: "cleverhans" })).toEqual([
      expect.stringContaining("labels predicted by the network"),
      expect.stringContaining("pixels may leave [0, 1]"),
    ]);
    expect(await warningsOf(few, { labels: "predicted" })).toHaveLength(1);
  });

  it("say that the data leave the clip range, bytes or floats", async () => {
    const outside = expect.stringContaining("the data leave the clip range");
    const floats = pick(few, () => true);
    for (const data of [few, floats]) {
      expect(await warningsOf(data, { clip: [0.2, 0.8] })).toContainEqual(outside);
    }
    const doubled = { ...floats, pixels: floats.pixels.map((v) => 2 * v) as Float32Array };
    expect(await warningsOf(doubled, {})).toContainEqual(outside);
    expect(await warningsOf(doubled, { clip: [0, 2] })).not.toContainEqual(outside);
  });

  it("say that nothing was turned, unless nothing could be", async () => {
    const masked = [expect.stringContaining("not one image was turned")];
    expect(await warningsOf(few, { eps: 1e-9 })).toEqual(masked);
    expect(await warningsOf(few, { eps: 0 })).toEqual([]);
    const two = await identityModel();
    const wrong = pairs([0, 1, 0.2, 0.4], [0, 0]);
    const { attacks } = await evaluate(two, { data: wrong, attacks: [{ eps: 0.01 }] });
    expect(attacks[0]).toMatchObject({ accuracy: 0, turned: 0, warnings: [] });
    await two.close();
  });
});

describe("outputs that are not finite", () => {
  it("are refused: no accuracy is claimed of them", async () => {
    const model = await openModel(denseNetwork({ last: "Log" }));
    // The logarithm of black images.
    const black = { ...noise(3), pixels: new Float32Array(3 * 784) };
    await expect(evaluate(model, { data: black, threads: 0 })).rejects.toThrow("not finite");
    await model.close();
  });
});
