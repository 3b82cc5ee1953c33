// Writes a model's own functions out: each call becomes the nodes of the function's body.
import { clone, create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type NodeProto,
  NodeProtoSchema,
} from "onnx-buf";
import { TemperError } from "../errors.ts";

/** Functions may call functions, but never themselves: deeper than this, or more calls, is a circle. */
const DEEPEST = 32;
const MOST_CALLS = 100_000;

const keyOf = (domain: string, name: string, overload: string): string =>
  `${domain === "ai.onnx" ? "" : domain}/${name}/${overload}`;

/**
 * Replaces every call of one of the model's functions by the nodes of its body.
 *
 * @throws TemperError `model-unreadable` where a function calls itself
 */
export function inlineFunctions(
  nodes: readonly NodeProto[],
  functions: readonly FunctionProto[],
): readonly NodeProto[] {
  if (functions.length === 0) return nodes;
  const known = new Map(functions.map((f) => [keyOf(f.domain, f.name, f.overload), f]));
  let calls = 0;
  const expand = (node: NodeProto, depth: number): readonly NodeProto[] => {
    const body = known.get(keyOf(node.domain, node.opType, node.overload));
    if (body === undefined) return [node];
    if (depth > DEEPEST || calls > MOST_CALLS) {
      throw new TemperError("model-unreadable", `the function "${body.name}" calls itself`);
    }
    const prefix = `${node.name || node.output[0]}/${calls++}/`;
    return bodyOf(node, body, prefix).flatMap((inner) => expand(inner, depth + 1));
  };
  return nodes.flatMap((node) => expand(node, 0));
}

/** Copies the body of a function with the call's values in the place of its own names. */
function bodyOf(call: NodeProto, body: FunctionProto, prefix: string): NodeProto[] {
  const values = new Map<string, string>([
    ...body.input.map((name, i) => [name, call.input[i] ?? ""] as const),
    ...body.output.map((name, i) => [name, call.output[i] || `${prefix}${name}`] as const),
  ]);
  const outside = (name: string): string =>
    name === "" ? "" : (values.get(name) ?? `${prefix}${name}`);
  const given = new Map([...body.attributeProto, ...call.attribute].map((a) => [a.name, a]));
  return body.node.map((node) =>
    create(NodeProtoSchema, {
      opType: node.opType,
      domain: node.domain,
      overload: node.overload,
      name: `${prefix}${node.name || node.output[0]}`,
      input: node.input.map(outside),
      output: node.output.map(outside),
      attribute: node.attribute.flatMap((attribute) => attributeOf(attribute, given)),
    }),
  );
}

/** An attribute that refers to one of the call's is that one, and is left out where the call leaves it out. */
function attributeOf(
  attribute: AttributeProto,
  given: ReadonlyMap<string, AttributeProto>,
): AttributeProto[] {
  if (attribute.refAttrName === "") return [attribute];
  const value = given.get(attribute.refAttrName);
  if (value === undefined) return [];
  // A copy that keeps the defaults of what is not stated, which are on the prototype.
  return [Object.assign(clone(AttributeProtoSchema, value), { name: attribute.name })];
}
