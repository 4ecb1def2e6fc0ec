/**
 * The schema model: one shape for a CRD's openAPIV3Schema and for the OpenAPI v3 documents of built-in kinds.
 * It answers what static checks, array wrapping and the field-set walk need, and nothing else.
 */
import type { GroupVersionKind, Json } from './object.ts';
import type { Range } from './range.ts';

export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';

/** A node; children are resolved on access, so that recursive schemas are no problem. */
export interface SchemaNode {
  /** Absent: any type (x-kubernetes-preserve-unknown-fields, RawExtension, int-or-string). */
  readonly type?: SchemaType;
  /** int-or-string and quantities: a string or a number. */
  readonly intOrString: boolean;
  /** Anything may stand below: nothing can be said about paths there. */
  readonly open: boolean;
  property(name: string): SchemaNode | undefined;
  propertyNames(): readonly string[];
  /** Schema of a map's values (additionalProperties). */
  readonly values?: SchemaNode | undefined;
  /** Schema of a list's items. */
  readonly items?: SchemaNode | undefined;
  /** How server-side apply merges a list; default atomic. */
  readonly listType: 'atomic' | 'set' | 'map';
  /** Keys of an associative list, with the schema's default for each that has one. */
  readonly listKeys: readonly { readonly name: string; readonly default?: Json }[];
  /** `atomic` maps and structs are leaves of field sets. */
  readonly mapType: 'granular' | 'atomic';
  readonly required: readonly string[];
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly nullable: boolean;
  /** Of a number: its limits. */
  readonly range?: Range;
  /** Of a string its characters, of a list its items: how many there may be. */
  readonly length?: Range;
}

/** Finds the schema of a kind; undefined where none is known (which is no error). */
export type SchemaLookup = (gvk: GroupVersionKind) => SchemaNode | undefined;
