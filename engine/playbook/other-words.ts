/** Words of other languages for what is called differently here: those of JSON Schema, Go, Helm, kro and Kubernetes. */

const KEYS: Readonly<Record<string, string>> = {
  additionalProperties: 'values',
  apiVersion: 'group and version',
  conditions: 'health',
  description: 'metadata.description',
  maximum: 'max',
  maxItems: 'max',
  maxLength: 'max',
  minimum: 'min',
  minItems: 'min',
  minLength: 'min',
  oneOf: 'enum',
  properties: 'fields',
  resources: 'manifests',
  template: 'file',
  templates: 'manifests',
  variables: 'vars',
};

const TYPES: Readonly<Record<string, string>> = {
  array: '[TYPE], or items: TYPE',
  bool: 'boolean',
  double: 'number',
  float: 'number',
  int: 'integer',
  int32: 'integer',
  int64: 'integer',
  list: '[TYPE], or items: TYPE',
  map: 'values: TYPE',
  str: 'string',
  text: 'string',
};

/** `write max`, where the key has that name here and the place takes it. */
export function otherKey(key: string, known: readonly string[]): string | undefined {
  const own = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  return own !== undefined && known.includes(own.split(/[ .]/)[0] ?? '') ? `write ${own}` : undefined;
}

/** The same for a type, where `string` is one of those that the place takes. */
export function otherType(word: string, known: readonly string[]): string | undefined {
  const own = Object.hasOwn(TYPES, word) ? TYPES[word] : undefined;
  return own !== undefined && known.includes('string') ? `write ${own}` : undefined;
}
