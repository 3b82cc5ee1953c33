// What a model is told that cannot be corrected: what it lacks, and what would do instead.
import { afterAll, describe, expect, it } from "vitest";
import { verdictOf } from "../src/cli/verdict.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import { demandCorrectable } from "../src/engine/telling.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { type Sketch, sketch } from "./helpers/sketch.ts";

const image = Float32Array.of(0.2, 0.4, 0.6, 0.8);
const opened: Model[] = [];
afterAll(() => Promise.all(opened.map((model) => model.close())));

/** What stands between the first dense layer and the last. */
const between = (step: (s: Sketch, x: string) => string): Graph =>
  sketch({ shape: [4] }, (s, x) =>
    s.op("Gemm", [step(s, s.op("Gemm", [x, s.weight([4, 6])])), s.weight([6, 3])]),
  );

async function asked(graph: Graph, trainable?: string): Promise<string> {
  const model = await openModel(writeGraph(graph), { trainable });
  opened.push(model);
  return demandCorrectable(networkOf(model), image, 1).then(
    () => "yes",
    (error) => error.message,
  );
}

describe("demandCorrectable", () => {
  it("lets a dense network pass", async () => {
    expect(await asked(between((s, x) => s.op("Relu", [x])))).toBe("yes");
  });

  const sine = between((s, x) => s.op("Sin", [x]));
  it("says that the last layer would do where an operator before it has no rule, and it does", async () => {
    expect(await asked(sine)).toMatch(/Sin.*\n--trainable last would work/);
    expect(await asked(sine, "last")).toBe("yes");
  });

  it("does not say so where the operator is behind the last layer", async () => {
    const behind = sketch({ shape: [4] }, (s, x) =>
      s.op("Sin", [s.op("Gemm", [x, s.weight([4, 3])])]),
    );
    expect(await asked(behind)).not.toContain("--trainable last");
  });

  it("lets a network pass whose last layer is 0, and one in which only the layer before can tell", async () => {
    const zeros = (s: Sketch, ...dims: number[]): string => s.weight(dims, 0);
    const head = sketch({ shape: [4] }, (s, x) =>
      s.op("Gemm", [s.op("Gemm", [x, s.weight([4, 6])]), zeros(s, 6, 3)]),
    );
    const before = sketch({ shape: [4] }, (s, x) =>
      s.op("Gemm", [s.op("Gemm", [x, zeros(s, 4, 6)]), s.weight([6, 3])]),
    );
    expect(await asked(head)).toBe("yes");
    expect(await asked(before)).toBe("yes");
  });

  it("refuses weights that tell no labels apart", async () => {
    const blind = sketch({ shape: [4] }, (s, x) =>
      s.op("Expand", [
        s.op("ReduceSum", [s.op("Gemm", [x, s.weight([4, 6])]), s.ints(1)]),
        s.ints(1, 3),
      ]),
    );
    expect(await asked(blind)).toMatch(/^the model gives every label the same logits/);
  });
});

describe("the verdict of inspect", () => {
  it("has a reason for each that cannot be done", async () => {
    const model = await openModel(writeGraph(between((s, x) => s.op("Sin", [x]))));
    opened.push(model);
    const { evaluate, attack, correct } = await verdictOf(networkOf(model));
    expect(evaluate).toBe("yes");
    expect(attack).toMatch(/^no: .*Sin/);
    expect(correct).toMatch(/^no: .*--trainable last would work/);
  });
});
