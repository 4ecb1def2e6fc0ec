/** An Event to be written about a resource, as data. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** PascalCase. */
  readonly reason: string;
  readonly message: string;
  /** Told of this namespace instead, with the resource as a second object: in one that goes no Event can be made. */
  readonly namespace?: string;
}
