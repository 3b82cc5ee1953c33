// PNG files byte by byte, so that a test knows every pixel without the library that reads it.
import { crc32, deflateSync } from "node:zlib";

export const GREY = 0;
export const RGB = 2;
export const RGBA = 6;
const channelsOf = { [GREY]: 1, [RGB]: 3, [RGBA]: 4 } as const;

/** A PNG file as its specification has it: no filter, no interlace; of sixteen bits, the high byte comes first. */
export function png(
  type: keyof typeof channelsOf,
  [w, h]: readonly [number, number],
  bytes: number[],
  depth: 8 | 16 = 8,
): Buffer {
  const chunk = (name: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(w, 0);
  header.writeUInt32BE(h, 4);
  header[8] = depth;
  header[9] = type;
  const line = (w * channelsOf[type] * depth) / 8;
  const lines = Array.from({ length: h }, (_, y) => [0, ...bytes.slice(y * line, (y + 1) * line)]);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Uint8Array.from(lines.flat()))),
    chunk("IEND", new Uint8Array(0)),
  ]);
}
