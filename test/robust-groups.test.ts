// Groups of violated points by their definitions: hinges, a partition in order, means as sums of logits.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AskedPoints, groupsOf, hingesOf, meanGap } from "../src/correct/groups.ts";

/** Points of up to five labels; few values, so that ties are frequent. */
const points = (value: fc.Arbitrary<number>): fc.Arbitrary<AskedPoints> =>
  fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 40 })).chain(([labels, n]) =>
    fc.record({
      y: fc.int32Array({ min: 0, max: labels - 1, minLength: n, maxLength: n }),
      logits: fc
        .array(value, { minLength: n * labels, maxLength: n * labels })
        .map((values) => Float64Array.from(values)),
    }),
  );
const quarters = fc.integer({ min: -12, max: 12 }).map((v) => v / 4);
const margins = fc.constantFrom(0, 0.25, 1);

const rowsOf = ({ y, logits }: AskedPoints): number[][] => {
  const labels = logits.length / y.length;
  return [...y.keys()].map((i) => [...logits.subarray(i * labels, (i + 1) * labels)]);
};

describe("hinges", () => {
  it("are max over the rivals of f_l - f_y + margin, and name the rival", () => {
    fc.assert(
      fc.property(points(quarters), margins, (asked, margin) => {
        const { values, rivals } = hingesOf(asked, margin);
        for (const [i, row] of rowsOf(asked).entries()) {
          const label = asked.y[i];
          const highest = Math.max(...row.filter((_, l) => l !== label));
          expect(values[i]).toBe(highest - row[label] + margin);
          expect(rivals[i]).not.toBe(label);
          expect(row[rivals[i]]).toBe(highest);
        }
      }),
    );
  });

  it("are not a number wherever one of the point's logits is none", () => {
    const some = fc.oneof({ weight: 9, arbitrary: quarters }, fc.constant(Number.NaN));
    fc.assert(
      fc.property(points(some), margins, (asked, margin) => {
        const holes = rowsOf(asked).map((row) => row.some(Number.isNaN));
        expect([...hingesOf(asked, margin).values].map(Number.isNaN)).toEqual(holes);
      }),
    );
  });
});

describe("groups", () => {
  it("hold exactly the points with h > 0, at most K equal parts of them by label, then hinge", () => {
    fc.assert(
      fc.property(
        points(quarters),
        margins,
        fc.integer({ min: 1, max: 12 }),
        (asked, margin, k) => {
          const hinges = hingesOf(asked, margin);
          const groups = groupsOf(asked.y, hinges, k);
          const all = groups.flat();
          const violated = [...hinges.values.keys()].filter((i) => hinges.values[i] > 0);
          expect(all.toSorted((i, j) => i - j)).toEqual(violated);
          const sizes = groups.map(({ length }) => length);
          expect(groups).toHaveLength(Math.min(k, violated.length));
          if (groups.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
          for (const [at, i] of all.entries()) {
            if (at === 0) continue;
            const before = all[at - 1];
            expect(asked.y[i]).toBeGreaterThanOrEqual(asked.y[before]);
            if (asked.y[i] === asked.y[before])
              expect(hinges.values[i]).toBeLessThanOrEqual(hinges.values[before]);
          }
        },
      ),
    );
  });

  it("are sums of logits worth their mean hinge less the margin", () => {
    fc.assert(
      fc.property(points(quarters), margins, (asked, margin) => {
        const hinges = hingesOf(asked, margin);
        const rows = rowsOf(asked);
        for (const group of groupsOf(asked.y, hinges, 3)) {
          const sum = meanGap(group, asked.y, hinges.rivals);
          const value = sum.reduce(
            (t, { point, label, weight }) => t + weight * rows[point][label],
            0,
          );
          const mean = group.reduce((t, i) => t + hinges.values[i], 0) / group.length;
          expect(value).toBeCloseTo(mean - margin, 12);
        }
      }),
    );
  });
});
