// Reads a safetensors file by its specification alone, and refuses what a strict reader refuses.
import { expect } from "vitest";

export interface ReadTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const widths: Readonly<Record<string, number>> = { F16: 2, F32: 4, F64: 8 };

export function readSafetensors(file: Uint8Array): Map<string, ReadTensor> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const json = new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, 8 + length));
  expect(json.startsWith("{")).toBe(true);
  expect((8 + length) % 8).toBe(0);
  const data = file.subarray(8 + length);
  const header = Object.entries(JSON.parse(json)) as [
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] },
  ][];
  let end = 0;
  for (const [, { dtype, shape, data_offsets }] of header.toSorted(
    ([, a], [, b]) =>
      a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )) {
    expect(data_offsets[0]).toBe(end);
    expect(data_offsets[0] % widths[dtype]).toBe(0);
    end = data_offsets[1];
    expect(end - data_offsets[0]).toBe(shape.reduce((a, b) => a * b, 1) * widths[dtype]);
  }
  expect(end).toBe(data.length);
  return new Map(
    header.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: new Uint8Array(data.slice(from, to)) }],
    ),
  );
}

export const floatsOf = ({ bytes }: ReadTensor): number[] => [...new Float32Array(bytes.buffer)];
