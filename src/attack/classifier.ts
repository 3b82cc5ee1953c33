// What an attack needs of a network.
/** A classifier that can be attacked; images are row-major [n, ...], labels one an image. */
export interface Classifier {
  readonly labels: number;
  /** f_l(x_i), [n x labels]. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /** Gradient in x of the summed cross-entropy against y. */
  inputGradient(x: Float32Array, y: Int32Array): Promise<Float32Array>;
  /** The model's unit in pixels, one a pixel of an image, where it has one: the std it normalises with. */
  readonly unit?: Float32Array | undefined;
}
