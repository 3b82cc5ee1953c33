// Where the pixels of an image lie among its numbers: channels, rows and columns.
import { imageSize } from "./dataset.ts";

/** Numbers of channels that images have: grey, coloured, coloured with alpha. */
const CHANNELS: readonly number[] = [1, 3, 4];

/** [rows, columns, channels], as TensorFlow has them, where the first number can be none of channels. */
const channelsComeLast = (shape: readonly number[]): boolean =>
  shape.length === 3 && CHANNELS.includes(shape[2]) && !CHANNELS.includes(shape[0]);

/** The axis of the channels in one image's shape; undefined where two axes are rows and columns. */
export function channelAxisOf(shape: readonly number[]): number | undefined {
  if (shape.length === 2) return undefined;
  return channelsComeLast(shape) ? 2 : 0;
}

/** The channel of every number of an image. */
export function channelOfEach(shape: readonly number[]): Int32Array {
  const axis = channelAxisOf(shape);
  const channels = axis === undefined ? 1 : shape[axis];
  const stride = axis === undefined ? 1 : imageSize(shape.slice(axis + 1));
  return Int32Array.from({ length: imageSize(shape) }, (_, i) => Math.floor(i / stride) % channels);
}

export interface Frame {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** From one number to the next of the same channel and row, and to the same pixel of the next channel. */
  readonly columnStride: number;
  readonly channelStride: number;
}

/** The last two axes but one of channels are rows and columns; a list of numbers is one row. */
export function frameOf(shape: readonly number[]): Frame {
  const last = channelsComeLast(shape);
  const [rows, columns] = last ? shape : [1, 1, ...shape].slice(-2);
  const channels = imageSize(shape) / (rows * columns);
  return {
    channels,
    rows,
    columns,
    columnStride: last ? channels : 1,
    channelStride: last ? 1 : rows * columns,
  };
}

/** Where a row of a channel begins. */
export const rowAt = (frame: Frame, channel: number, row: number): number =>
  channel * frame.channelStride + row * frame.columns * frame.columnStride;
