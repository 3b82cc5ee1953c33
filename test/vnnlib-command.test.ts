// What temper export --vnnlib writes is about the model and the images given; counterexamples come back as points.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { imagesOf } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { writeCounterexample } from "../src/data/vnnlib/counterexample.ts";
import { labelOf, labelProperty } from "../src/data/vnnlib/property.ts";
import { readVnnlib } from "../src/data/vnnlib/read.ts";
import { writeVnnlib } from "../src/data/vnnlib/write.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";

const [shape, labels, count] = [[3, 2, 2], 4, 6] as const;
const size = 12;
const random = randomStream(5);
const weights = Array.from({ length: size * labels }, () => random.normal());
const pixels = Float32Array.from({ length: count * size }, () => random.below(256) / 255);
const y = Int32Array.from({ length: count }, (_, i) => i % labels);

/** One dense layer, with a Softmax behind it or without. */
const dense = (softmax: boolean): Uint8Array =>
  writeGraph(
    graph({
      inputs: { x: ["batch", ...shape] },
      initializers: { w: tensor([size, labels], weights) },
      nodes: [
        node("Flatten", ["x"], ["flat"], { axis: 1 }),
        node("Gemm", ["flat", "w"], ["logits"]),
        ...(softmax ? [node("Softmax", ["logits"], ["shares"], { axis: 1 })] : []),
      ],
      outputs: { [softmax ? "shares" : "logits"]: ["batch", labels] },
    }),
  );

const cwd = newFolder();
beforeAll(() => {
  writeFileSync(join(cwd, "m.onnx"), dense(false));
  writeFileSync(join(cwd, "softmax.onnx"), dense(true));
  const data = { name: "d", shape, count, pixels, labels: y };
  writeFileSync(join(cwd, "d.npz"), writePoints(data));
});

const units = ["--mean", "0.5,0.4,0.3", "--std", "0.25,0.5,0.125"];
const asked = ["--data", "d.npz[1:6]", "--eps", "8/255"];

describe.concurrent("temper export --vnnlib", () => {
  it("writes the model as it is, and the ball of each image in the model's units", async () => {
    const { code, stderr, stdout } = await temper(
      ["export", "m.onnx", ...asked, ...units, "--vnnlib", "bench", "--timeout", "60"],
      { cwd },
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "5 properties, the model and instances.csv written to bench\n",
    });
    expect(stderr).toMatch(/of 5 images are wrong as they are/);
    expect(readFileSync(join(cwd, "bench/onnx/m.onnx"))).toEqual(readFileSync(join(cwd, "m.onnx")));
    const rows = readFileSync(join(cwd, "bench/instances.csv"), "utf8").trim().split("\n");
    expect(rows).toHaveLength(5);
    for (const [k, row] of rows.entries()) {
      const i = k + 1;
      expect(row).toBe(`onnx/m.onnx,vnnlib/image_${i}.vnnlib,60`);
      const property = readVnnlib(readFileSync(join(cwd, "bench", row.split(",")[1])), row);
      expect(labelOf(property)).toBe(y[i]);
      expect(property.outputs).toBe(labels);
      const [{ lower, upper }] = property.queries;
      for (let p = 0; p < size; p++) {
        const channel = Math.floor(p / 4);
        const mean = Math.fround([0.5, 0.4, 0.3][channel]);
        const std = [0.25, 0.5, 0.125][channel];
        const pixel = pixels[i * size + p];
        expect(lower[p]).toBeCloseTo((Math.max(0, pixel - 8 / 255) - mean) / std, 12);
        expect(upper[p]).toBeCloseTo((Math.min(1, pixel + 8 / 255) - mean) / std, 12);
      }
    }
  });

  it("leaves a Softmax out, and says so", async () => {
    const { code, stderr } = await temper(
      ["export", "softmax.onnx", ...asked, "--vnnlib", "plain"],
      { cwd },
    );
    expect(code).toBe(0);
    expect(stderr).toContain("written as Temper reads it: from pixels to logits");
    const { nodes } = readGraph(readFileSync(join(cwd, "plain/onnx/softmax.onnx")));
    expect(nodes.map(({ op }) => op)).toEqual(["Flatten", "Gemm"]);
  });

  it.each([
    [[], "Given neither of --safetensors FILE and --vnnlib DIR"],
    [["--safetensors", "a.safetensors", "--eps", "0.1"], "--eps has no meaning for --safetensors"],
    [
      ["--vnnlib", "x", ...asked, "--clip", "0.2,0.8"],
      "outside the range [0.2,0.8]\ngive --clip none",
    ],
  ])("refuses %j", async (args, message) => {
    const { code, stderr, files } = await temper(["export", "m.onnx", ...args], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(files).not.toContain("x");
  });
});

describe("counterexamples as data", () => {
  const folder = newFolder();
  const at = (name: string): string => join(folder, name);
  const box = { lower: new Float64Array(size).fill(-9), upper: new Float64Array(size).fill(9) };
  const mean = [0.5, 0.4, 0.3];
  const std = [0.25, 0.5, 0.125];
  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < 3; i++) {
      const x = pixels.slice(i * size, (i + 1) * size);
      const given = Float64Array.from(x, (v, p) => (v - mean[p >> 2]) / std[p >> 2]);
      const text = writeCounterexample({ x: given, y: Float32Array.of(1, 2, 3, 4) });
      writeFileSync(at(`c${i}.counterexample`), text);
      const property = writeVnnlib(labelProperty(box, y[i], labels));
      writeFileSync(at(`c${i}.vnnlib.gz`), gzipSync(property));
    }
    writeFileSync(at("other.vnnlib"), writeVnnlib(labelProperty(box, 3, labels)));
    writeFileSync(at("alone.counterexample"), readFileSync(at("c0.counterexample")));
  });

  it("come with the label of their property, in pixels and in the model's shape", async () => {
    const data = await openData(at("c*.counterexample"), {
      inputShape: [...shape],
      units: { mean, std },
    });
    expect({ shape: data.shape, labels: data.labels }).toEqual({
      shape: [...shape],
      labels: y.slice(0, 3),
    });
    const x = imagesOf(data);
    for (let i = 0; i < x.length; i++) expect(x[i]).toBeCloseTo(pixels[i], 6);
  });

  it("take the property that is given", async () => {
    const data = await openData(`${at("c0.counterexample")},${at("other.vnnlib")}`);
    expect({ ...data.labels }).toEqual({ 0: 3 });
    expect(data.shape).toEqual([size]);
  });

  it("are refused without one", async () => {
    await expect(openData(at("alone.counterexample"))).rejects.toThrow(/which label is right/);
  });

  it("are points to the command", async () => {
    const { code, stdout } = await temper(
      [
        ...["evaluate", "m.onnx", "--data", at("c*.counterexample"), ...units],
        ...["--threads", "1", "--json"],
      ],
      { cwd },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).models[0].clean.n).toBe(3);
  });
});
