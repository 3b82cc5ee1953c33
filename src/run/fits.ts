// What fits this machine: an estimate in words, the part that is proposed, and the refusal of what does not fit.
import { availableParallelism } from "node:os";
import type { AnyDataset } from "../data/dataset.ts";
import { memoryThere } from "../data/memory.ts";
import { processesOn } from "../engine/device.ts";
import type { Network } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { type Estimate, estimateOf, estimates, type Task } from "./estimate.ts";

/** Of `--rivals auto`, which cuts against those near the margin: three at least, and a few more. */
const NEAR = 5;

/** What a call asks for, as far as it decides what is needed. */
export function taskOf(
  network: Network,
  call: {
    readonly data: AnyDataset;
    readonly points: number;
    readonly validation?: AnyDataset | undefined;
    readonly threads?: number | undefined;
    readonly memory?: number | undefined;
  },
  {
    iterations,
    alphas,
    rivals,
    lossSample,
    certifyRadius,
  }: {
    readonly iterations: number;
    readonly alphas: number;
    readonly rivals: number | string;
    readonly lossSample?: number | "auto" | undefined;
    readonly certifyRadius?: number | undefined;
  },
): Task {
  const { data, points, validation, threads, memory } = call;
  const others = network.labels - 1;
  const cuts = typeof rivals === "number" ? rivals : rivals === "all" ? others : NEAR;
  return {
    ...{ images: data.count, points, iterations, alphas, memory, lossSample },
    pixels: bytesHeld(data),
    rivals: Math.min(cuts, others),
    ...(certifyRadius !== undefined && { bounded: true }),
    processes: threads ?? processesOn(network.options.device) ?? availableParallelism(),
    held: validation?.count ?? 0,
  };
}

/** Bytes that a data set keeps in this process: a slice keeps all of what it was cut from. */
const bytesHeld = ({ pixels }: AnyDataset): number =>
  ArrayBuffer.isView(pixels) ? pixels.buffer.byteLength : 0;

/** Seconds that nobody waits for. */
const LONG = 3600;

/** Whether a correction fits into the memory of this machine. */
export const fits = ({ bytes }: Estimate): boolean => bytes <= memoryThere();

/**
 * The part to correct, of estimates in the order of their weights: the largest that fits into memory and takes no more
 * than an hour, else the quickest that fits; undefined where none does.
 */
export function proposed(parts: readonly Estimate[]): Estimate | undefined {
  const there = parts.filter(fits);
  const soon = there.findLast(({ seconds = 0 }) => seconds <= LONG);
  return soon ?? there.toSorted((a, b) => (a.seconds ?? 0) - (b.seconds ?? 0))[0];
}

/** 4.1 GB, with two digits. */
export const gigabytes = (bytes: number): string =>
  `${Number((bytes / 2 ** 30).toPrecision(2))} GB`;

/** Seconds as a person would say them. */
export function duration(seconds: number): string {
  const say = (n: number, unit: string): string => {
    const whole = Math.max(1, Math.round(n));
    return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
  };
  if (seconds < 90) return say(seconds, "second");
  if (seconds < 90 * 60) return say(seconds / 60, "minute");
  if (seconds < 36 * 3600) return say(seconds / 3600, "hour");
  return say(seconds / 86400, "day");
}

/** "some 4.1 GB and 13 minutes" */
export const needs = ({ bytes, seconds }: Estimate): string =>
  `some ${gigabytes(bytes)}${seconds === undefined ? "" : ` and ${duration(seconds)}`}`;

/** The refusal of what does not fit, with the part that would where there is one. */
export function tooLarge(whole: Estimate, best: Estimate | undefined): TemperError {
  const advice =
    best === undefined
      ? "give fewer points, --iterations or --threads"
      : `--trainable "${best.trainable}" needs ${needs(best)}`;
  const there = gigabytes(memoryThere());
  return new TemperError(
    "out-of-memory",
    `the correction needs some ${gigabytes(whole.bytes)}, this machine has ${there}: ${advice}\n` +
      "--anyway (anyway: true) begins all the same; fewer --threads, points and --iterations need less",
  );
}

/** Every part of the network that is smaller than its theta, counted only. */
export const smallerParts = (network: Network, task: Task): Estimate[] =>
  estimates(network, task).filter(({ weights }) => weights < network.theta0.length);

/** @throws TemperError `out-of-memory` of a correction that does not fit into the memory of this machine */
export function demandRoom(network: Network, task: Task): void {
  const whole = estimateOf(network, task);
  if (!fits(whole)) throw tooLarge(whole, proposed(smallerParts(network, task)));
}
