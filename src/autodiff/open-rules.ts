// Knows where the images of a batch are behind each operator, and what its node must be for any number of them.
import { int, intOf, ints, intsOf, textOf } from "../onnx/attributes.ts";
import { type Attribute, elementCount, type Node } from "../onnx/graph.ts";
import { fromFront } from "./builder.ts";

export type Dims = readonly number[];

/**
 * Where the images are in a value: along `axis`, which holds `outer` times the images, one after the other, times
 * what each has. A value that had no axis for them gets one in front (`added`); its own move up by one.
 */
export interface Place {
  readonly axis: number;
  readonly outer: number;
  readonly added: boolean;
}

/** What a rule may ask for and add. Names and shapes are those of the graph as it was made. */
export interface Opening {
  /** How many images the graph was made for. */
  readonly images: number;
  placeOf(name: string | undefined): Place | undefined;
  dimsOf(name: string | undefined): Dims;
  /** The whole numbers that a name stands for, where they are constant. */
  intsOf(name: string | undefined): Dims | undefined;
  /** Adds a list of whole numbers and returns its name. */
  ints(part: string, values: Dims): string;
  /** Adds a node before the present one and returns the name of its output. */
  emit(op: string, inputs: readonly string[], part: string, axis?: number): string;
  /** Returns the name of a list of one: how many images there are when the graph runs. */
  batchSize(): string;
  /** Takes one of several places, and another one when the graph is gone through again. */
  choose(places: readonly Place[]): Place | undefined;
}

export interface Opened {
  readonly node: Node;
  /** Of each output; undefined where they are the same for all images. */
  readonly place: Place | undefined;
}

/** Returns undefined where the images mix, or where the operator is not understood well enough to tell. */
type Rule = (node: Node, at: Opening) => Opened | undefined;

const withAttribute = (node: Node, name: string, value: Attribute): Node => ({
  ...node,
  attributes: new Map([...node.attributes, [name, value]]),
});

const onAxis = (axis: number, outer = 1): Place => ({ axis, outer, added: false });
const inFront: Place = { axis: 0, outer: 1, added: true };

/**
 * Lists the places that the images can have in a new shape, the likeliest first. A reshape moves no number: as many lie
 * before an image's part as before. The likeliest is an axis that holds the images and nothing else; then come axes
 * that hold more, those that begin with the images first. That there is no axis for the images is the least likely,
 * unless the new shape is a single list or has lost an axis: then it is likelier than an axis that holds more.
 *
 * @param before how many numbers lie before the second image's first one, counted for one image alone
 * @param drops whether the operator takes an axis away
 */
function placesIn(dims: Dims, before: number, images: number, drops: boolean): Place[] {
  let prefix = 1;
  const exact: Place[] = [];
  const within: Place[] = [];
  for (const [axis, dim] of dims.entries()) {
    const outer = before / prefix;
    if (outer === 1 && dim === images) exact.push(onAxis(axis));
    else if (Number.isInteger(outer) && dim % (outer * images) === 0) {
      within.push(onAxis(axis, outer));
    }
    prefix *= dim;
  }
  const inner = within.toSorted((a, b) => a.outer - b.outer);
  const added = before === 1 && images === 1 ? [inFront] : [];
  const list = drops || dims.length < 2;
  return [...exact, ...(list ? added : []), ...inner, ...(list ? [] : added)];
}

/** Every kind of reshape becomes a Reshape with the new shape written out. */
function reshaped(node: Node, at: Opening, drops = false): Opened | undefined {
  const [x] = node.inputs;
  const from = at.placeOf(x);
  if (from === undefined) return undefined;
  const before = from.added ? 1 : elementCount(at.dimsOf(x).slice(0, from.axis)) * from.outer;
  const dims = at.dimsOf(node.outputs[0]);
  const place = at.choose(placesIn(dims, before, at.images, drops));
  if (place === undefined) return undefined;
  const target = place.added ? [-1, ...dims] : dims.map((d, i) => (i === place.axis ? -1 : d));
  const inputs = [x, at.ints("shape", target)];
  return { place, node: { ...node, op: "Reshape", inputs, attributes: new Map() } };
}

/** Finds the one place in several values whose axes are aligned from the last on; undefined where they disagree. */
function alignedPlace(names: readonly string[], rank: number, at: Opening): Place | undefined {
  const places = names.flatMap((name) => {
    const place = at.placeOf(name);
    if (place === undefined) return [];
    const shift = rank - at.dimsOf(name).length;
    // An axis in front of a value of lower rank would meet an axis of the others.
    return place.added
      ? [shift === 0 ? place : undefined]
      : [{ ...place, axis: place.axis + shift }];
  });
  const [first] = places;
  if (first === undefined) return undefined;
  const same = (other: Place | undefined): boolean =>
    other?.axis === first.axis && other.outer === first.outer && other.added === first.added;
  return places.every(same) ? first : undefined;
}

/** These operators work on single numbers and broadcast their inputs. */
const pointwise: Rule = (node, at) => {
  const rank = at.dimsOf(node.outputs[0]).length;
  const place = alignedPlace(node.inputs, rank, at);
  if (place === undefined) return undefined;
  // A constant of the batch's size would differ from image to image.
  const differs = node.inputs.some((name) => {
    const dims = at.dimsOf(name);
    const dim = place.added ? 1 : (dims[place.axis - (rank - dims.length)] ?? 1);
    return name !== "" && at.placeOf(name) === undefined && dim !== 1;
  });
  return differs ? undefined : { node, place };
};

/** These operators keep the images on their axis and know nothing of a further one. */
const alongside: Rule = (node, at) => {
  const placed = node.inputs.filter((name) => at.placeOf(name) !== undefined);
  const [x] = placed;
  const place = at.placeOf(x)!;
  const dims = at.dimsOf(x);
  const keeps = [...placed, ...node.outputs.filter((name) => name !== "")].every((name) => {
    const other = at.dimsOf(name);
    return other.length === dims.length && other[place.axis] === dims[place.axis];
  });
  const agree = placed.every((name) => at.placeOf(name)!.axis === place.axis);
  return keeps && agree && !place.added ? { node, place } : undefined;
};

/** These operators work along one axis, or from it on (`through`), which may not be the images'. */
const alongAxis =
  (standard: number, through = false): Rule =>
  (node, at) => {
    const [x] = node.inputs;
    const place = at.placeOf(x);
    if (place === undefined) return undefined;
    const rank = at.dimsOf(x).length;
    const axis = fromFront(intOf(node, "axis", standard), rank);
    if (place.added) return { place, node: withAttribute(node, "axis", int(axis + 1)) };
    if (axis === place.axis || (through && axis < place.axis)) return undefined;
    const gone = at.dimsOf(node.outputs[0]).length < rank && axis < place.axis ? 1 : 0;
    return { node, place: { ...place, axis: place.axis - gone } };
  };

const reduce: Rule = (node, at) => {
  const [x, list] = node.inputs;
  const place = at.placeOf(x);
  const dims = at.dimsOf(x);
  const axes = (list ? at.intsOf(list) : dims.map((_, i) => i))?.map((a) =>
    fromFront(a, dims.length),
  );
  if (place === undefined || axes === undefined) return undefined;
  const keeps = intOf(node, "keepdims", 1) === 1;
  if (place.added) {
    const moved = axes.map((a) => a + 1);
    return { place, node: { ...node, inputs: [x, at.ints("axes", moved)] } };
  }
  if (axes.includes(place.axis)) return undefined;
  const gone = keeps ? 0 : axes.filter((a) => a < place.axis).length;
  return { node, place: { ...place, axis: place.axis - gone } };
};

const transpose: Rule = (node, at) => {
  const [x] = node.inputs;
  const place = at.placeOf(x)!;
  const perm = intsOf(node, "perm") ?? at.dimsOf(x).map((_, i, dims) => dims.length - 1 - i);
  if (!place.added) return { node, place: { ...place, axis: perm.indexOf(place.axis) } };
  return { place, node: withAttribute(node, "perm", ints([0, ...perm.map((axis) => axis + 1)])) };
};

const matMul: Rule = (node, at) => {
  const [a, b] = node.inputs;
  const [left, right] = [at.placeOf(a), at.placeOf(b)];
  const [rankA, rankB] = [at.dimsOf(a).length, at.dimsOf(b).length];
  const rank = at.dimsOf(node.outputs[0]).length;
  if (left?.added || right?.added) {
    const fits = (own: Place | undefined, of: number): boolean =>
      own === undefined ? of <= 2 : own.added && of === rank;
    const rows = left?.added === true && rankA === 1 && rankB === 2 && right === undefined;
    return rows || (fits(left, rankA) && fits(right, rankB) && rank >= 2)
      ? { node, place: inFront }
      : undefined;
  }
  // The axis that is summed over is the last of the left and the last but one of the right.
  if (left?.axis === rankA - 1 || (right && right.axis === Math.max(rankB - 2, 0)))
    return undefined;
  if (rankB === 1) return left && { node, place: left };
  const place = alignedPlace(node.inputs, rank, at);
  return place && { node, place };
};

const gemm: Rule = (node, at) => {
  const [a, b, c = ""] = node.inputs;
  const place = at.placeOf(a);
  const rows = intOf(node, "transA", 0) === 0 ? 0 : 1;
  if (place?.axis !== rows || place.added || at.placeOf(b) || at.placeOf(c)) return undefined;
  return { node, place: onAxis(0, place.outer) };
};

/** Repeats for each image what is the same for all, like a class token beside the parts of an image. */
function repeated(name: string, i: number, place: Place, at: Opening): string | undefined {
  const dims = at.dimsOf(name);
  const axis = place.added ? 0 : place.axis;
  const after = place.added ? dims : dims.slice(axis + 1);
  if (at.images !== 1 || place.outer !== 1 || !(place.added || dims[axis] === 1)) return undefined;
  const parts = [at.ints(`head${i}`, dims.slice(0, axis)), at.batchSize()];
  const shape = at.emit("Concat", [...parts, at.ints(`tail${i}`, after)], `shape${i}`, 0);
  return at.emit("Expand", [name, shape], `each${i}`);
}

const concat: Rule = (node, at) => {
  const rank = at.dimsOf(node.outputs[0]).length;
  const place = alignedPlace(node.inputs, rank, at);
  const axis = fromFront(intOf(node, "axis", 0), rank);
  if (place === undefined || (!place.added && place.axis === axis)) return undefined;
  const inputs = node.inputs.map((name, i) =>
    at.placeOf(name) === undefined ? repeated(name, i, place, at) : name,
  );
  if (inputs.includes(undefined)) return undefined;
  const joined = { ...node, inputs: inputs as string[] };
  return { place, node: place.added ? withAttribute(joined, "axis", int(axis + 1)) : joined };
};

const gather: Rule = (node, at) => {
  const [x, index] = node.inputs;
  const place = at.placeOf(x);
  if (place === undefined || at.placeOf(index) !== undefined) return undefined;
  const axis = fromFront(intOf(node, "axis", 0), at.dimsOf(x).length);
  if (place.added) return { place, node: withAttribute(node, "axis", int(axis + 1)) };
  const rank = at.dimsOf(index).length;
  if (axis !== place.axis) {
    return { node, place: { ...place, axis: place.axis + (axis < place.axis ? rank - 1 : 0) } };
  }
  // Of one image the first is all there is.
  return at.images === 1 && elementCount(at.dimsOf(index)) === 1 && at.dimsOf(x)[axis] === 1
    ? reshaped(node, at, rank === 0)
    : undefined;
};

const slice: Rule = (node, at) => {
  const [x, ...lists] = node.inputs;
  const place = at.placeOf(x);
  const dims = at.dimsOf(x);
  const [starts, ends, given, steps] = lists.map(at.intsOf);
  const unknown = lists.some(
    (name, i) => name !== "" && [starts, ends, given, steps][i] === undefined,
  );
  if (place === undefined || unknown || starts === undefined || ends === undefined)
    return undefined;
  const axes = (given ?? starts.map((_, i) => i)).map((axis) => fromFront(axis, dims.length));
  const rest = steps === undefined ? [] : [at.ints("steps", steps)];
  if (place.added) {
    const moved = axes.map((axis) => axis + 1);
    const inputs = [x, lists[0], lists[1], at.ints("axes", moved), ...rest];
    return { place, node: { ...node, inputs } };
  }
  const at0 = axes.indexOf(place.axis);
  if (at0 < 0) return { node, place };
  const whole = at.dimsOf(node.outputs[0])[place.axis] === dims[place.axis];
  if (!whole || (steps?.[at0] ?? 1) !== 1) return undefined;
  const replaced = (list: Dims, value: number): Dims => list.map((v, i) => (i === at0 ? value : v));
  const inputs = [
    x,
    at.ints("starts", replaced(starts, 0)),
    at.ints("ends", replaced(ends, Number.MAX_SAFE_INTEGER)),
    at.ints("axes", axes),
    ...rest,
  ];
  return { place, node: { ...node, inputs } };
};

const expand: Rule = (node, at) => {
  const [x, shape] = node.inputs;
  const target = at.intsOf(shape);
  const place = alignedPlace([x], at.dimsOf(node.outputs[0]).length, at);
  if (place === undefined || place.added || target === undefined) return place && { node, place };
  const offset = at.dimsOf(node.outputs[0]).length - target.length;
  const open = target.map((dim, i) => (i + offset === place.axis ? 1 : dim));
  return { place, node: { ...node, inputs: [x, at.ints("shape", open)] } };
};

const tile: Rule = (node, at) => {
  const [x, counts] = node.inputs;
  const place = at.placeOf(x);
  const repeats = at.intsOf(counts);
  if (place === undefined || repeats === undefined) return undefined;
  if (!place.added) return repeats[place.axis] === 1 ? { node, place } : undefined;
  return { place, node: { ...node, inputs: [x, at.ints("repeats", [1, ...repeats])] } };
};

/** The sizes that were written out for a fixed batch are put together anew. */
const resize: Rule = (node, at) => {
  const kept = alongside(node, at);
  const sizes = at.intsOf(node.inputs[3]);
  if (kept?.place?.axis !== 0 || sizes === undefined || node.attributes.has("axes")) return kept;
  const parts = [at.batchSize(), at.ints("sizes", sizes.slice(1))];
  const inputs = [...node.inputs.slice(0, 3), at.emit("Concat", parts, "allSizes", 0)];
  return { ...kept, node: { ...node, inputs } };
};

const einsum: Rule = (node, at) => {
  const [left, right] = textOf(node, "equation", "").replaceAll(" ", "").split("->");
  if (right === undefined || left.includes(".")) return undefined;
  const terms = left.split(",");
  const letters = node.inputs.flatMap((name, i) => {
    const place = at.placeOf(name);
    return place === undefined ? [] : [place.added || place.outer > 1 ? "" : terms[i][place.axis]];
  });
  const [letter] = letters;
  const axis = right.indexOf(letter);
  const shared = terms.some(
    (t, i) => t.includes(letter) && at.placeOf(node.inputs[i]) === undefined,
  );
  if (letter === "" || axis < 0 || shared || letters.some((l) => l !== letter)) return undefined;
  return { node, place: onAxis(axis) };
};

/** What looks at the size alone makes numbers that hold for all images. */
const size: Rule = (node, at) =>
  at.placeOf(node.inputs[0])!.added ? undefined : { node, place: undefined };

const numbers = [
  ...["Abs", "Add", "And", "Cast", "Ceil", "Celu", "Clip", "Cos", "Div", "Dropout", "Elu", "Equal"],
  ...["Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish"],
  ...["Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod"],
  ...["Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid"],
  ...["Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tanh"],
  ...["ThresholdedRelu", "Where", "Xor"],
];
const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum"];

const rules = new Map<string, Rule>([
  ...numbers.map((op) => [op, pointwise] as const),
  ...[...reductions, "SumSquare"].map((kind) => [`Reduce${kind}`, reduce] as const),
  ...["Flatten", "Reshape", "Unsqueeze"].map((op) => [op, reshaped] as const),
  ...["Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "TopK"].map(
    (op) => [op, alongAxis(-1)] as const,
  ),
  ...["LayerNormalization", "RMSNormalization"].map((op) => [op, alongAxis(-1, true)] as const),
  ...["ArgMax", "ArgMin", "Split"].map((op) => [op, alongAxis(0)] as const),
  ["Concat", concat],
  ["Einsum", einsum],
  ["Expand", expand],
  ["Gather", gather],
  ["Gemm", gemm],
  ["MatMul", matMul],
  ["Resize", resize],
  ["Shape", size],
  ["Size", size],
  ["Slice", slice],
  ["Squeeze", (node, at) => reshaped(node, at, true)],
  ["Tile", tile],
  ["Transpose", transpose],
]);

/** Whether an operator has a rule of its own; others are opened where images lie along their first axis. */
export const hasOpenRule = (op: string): boolean => rules.has(op);

/** Makes the node for any number of images; undefined where it cannot be opened. */
export function openNode(node: Node, at: Opening): Opened | undefined {
  const free = node.inputs.every((name) => at.placeOf(name) === undefined);
  return free ? { node, place: undefined } : (rules.get(node.op) ?? alongside)(node, at);
}
