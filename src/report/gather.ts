// A RUN folder becomes the document of its page.
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Candidate } from "../correct/candidates.ts";
import type { Dataset } from "../data/dataset.ts";
import { readNpz } from "../data/npz.ts";
import { readPoints } from "../data/points.ts";
import { type Model, openModel } from "../engine/model.ts";
import { POINTS, PREDICTIONS } from "../run/folder/files.ts";
import { openRun } from "../run/folder/open.ts";
import { type Kept, readPredictions } from "../run/predictions.ts";
import type { Run } from "../run/run.ts";
import { answersOf } from "./answers.ts";
import { confusionOf } from "./confusion.ts";
import type {
  EvaluationDocument,
  PageRecord,
  PointsDocument,
  RunDocument,
  SetDocument,
} from "./document.ts";
import { picturesOf } from "./pictures.ts";
import { statedOf } from "./repeat.ts";
import { stepOf } from "./steps.ts";

/** Bytes of all pictures of points, and of the flipped images of a data set; they are a third more in base64. */
const POINT_BYTES = 1_400_000;
const FLIP_BYTES = 320_000;

/** Numbers in the tables of points that are no images. */
const VALUES = 20_000;

/**
 * All that the page shows of a finished run.
 *
 * @param options `run`: the run in the folder, where it is open already
 * @throws TemperError `run-unreadable` as `openRun` does
 */
export async function gatherRun(
  folder: string,
  options: {
    readonly run?: Run | undefined;
    readonly evaluation?: EvaluationDocument | undefined;
  } = {},
): Promise<RunDocument> {
  const { run = await openRun(folder), evaluation } = options;
  const { record, timings } = run;
  const model = await modelOf(run);
  try {
    const labels = labelsOf(record, model.labels);
    const theta0 = run.theta(run.pool[0]);
    const stored = run.pool.filter((c) => c.iteration > 0 && c.alpha === 1);
    const points = record.hashes[POINTS] === undefined ? undefined : await pointsIn(folder);
    return {
      ...statedOf(folder, { record, timings }),
      labels,
      layers: model.parameters.map(({ name, shape }) => ({ name, shape })),
      steps: stored.map((c) =>
        stepOf(run.theta(c), { iteration: c.iteration, theta0, layers: model.parameters }),
      ),
      ...(points && { points: await pointsDocument(run, model, points) }),
      clean: await cleanDocument(folder),
      ...(evaluation && { evaluation }),
    };
  } finally {
    await model.close();
  }
}

/** The labels by their names where the data have them, else by their numbers. */
export const labelsOf = ({ inputs }: PageRecord, labels: number): readonly string[] =>
  inputs.data.classes ?? Array.from({ length: labels }, (_, label) => String(label));

/** The chosen model, of which every other candidate is a change of theta. */
async function modelOf(run: Run): Promise<Model> {
  const name = "model.onnx";
  const { [name]: file, ...externalData } = Object.fromEntries(run.files(run.choice, name));
  return openModel(file, { ...run.record.network, externalData });
}

/** The points that a run keeps. */
export const pointsIn = async (folder: string): Promise<Dataset> =>
  readPoints(await readFile(join(folder, POINTS)), POINTS);

/** The points with what candidates answer to them. */
async function pointsDocument(run: Run, model: Model, points: Dataset): Promise<PointsDocument> {
  const at = (c: Candidate) => ({ candidate: run.pool.indexOf(c), theta: () => run.theta(c) });
  const [theta0] = run.pool;
  const others = run.front.filter((c) => c !== theta0 && c !== run.choice);
  const answers = await answersOf(model, points, [
    at(theta0),
    ...(run.choice === theta0 ? [] : [at(run.choice)]),
    ...others.map(at),
  ]);
  return { ...pointsAsGiven(points, run.record.wrong), ...answers };
}

/** The points as they were given; those of `first` come before others where not all have pictures. */
export function pointsAsGiven(points: Dataset, first: readonly number[] = []): PointsDocument {
  const { count, shape, pixels, labels, source, columns } = points;
  const wanted = new Set(first);
  const order = [...labels.keys()].toSorted(
    (a, b) => Number(wanted.has(b)) - Number(wanted.has(a)),
  );
  const pictures = picturesOf(points, { images: order, budget: POINT_BYTES });
  const size = pixels.length / count;
  const rows = Math.min(count, Math.floor(VALUES / size));
  return {
    ...{ count, shape, y: Array.from(labels), shown: Array.from(labels, () => []), answers: [] },
    ...(source && { source: Array.from(source) }),
    ...(pictures === undefined && {
      ...(columns && { columns }),
      values: Array.from({ length: rows }, (_, i) =>
        Array.from(pixels.subarray(i * size, (i + 1) * size), (v) => Number(v.toPrecision(5))),
      ),
    }),
    ...(pictures && { pictures }),
  };
}

/** The answers before and after that the run kept. */
async function cleanDocument(folder: string): Promise<NonNullable<RunDocument["clean"]>> {
  const path = join(folder, PREDICTIONS);
  const kept = readPredictions(readNpz(await readFile(path), { where: basename(path) }));
  const setOf = ({ flipped, ...predictions }: Kept): SetDocument => {
    const pictures =
      flipped &&
      picturesOf(flipped, {
        images: Array.from({ length: flipped.count }, (_, i) => i),
        budget: FLIP_BYTES,
      });
    return { ...confusionOf(predictions), ...(pictures && { pictures }) };
  };
  const { data, validation } = kept;
  return { data: setOf(data), ...(validation && { validation: setOf(validation) }) };
}
