// Asks a model file by itself: onnxruntime alone, one image at a time, of the bytes that users get.
import type { Answer } from "../autodiff/head.ts";
import { imageSize } from "../data/dataset.ts";
import { channelOfEach } from "../data/frame.ts";
import type { ModelBytes } from "../onnx/external.ts";
import type { ElementType, ValueInfo } from "../onnx/graph.ts";
import { withFileOutput } from "../onnx/stored.ts";
import { numberToHalf } from "../tensor/half.ts";
import { repeated } from "../tensor/vector.ts";
import type { Network } from "./network.ts";
import { type AnyArray, Session } from "./session.ts";

/** Gives the numbers of an image the type that the file takes. */
function typed(type: ElementType | null, image: Float32Array): AnyArray["data"] {
  switch (type) {
    case "uint8":
      return Uint8Array.from(image, (v) => Math.max(0, Math.min(255, Math.round(255 * v))));
    case "float16":
      return Uint16Array.from(image, numberToHalf);
    case "float64":
      return Float64Array.from(image);
    default:
      return image;
  }
}

/** (x - mean) / std, channel by channel. */
function normalized({ options, inputShape }: Network, x: Float32Array): Float32Array {
  const { mean, std } = options;
  if (mean === undefined && std === undefined) return x;
  const channels = channelOfEach(inputShape);
  const of = (values: readonly number[], c: number): number => values[c] ?? values[0];
  return x.map((v, i) => (v - of(mean ?? [0], channels[i])) / of(std ?? [1], channels[i]));
}

/** Makes one number a label of the answer for one image; the largest is that of the file's label. */
function scores(answer: Answer, numbers: readonly number[], labels: number): readonly number[] {
  switch (answer.kind) {
    case "scores":
      return numbers.slice(0, labels);
    case "threshold":
      return [answer.threshold, numbers[0]];
    case "index":
      return Array.from({ length: labels }, (_, l) => (l === numbers[0] ? 1 : 0));
  }
}

/**
 * Asks a file about each of n images alone. The answer is one number a label [n x labels], in the order of the logits
 * and not on their scale: probabilities, of a file that ends in them.
 *
 * @param files as `openModel` reads it or `patchedModel` makes it; of this network, at any theta
 * @param x pixels [n, ...inputShape]
 * @throws TemperError `model-unsupported` where onnxruntime does not run the file as it is
 */
export async function fileLogits(
  network: Network,
  files: ModelBytes,
  x: Float32Array,
  n: number,
): Promise<Float32Array> {
  const { question, labels, inputShape } = network;
  const { image, copies, others, output, answer } = question;
  const file = withFileOutput(files.file, output);
  const session = await Session.open({ ...files, file });
  const size = imageSize(inputShape);
  const batched = image.dims.length > inputShape.length;
  const times = batched ? copies : 1;
  const rest = Object.fromEntries(others.map((value) => [value.name, emptyOf(value)]));
  const all = new Float32Array(n * labels);
  try {
    for (let i = 0; i < n; i++) {
      const one = normalized(network, x.subarray(i * size, (i + 1) * size));
      const asked = {
        type: image.type,
        dims: [...(batched ? [times] : []), ...inputShape],
        data: typed(image.type, repeated(one, times)),
      };
      const numbers = await session.ask({ ...rest, [image.name]: asked }, output);
      all.set(scores(answer, numbers, labels), i * labels);
    }
  } finally {
    await session.release();
  }
  return all;
}

/** Zeros for an input that does not matter. */
function emptyOf({ type, dims }: ValueInfo): AnyArray {
  const known = dims.map((d) => (typeof d === "number" && d > 0 ? d : 1));
  return { type, dims: known, data: typed(type, new Float32Array(imageSize(known))) };
}
