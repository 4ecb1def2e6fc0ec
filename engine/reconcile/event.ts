/** An Event to be written about a resource, as data. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** PascalCase. */
  readonly reason: string;
  readonly message: string;
}
