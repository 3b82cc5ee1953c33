// Whether runs that lie on one plane can be compared along its axes.
import type { Families } from "../run/record.ts";
import type { RunDocument } from "./document.ts";

/** Why the violations of these runs, or their losses, are not the same quantity; undefined where they are. */
export function notComparable(runs: readonly Pick<RunDocument, "record">[]): string | undefined {
  const differ = (of: (record: RunDocument["record"]) => unknown): boolean =>
    new Set(runs.map(({ record }) => of(record))).size > 1;
  const violations = differ(({ options }) => options.recipe === "robust")
    ? "The violation of a run by the recipe robust is that of its judging images, of other recipes that of the points"
    : differ(({ options }) => options.recipe === "robust" && options.certify === true)
      ? "The violation of a certified run is that of bounds, of others that of attacked images"
      : differ(({ options }) => options.recipe !== "robust" && ballsOf(options))
        ? "The runs did not ask for the same balls around their points"
        : differ(({ inputs }) => inputs.points?.sha256)
          ? "The runs were not given the same points"
          : differ(({ options }) => options.margin)
            ? "The runs were not given the same margin"
            : undefined;
  const losses = differ(({ inputs }) => inputs.data.sha256)
    ? "The runs were not given the same DATA: their losses cannot be compared."
    : undefined;
  return (
    [violations && `${violations}: their violations cannot be compared.`, losses]
      .filter((text) => text !== undefined)
      .join(" ") || undefined
  );
}

/** What decides the bounds over balls, as one word. */
const ballsOf = ({ certifyRadius, certifyMethod, clip }: Families["points"]["options"]): string =>
  [certifyRadius, certifyMethod, clip].join();
