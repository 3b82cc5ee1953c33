// Pictures on canvases, each with words for who cannot see it.
import type { PicturesDocument } from "../document.ts";
import { h } from "./dom.ts";

/**
 * An image, drawn without smoothing: each of its pixels is as many pixels of the screen in both directions as `side`
 * leaves room for.
 */
export function picture(
  pixels: Float64Array,
  {
    rows,
    columns,
    channels,
    side,
  }: Pick<PicturesDocument, "rows" | "columns" | "channels"> & { readonly side: number },
  words: string,
): HTMLCanvasElement {
  const zoom = Math.max(1, Math.floor(side / Math.max(rows, columns)));
  const canvas = h("canvas", {
    class: "picture",
    width: columns,
    height: rows,
    style: `width:${columns * zoom}px`,
    role: "img",
    "aria-label": words,
  });
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = Math.round(255 * pixels[i * channels + (channels === 3 ? c : 0)]);
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/** A picture with a line of text under it. */
export const captioned = (image: Node, ...caption: readonly (Node | string)[]): HTMLElement =>
  h("figure", { class: "picture-with-text" }, image, h("figcaption", {}, ...caption));

/** What is to be known of pictures that are not the images themselves. */
export const scaledNote = ({ scaledFrom, rows, columns }: PicturesDocument): string | undefined =>
  scaledFrom && `Pictures scaled from ${scaledFrom.join(" × ")} to ${rows} × ${columns} pixels.`;
