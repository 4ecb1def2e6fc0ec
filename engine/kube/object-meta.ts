/**
 * The schema of metadata. A CRD says no more of it than `type: object`; the API server puts this in its place
 * (apimachinery's meta/v1 ObjectMeta), and so does the schema model.
 */
import type { JsonObject } from './object.ts';

const TEXT: JsonObject = { type: 'string' };
const TIME: JsonObject = { type: 'string', format: 'date-time' };
const WHOLE: JsonObject = { type: 'integer', format: 'int64' };
const TEXTS_BY_NAME: JsonObject = { type: 'object', additionalProperties: TEXT };

const OWNER_REFERENCE: JsonObject = {
  type: 'object',
  'x-kubernetes-map-type': 'atomic',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: TEXT,
    kind: TEXT,
    name: TEXT,
    uid: TEXT,
    controller: { type: 'boolean' },
    blockOwnerDeletion: { type: 'boolean' },
  },
};

const MANAGED_FIELDS_ENTRY: JsonObject = {
  type: 'object',
  properties: {
    manager: TEXT,
    operation: TEXT,
    apiVersion: TEXT,
    time: TIME,
    subresource: TEXT,
    fieldsType: TEXT,
    fieldsV1: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

export const OBJECT_META: JsonObject = {
  type: 'object',
  properties: {
    name: TEXT,
    generateName: TEXT,
    namespace: TEXT,
    uid: TEXT,
    resourceVersion: TEXT,
    generation: WHOLE,
    creationTimestamp: TIME,
    deletionTimestamp: TIME,
    deletionGracePeriodSeconds: WHOLE,
    selfLink: TEXT,
    labels: TEXTS_BY_NAME,
    annotations: TEXTS_BY_NAME,
    finalizers: { type: 'array', items: TEXT, 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      type: 'array',
      items: OWNER_REFERENCE,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
    },
    managedFields: { type: 'array', items: MANAGED_FIELDS_ENTRY, 'x-kubernetes-list-type': 'atomic' },
  },
};
