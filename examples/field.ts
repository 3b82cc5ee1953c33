// Wrong inputs from the field, kept as PNGs in a folder for each true label, are corrected.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { attack, correct, openData, openModel } from "temper-onnx";

const model = await openModel(
  fileURLToPath(new URL("../models/digits-cnnlight.onnx", import.meta.url)),
);
const data = await openData("digits:train[0:300]");

// The field, made here: images that an attack turns, rounded to the bytes of a PNG.
const { points: found } = await attack(model, { data, eps: 0.12, worst: 10 });
const folder = await mkdtemp(join(tmpdir(), "field-"));
for (let i = 0; i < found.count; i++) {
  const at = join(folder, String(found.labels[i]));
  await mkdir(at, { recursive: true });
  const bytes = Uint8Array.from(found.pixels.subarray(784 * i, 784 * (i + 1)), (x) =>
    Math.round(255 * x),
  );
  await sharp(bytes, { raw: { width: 28, height: 28, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toFile(join(at, `${i}.png`));
}

const points = await openData(folder);
console.log(points.note);
const run = await correct(model, { data, points });
const { before, after } = run.record;
console.log(`${before.corrected} of ${before.points} right before, ${after.corrected} after`);
await model.close();
await rm(folder, { recursive: true });
