// The other end of an accuracy under attack: what share of the images is proven right in the same ball.
import { attackTable } from "../attack/options.ts";
import { type Share, shareOf } from "../attack/share.ts";
import { type Verification, verify } from "../bounds/verify.ts";
import type { AnyDataset } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import type { Workers } from "../engine/workers.ts";
import { demand } from "../errors.ts";
import { partOf } from "../options/table.ts";
import type { Context } from "./context.ts";

/** What is proven in a ball: no attack in it leaves a lower share. */
export interface ProvenResult
  extends Share,
    Pick<Verification["options"], "eps" | "epsSpace" | "clip" | "method">,
    Pick<Verification, "by"> {}

/**
 * Refuses flags that say no ball that could be proven.
 *
 * @throws TemperError `bad-option`
 */
export function checkBracket(flags: object): void {
  const { norm = "linf", eps } = partOf(attackTable, flags) as { norm?: string; eps?: unknown };
  demand(norm === "linf", "verify", true, `--norm linf, in whose balls it proves; given ${norm}`);
  demand(
    eps !== undefined,
    "verify",
    true,
    "--eps as well, as in --attack auto --eps 0.1 --verify",
  );
}

/** The share of images that is proven at each eps. */
export async function provenAt(
  model: Model,
  data: AnyDataset,
  radii: readonly number[],
  flags: object,
  { workers, context }: { readonly workers: Workers; readonly context: Context },
): Promise<ProvenResult[]> {
  const { clip, epsSpace, seed } = flags as Partial<Verification["options"]>;
  const results: ProvenResult[] = [];
  for (const eps of radii) {
    const found = await verify(model, {
      ...{ data, eps, clip, epsSpace, seed, workers },
      signal: context.signal,
      onProgress: context.progress.update,
    });
    const margins = Float32Array.from(found.images, ({ status }) => (status === "proven" ? 1 : 0));
    const { by, options } = found;
    const ball = { eps, epsSpace: options.epsSpace, clip: options.clip, method: options.method };
    results.push({ ...ball, by, ...shareOf(margins, data.labels) });
  }
  return results;
}
