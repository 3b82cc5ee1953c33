// Models whose tensors are in files beside them: read, patched and written as files, and nothing outside the folder.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileLogits } from "../src/engine/ask-file.ts";
import { createDataLoss } from "../src/engine/data-loss.ts";
import { networkOf, openModel } from "../src/engine/model.ts";
import { modelFiles, patchedModel } from "../src/engine/network.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { readGraph } from "../src/onnx/read.ts";
import { externalModel } from "./helpers/external-model.ts";

const IMAGES = 6;
const x = Float32Array.from({ length: 8 * IMAGES }, (_, i) => Math.abs(Math.sin(i)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "temper-external-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder of its own with these files. */
async function written(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const own = join(folder, name);
  for (const [file, bytes] of files) {
    await mkdir(join(own, file, ".."), { recursive: true });
    await writeFile(join(own, file), bytes);
  }
  return own;
}

const forms = ["whole", "sliced", "several"] as const;

describe.each(forms)("a model with external data: %s", (form) => {
  const { file, data, plain } = externalModel(form);

  it("is the same model as one file", async () => {
    const [whole, parts] = [
      await openModel(plain),
      await openModel(file, { externalData: Object.fromEntries(data) }),
    ];
    expect(parts.parameters).toEqual(whole.parameters);
    expect(parts.theta()).toEqual(whole.theta());
    expect(await parts.logits(x, IMAGES)).toEqual(await whole.logits(x, IMAGES));
    expect(readGraph(file, data)).toEqual(readGraph(plain));
  });

  it("is read from its folder, corrected, and written as two files that onnxruntime reads", async () => {
    const own = await written(`${form}-read`, new Map([["m.onnx", file], ...data]));
    const model = await openModel(join(own, "m.onnx"));
    const theta = model.theta().map((v, i) => v + Math.fround(Math.cos(i) / 8));
    const moved = await model.withParameters(theta);
    expect(() => moved.bytes()).toThrow(/files beside it.*\nuse save\(folder\)/);
    const files = modelFiles(networkOf(model), theta, "corrected.onnx");
    expect([...files.keys()]).toEqual(["corrected.onnx", "corrected.onnx.data"]);
    const out = await written(`${form}-out`, files);
    const again = await openModel(join(out, "corrected.onnx"));
    expect(again.theta()).toEqual(theta);
    expect(await again.logits(x, IMAGES)).toEqual(await moved.logits(x, IMAGES));
    const asked = await fileLogits(networkOf(again), networkOf(again), x, IMAGES);
    for (const [i, f] of (await moved.logits(x, IMAGES)).entries())
      expect(asked[i]).toBeCloseTo(f, 5);
    // What does not move keeps its bytes: theta0 put back gives the files themselves.
    const back = patchedModel(networkOf(moved), model.theta());
    expect(back).toEqual({ file: Uint8Array.from(file), externalData: data });
    if (form !== "several")
      expect(files.get("corrected.onnx.data")!.length).toBe([...data.values()][0].length);
  });

  it("travels to worker processes with its data", async () => {
    const model = await openModel(file, { externalData: data });
    const y = Int32Array.from({ length: IMAGES }, (_, i) => i % model.labels);
    const set = { name: "noise", shape: model.inputShape, count: IMAGES, pixels: x, labels: y };
    const workers = openWorkers(1);
    try {
      const network = networkOf(model);
      const loss = createDataLoss({ network, data: set, loss: "cross-entropy", workers });
      expect(await loss.loss(model.theta())).toBeCloseTo(await model.loss(x, y), 6);
    } finally {
      await workers.close();
    }
  });
});

describe("two tensors that share bytes", () => {
  it("are told apart when one of them moves", async () => {
    const { file, data } = externalModel("shared");
    const model = await openModel(file, { externalData: data });
    const [first, second] = model.parameters.filter(({ size }) => size === 8 * 3);
    const theta = model.theta();
    expect(theta.slice(first.offset, first.offset + 24)).toEqual(
      theta.slice(second.offset, second.offset + 24),
    );
    theta[first.offset] += 1;
    const moved = patchedModel(networkOf(model), theta);
    const again = await openModel(moved.file, { externalData: moved.externalData });
    expect(again.theta()).toEqual(theta);
  });
});

describe("a data file", () => {
  const { file, data } = externalModel("whole");
  const [[name, bytes]] = data;

  it("that is missing, or not given, is asked for by name", async () => {
    const own = await written("missing", new Map([["m.onnx", file]]));
    await expect(openModel(join(own, "m.onnx"))).rejects.toThrow(
      `cannot read the model's data file "${name}": there is no such file`,
    );
    await expect(openModel(file)).rejects.toThrow(
      /kept in the file .* which was not given\n.*externalData/,
    );
  });

  it("outside the model's folder is not read: by its path, absolute, or by a link", async () => {
    const outside = await written("outside", new Map([[name, bytes]]));
    for (const location of [`../outside/${name}`, join(outside, name)]) {
      const { file: pointing } = externalModel("whole", location);
      const own = await written("inside", new Map([["m.onnx", pointing]]));
      await expect(openModel(join(own, "m.onnx"))).rejects.toThrow(
        /which is outside its folder\nput/,
      );
    }
    const linked = await written("linked", new Map([["m.onnx", file]]));
    await symlink(join(outside, name), join(linked, name));
    await expect(openModel(join(linked, "m.onnx"))).rejects.toThrow(
      /a link out of its folder\nput/,
    );
  });

  it("in a folder below, or behind a link that stays in the folder, is", async () => {
    const { file: below, data: parts } = externalModel("whole", "weights/w.bin");
    const own = await written("below", new Map([["m.onnx", below], ...parts]));
    expect((await openModel(join(own, "m.onnx"))).labels).toBe(3);
    const linked = await written(
      "kept",
      new Map([
        ["m.onnx", file],
        ["real.bin", bytes],
      ]),
    );
    await symlink(join(linked, "real.bin"), join(linked, name));
    expect((await openModel(join(linked, "m.onnx"))).labels).toBe(3);
  });
});
