// Linear bounds backward: of rows C, an upper bound of C y over the box, passed from y back to the image.
//
// C y <= A x + d for coefficients A of each value x on the way (Zhang et al., arXiv 1811.00866; Xu et al., arXiv
// 2002.12920). An affine operator passes A back as it passes a gradient back, so that its rule is that of autodiff/.
// A curved one lies between two lines, of which the sign of A chooses; or the way ends there, at its interval.
// R rows of B images lie together: coefficients of a value [B, ...] are [B * R, ...].
import { type Builder, scalar, zerosLike } from "../autodiff/builder.ts";
import { rules as gradientRules } from "../autodiff/rules.ts";
import { int } from "../onnx/attributes.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { boxOf, inRows, largest, scaled, summed } from "./concretize.ts";
import { magnitude } from "./interval.ts";
import { boundedNodes, type Intervals, replaced, ruleOf } from "./intervals.ts";
import { errorShare, TINY } from "./rounding.ts";
import type { AffineRule, BoundCall, Relaxation, Rows } from "./rule.ts";

export interface BackwardRequest {
  readonly graph: Graph;
  readonly b: Builder;
  readonly bounds: Intervals;
  /** The value that is bounded, and its coefficients, [B * R, ...]. */
  readonly of: string;
  readonly rows: string;
  /** Whether the way goes on through curved operators, between lines. */
  readonly through: boolean;
  readonly widen: boolean;
  /** Slopes of the lower lines of Relus, by the value that they are given. */
  readonly slopes?: ReadonlyMap<string, string> | undefined;
}

/** Emits an upper bound of each row, [B, R]. */
export function upperBound({ graph, b, bounds, ...request }: BackwardRequest): string {
  const { of: output, rows: given, through, widen, slopes } = request;
  const image = graph.inputs[0].name;
  const parts = new Map<string, string[]>([[output, [given]]]);
  const terms: string[] = [];
  const rowsAt = (node: Node): Rows => ({ b, node, image: bounds.get(image)!.lower(), widen });

  /** The sum of the coefficients that meet in a value. */
  const total = (name: string, at: Rows): string | undefined => {
    const own = parts.get(name);
    if (own === undefined || own.length === 1) return own?.[0];
    const add = (values: readonly string[]): string => values.reduce((a, c) => b.op("Add", [a, c]));
    const sum = add(own);
    if (widen) {
      // What the additions round is a share of the parts, of which less may be left in the sum.
      const sizes = add(own.map((part) => b.op("Abs", [part])));
      const share = errorShare(at.node, own.length);
      const radius = scaled(b, magnitude(b, bounds.get(name)!), share);
      terms.push(largest(at, name, sizes, { radius }));
    }
    return sum;
  };

  const nodes = [...boundedNodes(graph)].toReversed();
  for (const node of nodes) {
    const at = rowsAt(node);
    const gs = node.outputs.map((name) => total(name, at));
    if (gs.every((g) => g === undefined)) continue;
    const of = node.inputs.map((name) => bounds.get(name));
    const call: BoundCall = { b, node, of, widen, slope: slopes?.get(node.inputs[0]) };
    const back = passBack(call, at, gs, through ? undefined : bounds);
    terms.push(...back.terms);
    for (const [i, name] of node.inputs.entries()) {
      const part = back.parts[i]?.();
      if (part !== undefined) parts.set(name, [...(parts.get(name) ?? []), part]);
    }
  }
  const end = rowsAt(nodes.at(-1)!);
  const atImage = total(image, end);
  if (atImage !== undefined) terms.push(largest(end, image, atImage, boxOf(bounds.get(image)!)));
  return summed(end, terms);
}

/** What becomes of the coefficients of a node's outputs: those of its inputs, and numbers. */
interface PassedBack {
  readonly parts: readonly ((() => string) | null | undefined)[];
  readonly terms: readonly string[];
}

/** @param ends the intervals at which the way ends before a curved operator; undefined where it goes on */
function passBack(
  call: BoundCall,
  at: Rows,
  gs: readonly (string | undefined)[],
  ends: Intervals | undefined,
): PassedBack {
  const { b, node, of } = call;
  const [y] = node.outputs;
  const [g] = gs;
  const rule = ruleOf(node);
  if (rule.kind === "curved") {
    if (ends === undefined) return throughLines(call, at, g!, rule.relax(call, of[0]!));
    return { parts: [], terms: [largest(at, y, g!, boxOf(rule.interval(call, of[0]!)))] };
  }
  if (rule.kind === "moving" && rule.stays) return { parts: [() => g!], terms: [] };
  const { vjps } = gradientRules.get(node.op)!;
  const whole = gs.length === 1 ? gs : withZeros(b, node, gs);
  const passed = vjps({ b, node, x: node.inputs, y, g: g ?? "", gs: whole });
  return {
    parts: passed.map((vjp, i) => (of[i] === undefined ? null : vjp)),
    terms: rule.kind === "affine" ? offsetsOf(rule, call, at, g!) : [],
  };
}

/** y lies between two lines in x, or in what was picked of it: where A is above 0 the upper one, else the lower. */
function throughLines(
  call: BoundCall,
  at: Rows,
  g: string,
  { lower, upper, offset, picked }: Relaxation,
): PassedBack {
  const { b, node, of, widen } = call;
  const laid = picked === undefined ? node.inputs[0] : node.outputs[0];
  const dims = b.shapeOf(laid).slice(1);
  const zero = scalar(b, 0);
  const rows = inRows(at, g, dims);
  const [above, below] = [upper, lower].map((slope) => inRows(at, slope, dims));
  const part = b.op("Add", [
    b.op("Mul", [b.op("Max", [rows, zero]), above]),
    b.op("Mul", [b.op("Min", [rows, zero]), below]),
  ]);
  const box = boxOf(offset);
  const steep = b.op("Max", [b.op("Abs", [upper]), b.op("Abs", [lower])]);
  const size = b.op("Mul", [steep, magnitude(b, picked?.of ?? of[0]!)]);
  // Where coefficients meet they are added up.
  const rounded = scaled(b, size, errorShare(node, 2 + (picked?.meeting ?? 0)));
  const radius = widen ? b.op("Add", [box.radius, rounded]) : box.radius;
  const merged = picked?.back(at, part) ?? b.op("Reshape", [part, b.ints([-1, ...dims])]);
  return { parts: [() => merged], terms: [largest(at, laid, g, { ...box, radius })] };
}

/**
 * What an affine operator adds, A b, and what may be rounded: the network's value lies within e (|W| |x| + |b|) of
 * W x + b, and the coefficients that are passed back within e |A| |W| of A W.
 */
function offsetsOf(rule: AffineRule, call: BoundCall, at: Rows, g: string): readonly string[] {
  const { b, node, widen } = call;
  const [y] = node.outputs;
  const offset = rule.hasOffset(call)
    ? rule.apply(
        call,
        replaced(call, (x) => zerosLike(b, x.lower())),
      )
    : undefined;
  if (!widen) {
    if (offset === undefined) return [];
    return [largest(at, y, g, { centre: offset, radius: zerosLike(b, offset) })];
  }
  const share =
    errorShare(node, rule.roundings(call)) + errorShare(node, rule.passedRoundings(call));
  const sizes = rule.magnify(
    call,
    replaced(call, (x) => magnitude(b, x)),
    1,
  );
  const radius = b.op("Add", [scaled(b, sizes, share), scalar(b, TINY)]);
  return [largest(at, y, g, { ...(offset !== undefined && { centre: offset }), radius })];
}

/** A rule that reads every output's coefficients is given zeros for an output that nothing uses. */
function withZeros(b: Builder, { outputs }: Node, gs: readonly (string | undefined)[]): string[] {
  const some = gs.find((g) => g !== undefined)!;
  const count = b.op("Slice", [b.op("Shape", [some]), b.ints([0]), b.ints([1])]);
  return gs.map((g, i) => {
    if (g !== undefined) return g;
    const dims = [count, b.ints(b.shapeOf(outputs[i]).slice(1))];
    return b.op("ConstantOfShape", [b.op("Concat", dims, { axis: int(0) })]);
  });
}
