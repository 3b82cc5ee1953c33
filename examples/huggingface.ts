// A Parquet file as Hugging Face publishes image sets: bytes of PNGs, labels, and their names in the metadata.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { evaluate, openData, openModel } from "temper-onnx";

const digits = await openData("digits:test[0:200]");
const images = await Promise.all(
  Array.from({ length: digits.count }, (_, i) =>
    sharp(digits.pixels.slice(784 * i, 784 * (i + 1)), {
      raw: { width: 28, height: 28, channels: 1 },
    })
      .toColourspace("b-w")
      .png()
      .toBuffer(),
  ),
);
const names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const features = { image: { _type: "Image" }, label: { _type: "ClassLabel", names } };

// Two shards, as large sets have them.
const folder = await mkdtemp(join(tmpdir(), "huggingface-"));
for (const shard of [0, 1]) {
  const [from, to] = [100 * shard, 100 * (shard + 1)];
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: "image", data: images.slice(from, to), type: "BYTE_ARRAY" },
      { name: "label", data: [...digits.labels.subarray(from, to)], type: "INT32" },
    ],
    kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
  });
  await writeFile(join(folder, `test-0000${shard}-of-00002.parquet`), new Uint8Array(bytes));
}

const model = await openModel(
  fileURLToPath(new URL("../models/digits-cnnlight.onnx", import.meta.url)),
);
const data = await openData(join(folder, "test-*.parquet"));
console.log(`${data.count} images, ${data.note}`);
const { clean } = await evaluate(model, { data });
console.log(`${(100 * clean.accuracy).toFixed(1)} % right`);
await model.close();
await rm(folder, { recursive: true });
