// Verification: which images are proven right in their whole ball, which are broken by an attack, which stay open.
//
//     every image: right as it is?  else broken
//     for each method, the fastest first: bounds of what is open; proven where every rival's lies below 0
//         after the fast ones an attack on what is open; broken where it turns the image
//
// A proof holds of every image in the ball as onnxruntime computes it in float32 (docs/guarantees.md); a broken image
// comes with the input that breaks it, which was asked again.
import { checkAttackable } from "../attack/attackable.ts";
import { wilsonInterval } from "../attack/interval.ts";
import { attackOptions } from "../attack/options.ts";
import { mostPasses } from "../attack/parts.ts";
import { type Work, withWorkers } from "../attack/session.ts";
import { checkUnits } from "../attack/units.ts";
import { type AnyDataset, type Dataset, imagesOf } from "../data/dataset.ts";
import { demandInRange } from "../data/range.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { refuseUnknown } from "../errors.ts";
import { partOf } from "../options/table.ts";
import type { Progress } from "../progress.ts";
import { joined } from "../tensor/vector.ts";
import { boundedNodes } from "./intervals.ts";
import {
  type VerifyOptions,
  type VerifyRequest,
  verifyOptions,
  verifyRequestNames,
  verifyTable,
} from "./options.ts";
import { askClean, attack, begin, fast, findRadii, prove, type Search, slow } from "./search.ts";

/** What `verify` is called with. */
export interface VerifyCall extends VerifyRequest, Work {
  /** The images whose balls are looked at, in pixel units, with their true labels. */
  readonly data: AnyDataset;
  /** The stages are `clean`, the methods, the attack and `radius`; they count images. */
  readonly onProgress?: Progress | undefined;
}

const known: Readonly<Record<keyof VerifyCall, true>> = {
  ...verifyRequestNames,
  data: true,
  threads: true,
  workers: true,
  signal: true,
  onProgress: true,
};

/** Some of the images. */
export interface CountedShare {
  /** How many they are. */
  readonly n: number;
  /** Their share of all, in [0, 1]. */
  readonly share: number;
  /** Where the true share lies at 95 %, in [0, 1]: Wilson's interval. */
  readonly interval: readonly [low: number, high: number];
}

/** What is known of one image's ball. */
export interface VerifiedImage {
  /** `proven` right in the whole ball, `broken` by an input in it, or `open`. */
  readonly status: "proven" | "broken" | "open";
  /** The method that proved it or the attack that broke it, `clean` where it is wrong as it is; null where open. */
  readonly by: string | null;
  /**
   * The least upper bound that was found of the largest f_l - f_y over the ball: below 0 where the image is proven;
   * null where none was asked for.
   */
  readonly bound: number | null;
  /** The largest eps at which it was proven, where that was searched for; 0 where none was. */
  readonly radius?: number | undefined;
}

/** What `verify` has found. */
export interface Verification {
  /** The options, all of them stated. */
  readonly options: VerifyOptions;
  /** How many images were looked at. */
  readonly n: number;
  /** The images that are right in their whole ball. */
  readonly proven: CountedShare;
  /** The images that an input in their ball turns, or that are wrong as they are. */
  readonly broken: CountedShare;
  /** The images of which neither is known. */
  readonly open: CountedShare;
  /** How many were proven or broken by what. */
  readonly by: Readonly<Record<string, number>>;
  /** What the attack was allowed and spent, in words; null where none was made. */
  readonly attack: string | null;
  /** Whether the time was up before every image was looked at. */
  readonly timedOut: boolean;
  /** Each image, in the order of the data. */
  readonly images: readonly VerifiedImage[];
  /** The inputs that break images, in pixel units with the true labels; `source` holds the images' indices. */
  readonly counterexamples: Dataset;
}

/**
 * Proves images right in their whole ball in the largest norm, or breaks them.
 *
 * @throws TemperError `bad-option`; `data-mismatch` where an image does not fit or lies outside the range;
 *   `model-unsupported` naming the operators that have no bound; `worker-failed`, `aborted`
 */
export async function verify(model: Model, call: VerifyCall): Promise<Verification> {
  refuseUnknown(call, known, "verify");
  const { data, signal } = call;
  const network = networkOf(model);
  const options = verifyOptions(partOf(verifyTable, call) as VerifyRequest);
  checkUnits(options, network.options.std);
  boundedNodes(network.graph);
  if (options.attack !== "none") {
    const { attack: name, eps, epsSpace, clip, seed } = options;
    const stated = attackOptions({ eps, epsSpace, clip, attack: name, seed });
    checkAttackable(network, stated, "the attack of verify");
  }
  checkRange(data, options);
  const passes = passesOf(options, model.labels);
  return withWorkers(model, data, { ...call, passes }, async (workers) => {
    const search = begin({ options, network, data, workers, signal, onProgress: call.onProgress });
    await askClean(search);
    for (const method of fast[options.method]) await prove(search, method);
    if (options.attack !== "none") await attack(search, options.attack);
    for (const method of slow[options.method]) await prove(search, method);
    if (options.radius) await findRadii(search);
    return reportOf(search);
  });
}

/** Passes through the network that an image may take: where they are many, processes are worth their start. */
const MANY = 1000;

function passesOf(options: VerifyOptions, labels: number): number {
  if (options.attack === "none") return options.method === "ibp" ? 4 : MANY;
  const { eps, attack, seed } = options;
  return MANY + mostPasses(attackOptions({ eps, attack, seed }), labels);
}

function reportOf(search: Search): Verification {
  const { options, data, network, found, bounds, radii, timedOut, broken } = search;
  const { labels } = network;
  const n = data.count;
  const counted = (status: VerifiedImage["status"]): CountedShare => {
    const some = found.filter((one) => one.status === status).length;
    return { n: some, share: some / n, interval: wilsonInterval(some, n) };
  };
  const by: Record<string, number> = {};
  for (const { by: name } of found) if (name !== null) by[name] = (by[name] ?? 0) + 1;
  const images = found.map((one, i): VerifiedImage => {
    const rivals = bounds.subarray(i * labels, (i + 1) * labels);
    const bound = rivals.reduce(
      (a, c, l) => (l === data.labels[i] ? a : Math.max(a, c)),
      -Infinity,
    );
    return {
      ...one,
      bound: Number.isFinite(bound) ? bound : null,
      ...(options.radius && { radius: radii[i] }),
    };
  });
  const ids = Int32Array.from([...broken.keys()].toSorted((a, c) => a - c));
  return {
    ...{ options, n, by, images, timedOut, attack: search.statement },
    proven: counted("proven"),
    broken: counted("broken"),
    open: counted("open"),
    counterexamples: {
      name: `broken ${data.name}`,
      shape: data.shape,
      count: ids.length,
      pixels: joined(Array.from(ids, (i) => broken.get(i)!)),
      labels: ids.map((i) => data.labels[i]),
      source: ids.map((i) => data.source?.[i] ?? (data.first ?? 0) + i),
    },
  };
}

/** Images whose pixels are looked at together. */
const LOOKED_AT = 1000;

/** @throws TemperError `data-mismatch` naming an image that lies outside the range */
function checkRange(data: AnyDataset, options: VerifyOptions): void {
  for (let from = 0; from < data.count; from += LOOKED_AT) {
    const to = Math.min(data.count, from + LOOKED_AT);
    const nameOf = (i: number): string => `image ${(data.first ?? 0) + from + i} of ${data.name}`;
    demandInRange(imagesOf(data, from, to), to - from, options.clip, nameOf);
  }
}
