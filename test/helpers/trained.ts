// A network that has learnt the built-in digits well enough to be attacked, in a fraction of a second.
import { type Attacked, attackBatch } from "../../src/attack/attack-batch.ts";
import { type Classifier, classifierOf } from "../../src/attack/classifier.ts";
import type { AttackOptions } from "../../src/attack/options.ts";
import { type Dataset, gather } from "../../src/data/dataset.ts";
import { openData } from "../../src/data/open.ts";
import { type Model, networkOf } from "../../src/engine/model.ts";
import { openPrograms } from "../../src/engine/programs.ts";
import { train } from "../../src/train/train.ts";

/** The bytes of a CNNLight trained on 1,000 digits: 93 % right on others. */
export async function trainedBytes(): Promise<Uint8Array> {
  const data = await openData("digits:train[0:1000]");
  const { bytes } = await train("cnnlight", { data, epochs: 2, batch: 25, learningRate: 3e-3 });
  return bytes;
}

/** Some images of a data set as a data set of its own. */
export function pick(data: Dataset, keep: (label: number, i: number) => boolean): Dataset {
  const ids = Int32Array.from([...data.labels.keys()].filter((i) => keep(data.labels[i], i)));
  return {
    name: "picked",
    shape: data.shape,
    count: ids.length,
    pixels: gather(data, ids),
    labels: ids.map((id) => data.labels[id]),
  };
}

/** What attacks ask of a model; its sessions are never released. */
export const classifierOfModel = (model: Model): Classifier =>
  classifierOf(networkOf(model), openPrograms(networkOf(model), model.theta()));

/** All images attacked at once, without shards, pools or choices. */
export function attackEverything(
  model: Model,
  data: Dataset,
  options: AttackOptions,
): Promise<Attacked> {
  const ids = Int32Array.from(data.labels.keys());
  const { shape, labels: y } = data;
  return attackBatch(classifierOfModel(model), { x: gather(data, ids), shape, y, ids }, options);
}
