// Attributes of a node: short constructors, and readers with the standard's defaults.
import { TemperError } from "../errors.ts";
import { type Attribute, type Node, nodeLabel } from "./graph.ts";

export const int = (value: number): Attribute => ({ kind: "int", value });
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const text = (value: string): Attribute => ({ kind: "string", value });

function read<K extends "int" | "float" | "string" | "ints">(
  node: Node,
  name: string,
  kind: K,
): Extract<Attribute, { kind: K }> | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined || attribute.kind === kind) {
    return attribute as Extract<Attribute, { kind: K }> | undefined;
  }
  throw new TemperError(
    "model-unreadable",
    `${nodeLabel(node)}: attribute ${name} is of kind ${attribute.kind}, expected ${kind}`,
  );
}

/** The attribute's value, or `fallback` where the node does not state it. */
export const intOf = (node: Node, name: string, fallback: number): number =>
  read(node, name, "int")?.value ?? fallback;
export const floatOf = (node: Node, name: string, fallback: number): number =>
  read(node, name, "float")?.value ?? fallback;
export const textOf = (node: Node, name: string, fallback: string): string =>
  read(node, name, "string")?.value ?? fallback;
export const intsOf = (node: Node, name: string): readonly number[] | undefined =>
  read(node, name, "ints")?.value;
