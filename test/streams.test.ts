// Random streams: no two purposes of one seed draw from one path, and no number is written where it is drawn from.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attackNames, attacks } from "../src/attack/attacks.ts";
import { randomStream } from "../src/tensor/random.ts";
import { STREAMS } from "../src/tensor/streams.ts";

type Numbers = number | { readonly [name: string]: Numbers };

const flat = (numbers: Numbers): number[] =>
  typeof numbers === "number" ? [numbers] : Object.values(numbers).flatMap(flat);

describe("the numbers of random streams", () => {
  const { training, ...others } = STREAMS;

  it("are distinct where one seed may draw for several of them", () => {
    // The seed of a training draws nothing else, but its data may be augmented by the same seed.
    for (const together of [flat(others), [...flat(training), STREAMS.augment]]) {
      expect(new Set(together).size).toBe(together.length);
    }
  });

  it("are those that published points, splits and runs were drawn with", () => {
    expect(STREAMS).toMatchObject({
      attack: { choice: 1, sample: 2, probe: 3, longer: 4 },
      robust: { split: 101, sources: 102, sample: 103, attack: 104, judge: 105, reattack: 106 },
      blocks: 201,
      augment: 0x63726f70,
      training: { weights: 0, order: 1, crops: 2 },
    });
    const own = attacks.flatMap((attack) =>
      "run" in attack ? [[attack.name, attack.stream]] : [],
    );
    expect(Object.fromEntries(own)).toEqual({
      fgsm: 0,
      pgd: undefined,
      "apgd-ce": 2,
      "apgd-dlr": 3,
      "apgd-t": 4,
      "fab-t": 5,
      square: 6,
    });
  });

  it("of attacks are distinct, so that no two attacks on an image draw alike", () => {
    const numbers = attacks.flatMap((attack) => ("run" in attack ? [attack.stream] : []));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(new Set(attackNames).size).toBe(attackNames.length);
  });

  it("stand in the list alone: whoever draws names an entry", () => {
    const written = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => {
        const text = readFileSync(join("src", name), "utf8");
        const calls = [...text.matchAll(/randomStream\([^,()]+,\s*\d[^)]*\)/g)];
        return calls.map(([call]) => `${name}: ${call}`);
      });
    expect(written).toEqual([]);
  });
});

describe("a stream", () => {
  it("is another for every path, however long, and the same for the same one", () => {
    const first = (...path: readonly number[]): number => randomStream(7, ...path).below(2 ** 31);
    const paths = [[], [0], [1], [2], [101], [201], [1, 0], [1, 1], [1, 2], [2, 1], [1, 2, 3]];
    expect(new Set(paths.map((path) => first(...path))).size).toBe(paths.length);
    for (const path of paths) expect(first(...path)).toBe(first(...path));
  });
});
