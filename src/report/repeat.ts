// How a run is repeated, and which of its options are not the defaults.
import { shown, wordOf } from "../options/table.ts";
import { type PointRequest, pointOptions } from "../run/points/options.ts";
import type { Timings } from "../run/record.ts";
import { type RobustRequest, robustOptions } from "../run/robust/options.ts";
import type { PageRecord, RunDocument } from "./document.ts";
import { quoted } from "./shell-word.ts";

/** What a page shows of a run, finished or not, by its record and its times. */
export const statedOf = (
  name: string,
  { record, timings }: { readonly record: PageRecord; readonly timings?: Timings },
): Pick<RunDocument, "name" | "record" | "timings" | "changed" | "repeat"> => ({
  ...{ name, record, ...(timings && { timings }) },
  changed: changedOptions(record),
  repeat: repeatCall({ name, record, ...(timings && { timings }) }),
});

/** What the defaults of a recipe may depend on: a small network, since the page knows no other. */
const FLOPS = 0;

/** Options that differ from what they would be had they not been given: their word, value and default. */
function changedOptions(record: PageRecord): RunDocument["changed"] {
  const { options, inputs } = record;
  // The labels that occur are known of a finished run, which is when a page is kept.
  const labels = (record.clean?.labels.at(-1)?.label ?? 0) + 1;
  const facts = { flops: FLOPS, points: inputs.points?.count ?? 0, labels };
  const { recipe, attack } = options;
  const eps = attack && { attack: { eps: attack.eps } };
  const usual =
    recipe === "robust"
      ? robustOptions({ recipe, certify: options.certify, ...eps } as RobustRequest, facts)
      : pointOptions(
          {
            recipe,
            ...(options.reattack && { reattack: true, ...eps }),
            solver: options.solver,
            certifyRadius: options.certifyRadius,
          } as PointRequest,
          facts,
        );
  const given: Readonly<Record<string, unknown>> = { ...options, ...attack };
  const known: Readonly<Record<string, unknown>> = { ...usual, ...usual.attack };
  // What decides which defaults there are is told whatever it is, but for these two, which are no choice.
  const plain: Readonly<Record<string, unknown>> = { reattack: false, solver: "dual" };
  const needed = ["recipe", "eps", "reattack", "solver", "certify", "certifyRadius"].filter(
    (name) => given[name] !== undefined && given[name] !== plain[name],
  );
  return Object.keys(given)
    .filter((name) => name !== "attack" || typeof given[name] === "string")
    .filter((name) => needed.includes(name) || !same(given[name], known[name]))
    .map((name) => [
      wordOf(name),
      shown(given[name]),
      needed.includes(name) ? null : shown(known[name]),
    ]);
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * The call that makes the same run again: its options and points come from the folder, the places of its inputs from
 * timings.json, and capitals stand for those that are not there. How data were read is not known.
 */
export function repeatCall({
  name,
  record,
  timings,
}: Pick<RunDocument, "name" | "timings"> & {
  readonly record: Pick<PageRecord, "inputs" | "options">;
}): string {
  const { inputs, options } = record;
  const { paths = {} } = timings ?? {};
  // The points of a cutting-set run are not what it was given; --like takes all others from the folder.
  const sources = options.recipe !== "robust" && options.reattack && !inputs.points?.origin;
  const optional: readonly (readonly [flag: string, path: string, given: boolean])[] = [
    ["--points", "points", sources],
    ["--sources-from", "sources", inputs.sources !== undefined],
    ["--validate", "validation", inputs.validation !== undefined],
  ];
  const given = optional
    .filter(([, , is]) => is)
    .flatMap(([flag, path]) => [flag, quoted(paths[path] ?? "DATA")]);
  const { model = "MODEL", data = "DATA" } = paths;
  const words = ["temper correct", quoted(model), "--data", quoted(data), ...given];
  return [...words, "--like", quoted(name), "--out", "AGAIN"].join(" ");
}
