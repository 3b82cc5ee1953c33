// The saved file itself is asked, image by image: what a run claims is claimed of the bytes that users get.
//
// Everything else is measured on a graph that Temper reads from the file: lifted, opened for any number of images, of
// float32, cut before a Softmax. Where the file says something else, the file is right.
import { type AnyDataset, type Dataset, imagesOf } from "../data/dataset.ts";
import { fileLogits } from "../engine/ask-file.ts";
import { logitsOf } from "../engine/batches.ts";
import type { Network } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { argmax } from "../tensor/vector.ts";
import type { MeasuredFile } from "./plan.ts";
import type { AskedFile } from "./record.ts";

/** The first so many images of D are asked. */
const IMAGES = 100;

/**
 * Asks the saved file about all points and some images of D. Where it gets other points right than were measured, its
 * own answer is the claim. `asked` is null where onnxruntime does not run the file as it is.
 */
export async function askFile(
  at: {
    readonly saved: Network;
    readonly points: Dataset | undefined;
    readonly data: AnyDataset;
  },
  measured: MeasuredFile,
): Promise<MeasuredFile & { readonly asked: AskedFile | null }> {
  const { saved, points, data } = at;
  const labelsIn = (rows: Float32Array): number[] =>
    Array.from({ length: rows.length / saved.labels }, (_, i) =>
      argmax(rows.subarray(i * saved.labels, (i + 1) * saved.labels)),
    );
  const ofFile = async (x: Float32Array, n: number): Promise<number[]> =>
    labelsIn(await fileLogits(saved, saved, x, n));
  try {
    const count = points?.count ?? 0;
    const own = points === undefined ? [] : await ofFile(imagesOf(points), count);
    const missed = own.flatMap((label, i) => (label === points!.labels[i] ? [] : [i]));
    const images = Math.min(IMAGES, data.count);
    const x = imagesOf(data, 0, images);
    const read = labelsIn(await logitsOf(saved, x, images));
    const said = await ofFile(x, images);
    const same = said.filter((label, i) => label === read[i]).length;
    const wrong = [...new Set([...measured.wrong, ...missed])].toSorted((a, b) => a - b);
    const fewer = wrong.length - measured.wrong.length;
    return {
      ...measured,
      wrong,
      measured: { ...measured.measured, corrected: measured.measured.corrected - fewer },
      asked: { points: count, right: count - missed.length, images, same },
    };
  } catch (error) {
    if (!(error instanceof TemperError) || error.code !== "model-unsupported") throw error;
    return { ...measured, asked: null };
  }
}
