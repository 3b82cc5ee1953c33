// A folder of JPEGs, one sub-folder a class, measured on a model with the sizes that torchvision's pipeline has.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { evaluate, fitTo, openData, openModel } from "temper-onnx";

const names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const model = await openModel(
  fileURLToPath(new URL("../models/digits-cnnlight.onnx", import.meta.url)),
);

// Photographs of digits, larger than the model's images, in colour, and with a margin: 4/28 of the side.
const digits = await openData("digits:test[0:200]");
const folder = await mkdtemp(join(tmpdir(), "photographs-"));
for (const name of names) await mkdir(join(folder, name));
for (let i = 0; i < digits.count; i++) {
  const pixels = digits.pixels.slice(784 * i, 784 * (i + 1));
  await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
    .extend({ top: 2, bottom: 2, left: 2, right: 2 })
    .resize(128, 128, { kernel: "linear" })
    .toColourspace("srgb")
    .jpeg({ quality: 95 })
    .toFile(join(folder, names[digits.labels[i]], `${i}.jpg`));
}

// Without the names, eight would be label 0: the folders would be taken as they sort.
for (const classes of [undefined, names]) {
  const data = await openData(folder, {
    classes,
    preprocess: "torchvision",
    inputShape: model.inputShape,
  });
  const fitting = fitTo(data, model.inputShape);
  console.log(fitting.note);
  const { clean } = await evaluate(model, { data: fitting });
  console.log(`${(100 * clean.accuracy).toFixed(1)} % right`);
}
await model.close();
await rm(folder, { recursive: true });
