// What the command line does with data as people have them: read alike for every model, and again with --like.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";
import { itLong } from "./helpers/long.ts";
import { GREY, png } from "./helpers/png.ts";

/** One dense layer with random weights, on images of any shape; `half` divides the image by two before it. */
function dense(shape: readonly number[], labels: number, { half = false } = {}): Uint8Array {
  const random = randomStream(1);
  const size = shape.reduce((a, b) => a * b, 1);
  const weights = Array.from({ length: size * labels }, () => random.normal());
  return writeGraph(
    graph({
      inputs: { x: ["batch", ...shape] },
      initializers: { w: tensor([size, labels], weights), two: tensor([1], [2]) },
      nodes: [
        ...(half ? [node("Div", ["x", "two"], ["halved"])] : []),
        node("Flatten", [half ? "halved" : "x"], ["flat"], { axis: 1 }),
        node("Gemm", ["flat", "w"], ["logits"]),
      ],
      outputs: { logits: ["batch", labels] },
    }),
  );
}

describe.concurrent("evaluate", () => {
  it("fits the data to each model, and takes the same sample for all", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "image.onnx"), dense([1, 28, 28], 10));
    writeFileSync(join(cwd, "flat.onnx"), dense([784], 10));
    const args = ["--data", "digits:test[0:60]", "--limit", "40", "--threads", "1", "--json"];
    const { code, stdout, stderr } = await temper(
      ["evaluate", "image.onnx", "flat.onnx", ...args],
      { cwd },
    );
    const [image, flat] = JSON.parse(stdout).models;
    expect({ code, clean: flat.clean }).toEqual({ code: 0, clean: image.clean });
    expect(stderr).toContain("images of [1,28,28] taken as [784]: the same pixels");
  });
});

describe.concurrent("what is said", () => {
  it("tells a radius as it was given, in JSON as a number", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "m.onnx"), dense([1, 28, 28], 10));
    const data = ["evaluate", "m.onnx", "--data", "digits:test[0:20]", "--threads", "1"];
    const attacked = [...data, "--attack", "fgsm", "--eps", "8/255"];
    const { stdout } = await temper(attacked, { cwd });
    expect(stdout).toMatch(/ fgsm +8\/255 /);
    expect(stdout).toContain("l-infinity, eps 8/255 in pixel units");
    expect(stdout).toContain("one step of 8/255 from the clean image");
    const [{ attacks }] = JSON.parse(
      (await temper([...attacked, "--json"], { cwd })).stdout,
    ).models;
    expect(attacks[0].eps).toBe(8 / 255);
  });

  it("inspect notes a mean for a graph that scales the image itself", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "m.onnx"), dense([1, 4, 4], 3, { half: true }));
    const { stdout } = await temper(["inspect", "m.onnx", "--mean", "0.5"], { cwd });
    expect(stdout).toContain("note: the graph shifts or scales the image itself at Div");
    expect((await temper(["inspect", "m.onnx"], { cwd })).stdout).not.toContain("note: the graph");
  });
});

describe.concurrent("correct --like", () => {
  itLong("reads the data as the earlier run did, and repeats it byte for byte", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "m.onnx"), dense([1, 4, 4], 3));
    const random = randomStream(2);
    for (const name of ["bee", "ant", "cat"]) {
      mkdirSync(join(cwd, "set", name), { recursive: true });
      for (let i = 0; i < 6; i++) {
        const bytes = Array.from({ length: 64 }, () => Math.floor(256 * random.uniform()));
        writeFileSync(join(cwd, "set", name, `${i}.png`), png(GREY, [8, 8], bytes));
      }
    }
    writeFileSync(join(cwd, "names.txt"), "bee\ncat\nant\n");
    const points = await openData(join(cwd, "set[4:7]"), { resize: 4 });
    writeFileSync(join(cwd, "points.npz"), writePoints(points));
    const given = ["--data", "set", "--points", "points.npz", "--anyway", "--threads", "1"];
    const how = ["--classes", "names.txt", "--resize", "4", "--iterations", "2", "--mean", "0.5"];
    const first = await temper(["correct", "m.onnx", ...given, ...how, "--out", "A"], { cwd });
    const like = ["--like", "A", "--out", "B"];
    const second = await temper(["correct", "m.onnx", ...given, ...like], { cwd });
    expect({ first: first.stderr, codes: [first.code, second.code] }).toEqual({
      first: expect.stringContaining("3 folders of the 3 classes 0 bee, 1 cat, 2 ant"),
      codes: [0, 0],
    });
    for (const name of ["run.json", "corrected.onnx", "points.npz", "thetas.npz"]) {
      expect(readFileSync(join(cwd, "B", name))).toEqual(readFileSync(join(cwd, "A", name)));
    }
    const { data } = JSON.parse(readFileSync(join(cwd, "A/run.json"), "utf8")).inputs;
    expect(data).toMatchObject({ reading: { resize: 4 }, classes: ["bee", "cat", "ant"] });
  });
});
