// A benchmark as VNN-COMP has them: onnx/, vnnlib/ and instances.csv, one property an image.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, imagesOf } from "../dataset.ts";
import { type ModelUnits, unitsOfEach } from "../model-units.ts";
import { demandInRange } from "../range.ts";
import { writeFolder } from "../write.ts";
import { labelProperty, type Query } from "./property.ts";
import { writeVnnlib } from "./write.ts";

export interface BenchmarkOptions extends BallOptions {
  /** The model's files by their names, the model itself first. */
  readonly model: ReadonlyMap<string, Uint8Array>;
  readonly labels: number;
  /** Seconds that a verifier may take for each property. */
  readonly timeout: number;
}

interface BallOptions {
  /** The radius of the l-infinity ball, in pixel units. */
  readonly eps: number;
  /** The range of pixels, which the ball is cut by; null is no range. */
  readonly clip: readonly [low: number, high: number] | null;
  /** The units that the model takes its input in. */
  readonly units: ModelUnits;
}

/**
 * Writes the properties "no input of the ball around this image has another label", and names them in instances.csv.
 *
 * @returns the paths of the properties in the folder
 * @throws TemperError `file-exists`, `file-missing`; `data-mismatch` of an image outside the range of pixels
 */
export async function writeBenchmark(
  data: Dataset,
  folder: string,
  options: BenchmarkOptions,
): Promise<string[]> {
  const { model, labels, timeout, eps, clip } = options;
  const [onnx] = model.keys();
  const ids = Array.from(data.labels, (_, i) => (data.first ?? 0) + i);
  const files = ids.map((id) => `vnnlib/image_${id}.vnnlib`);
  await writeFolder(folder, async (temporary) => {
    for (const name of ["onnx", "vnnlib"]) await mkdir(join(temporary, name), { recursive: true });
    for (const [name, bytes] of model) await writeFile(join(temporary, "onnx", name), bytes);
    const ball = `l-infinity ${eps} in pixel units${clip ? `, pixels in [${clip}]` : ""}`;
    for (const [i, file] of files.entries()) {
      const label = data.labels[i];
      const property = labelProperty(boxOf(data, i, options), label, labels);
      const comment = [
        `image ${ids[i]} of ${data.name.replace(/\[\d+:\d+\]$/, "")}, label ${label}: ${ball}`,
        "sat: another label reaches it",
      ];
      await writeFile(join(temporary, file), writeVnnlib(property, { comment }));
    }
    const rows = files.map((file) => `onnx/${onnx},${file},${timeout}\n`);
    await writeFile(join(temporary, "instances.csv"), rows.join(""));
  });
  return files;
}

/** The ball around image i, cut to the range, in the units that the model takes. */
function boxOf(
  data: Dataset,
  i: number,
  { eps, clip, units }: BallOptions,
): Pick<Query, "lower" | "upper"> {
  const x = imagesOf(data, i, i + 1);
  demandInRange(x, 1, clip, () => `${data.name}: image ${i}`);
  const [low, high] = clip ?? [-Infinity, Infinity];
  const { mean, std } = unitsOfEach(data.shape, units);
  const inUnits = (pixel: number, p: number): number =>
    (Math.min(high, Math.max(low, pixel)) - mean[p]) / std[p];
  return {
    lower: Float64Array.from(x, (pixel, p) => inUnits(pixel - eps, p)),
    upper: Float64Array.from(x, (pixel, p) => inUnits(pixel + eps, p)),
  };
}
