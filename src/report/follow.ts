// A RUN folder while its run goes on, as the document of its page, brought up to date with every state on disk.
//
// The folder is asked twice a second whether a file of it is another: four questions to the system. Being told
// (fs.watch) would not do without: folders on a network tell nothing, and one that is not there yet cannot be watched.
// Every file appears by a rename, so that what is read is whole; where two of them do not belong together, or one is
// gone, the document stays as it is until the next turn.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Candidate, candidateTheta, poolOf } from "../correct/candidates.ts";
import { choose } from "../correct/choice.ts";
import type { Dataset } from "../data/dataset.ts";
import { sha256 } from "../data/verify.ts";
import { type Model, networkOf, openModel } from "../engine/model.ts";
import { modelFiles, onProcessor } from "../engine/network.ts";
import { CORRECTED_DATA, POINTS, RECORD, readJson, STATE, TIMINGS } from "../run/folder/files.ts";
import { openRun, readBeginning } from "../run/folder/open.ts";
import { lookAtState, type StateSoFar } from "../run/folder/state.ts";
import type { RunBeginning, Timings } from "../run/record.ts";
import { layoutOf } from "../run/run.ts";
import { answersOf } from "./answers.ts";
import { idOf } from "./axes.ts";
import type { PageRecord, PointsDocument, RunDocument, StepDocument } from "./document.ts";
import { gatherRun, labelsOf, pointsAsGiven, pointsIn } from "./gather.ts";
import { statedOf } from "./repeat.ts";
import { stepOf } from "./steps.ts";

/** Milliseconds between two looks at the folder. */
const EVERY = 500;
/** At least so many times as long as the last look took: the state of a large network is large. */
const REST = 2;

/** A folder that is followed. */
export interface Follower {
  /** What is known now; undefined before the run has begun in its folder. */
  run(): RunDocument | undefined;
  /** Whether the ONNX file of a candidate can be made. */
  hasFiles(): boolean;
  /** The files of a candidate by their names, where the run has it and they can be made. */
  files(id: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  /**
   * Looks at the folder now, and does not wait for the next turn.
   *
   * @throws TemperError `run-unreadable` where the folder holds no run that can be read
   */
  look(): Promise<void>;
  close(): Promise<void>;
}

export interface FollowOptions {
  /** Told of each new document. */
  readonly onRun?: ((run: RunDocument) => void) | undefined;
  /** What the folder holds at first is another run, which is about to be replaced: it is not shown. Default false. */
  readonly replaced?: boolean | undefined;
}

/** Follows a RUN folder, which need not be there yet. */
export function followRun(
  folder: string,
  { onRun, replaced = false }: FollowOptions = {},
): Follower {
  let cache = emptyCache("");
  let run: RunDocument | undefined;
  let seen: string | undefined;
  let old: string | undefined;
  const lookOnce = async (): Promise<void> => {
    const stamps = await stampsOf(folder);
    const [record] = stamps;
    if (replaced) old ??= record;
    if (stamps.join() === seen || (record === old && record !== ABSENT)) return;
    seen = stamps.join();
    if (run?.record.end !== undefined && record === cache.record) return;
    if (cache.record !== record) {
      await cache.opened?.model?.close();
      cache = emptyCache(record);
    }
    run = await documentOf(folder, cache, stamps);
    onRun?.(run);
  };
  let turn = Promise.resolve();
  const look = (): Promise<void> => {
    const looked = turn.then(lookOnce);
    turn = looked.catch(() => undefined); // said to who asked; the next turn looks again
    return looked;
  };
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const goOn = async (): Promise<void> => {
    const from = performance.now();
    await look().catch(() => undefined);
    const took = performance.now() - from;
    if (!closed) timer = setTimeout(goOn, Math.max(EVERY, REST * took));
  };
  timer = setTimeout(goOn, 0);
  return {
    run: () => run,
    hasFiles: () => run !== undefined && hasFiles(run, cache),
    files: async (id, name) =>
      run && hasFiles(run, cache) ? filesOf(run, id, name, cache) : undefined,
    look,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await turn;
      await cache.opened?.model?.close();
    },
  };
}

const ABSENT = "-";

/** What tells that a file is another, of run.json first. */
const stampsOf = (folder: string): Promise<string[]> =>
  Promise.all(
    [RECORD, TIMINGS, POINTS, STATE].map((name) =>
      stat(join(folder, name)).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
        () => ABSENT,
      ),
    ),
  );

/** What need not be read or computed again, of one run.json. */
interface Cache {
  readonly record: string;
  /** The model that the run corrects, where it was found. */
  opened?: { readonly model: Model | undefined };
  readonly steps: Map<number, StepDocument>;
  points?: {
    readonly stamp: string;
    readonly points: Dataset;
    readonly document: PointsDocument;
  };
}

const emptyCache = (record: string): Cache => ({ record, steps: new Map() });

/** Points that are asked for their logits while a run goes on: the work itself must not wait for them. */
const ASKED = 256;

/** The document of what is on disk: before the first iteration the points, and no candidate. */
async function documentOf(
  folder: string,
  cache: Cache,
  [, , stamp]: readonly string[],
): Promise<RunDocument> {
  const beginning = await readBeginning(folder);
  if (beginning.end !== undefined) return gatherRun(folder);
  const state = await lookAtState(folder);
  if (stamp !== ABSENT && cache.points?.stamp !== stamp) {
    const points = await pointsIn(folder);
    cache.points = { stamp, points, document: pointsAsGiven(points) };
  }
  const { points } = cache;
  const labelsBy = 1 + Math.max(-1, ...(points?.document.y ?? []));
  if (state === undefined) {
    const record: PageRecord = { ...beginning, iterations: [], pool: [], choice: 0 };
    return {
      ...statedOf(folder, { record }),
      ...{ labels: labelsOf(record, labelsBy), layers: [], steps: [] },
      ...(points && { points: points.document }),
    };
  }
  const timings = (await readJson(folder, TIMINGS)) as Timings;
  cache.opened ??= { model: await modelOf(beginning, timings) };
  const { model } = cache.opened;
  const record = recordOf(beginning, state);
  const answers =
    model !== undefined && points !== undefined && points.points.count <= ASKED
      ? await answersNow(record, state, model, points.points)
      : {};
  return {
    ...statedOf(folder, { record, timings }),
    labels: labelsOf(record, model?.labels ?? labelsBy),
    layers: model?.parameters.map(({ name, shape }) => ({ name, shape })) ?? [],
    steps: model === undefined ? [] : stepsOf(record, state, model, cache.steps),
    ...(points && { points: { ...points.document, ...answers } }),
  };
}

/** What the model itself answers to the points, and the candidate that would be chosen now. */
function answersNow(
  { pool, choice, options }: PageRecord,
  { anchors }: StateSoFar,
  model: Model,
  points: Dataset,
): ReturnType<typeof answersOf> {
  const network = networkOf(model);
  const layout = layoutOf(options, network);
  return answersOf(
    model,
    points,
    [...new Set([0, choice])].map((candidate) => ({
      candidate,
      theta: () => candidateTheta(pool[candidate], network.theta0, anchors, layout),
    })),
  );
}

function recordOf(beginning: RunBeginning, state: StateSoFar): PageRecord {
  const { trials, iterations, contradictions } = state;
  const pool = poolOf(trials);
  return {
    ...beginning,
    ...(contradictions && { contradictions }),
    iterations,
    pool,
    choice: choose(pool, beginning.options),
  };
}

/** The model that the run corrects, where it still lies where the command found it. */
async function modelOf(
  { network, inputs }: RunBeginning,
  { paths }: Timings,
): Promise<Model | undefined> {
  const model = await openModel(paths.model ?? "", onProcessor(network)).catch(() => undefined);
  if (model === undefined || sha256(networkOf(model).file) === inputs.model.sha256) return model;
  await model.close();
  return undefined;
}

function stepsOf(
  { pool, options }: PageRecord,
  { anchors }: StateSoFar,
  model: Model,
  known: Map<number, StepDocument>,
): StepDocument[] {
  const network = networkOf(model);
  const { theta0, parameters: layers } = network;
  return pool
    .filter(({ iteration, alpha }) => iteration > 0 && alpha === 1)
    .map((candidate) => {
      const { iteration } = candidate;
      const step =
        known.get(iteration) ??
        stepOf(candidateTheta(candidate, theta0, anchors, layoutOf(options, network)), {
          ...{ iteration, theta0, layers },
        });
      known.set(iteration, step);
      return step;
    });
}

/** Weights that lie beside the file would be lost in a download of one file. */
const hasFiles = ({ record }: RunDocument, { opened }: Cache): boolean =>
  record.end !== undefined
    ? !record.files.includes(CORRECTED_DATA)
    : opened?.model !== undefined && networkOf(opened.model).externalData.size === 0;

async function filesOf(
  { name: folder, record }: RunDocument,
  id: string,
  name: string,
  { opened }: Cache,
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const isAsked = (candidate: Candidate): boolean => idOf(candidate) === id;
  if (record.end !== undefined) {
    const run = await openRun(folder);
    const candidate = run.pool.find(isAsked);
    return candidate && run.files(candidate, name);
  }
  const candidate = record.pool.find(isAsked);
  const state = await lookAtState(folder);
  if (candidate === undefined || state === undefined || opened?.model === undefined) {
    return undefined;
  }
  const network = networkOf(opened.model);
  const layout = layoutOf(record.options, network);
  return modelFiles(
    network,
    candidateTheta(candidate, network.theta0, state.anchors, layout),
    name,
  );
}
