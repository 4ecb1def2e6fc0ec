/** What is known of `run` where an expression or a template of an action stands, before any run exists. */

export interface RunNames {
  readonly action: string;
  /** The step that it belongs to; undefined: the action's own vars. */
  readonly step?: string;
  /** Undefined: the parameters' schema leaves their names open. */
  readonly params: ReadonlySet<string> | undefined;
  /** Steps that have ended by then. */
  readonly outputs: ReadonlyMap<string, OutputNames>;
  /** All steps of the action, for those that come later. */
  readonly steps: readonly string[];
  /** Has `run.failed`: it stands in a rollback. */
  readonly failed: boolean;
}

export interface OutputNames {
  /** A forEach: a list of outputs. */
  readonly list: boolean;
  readonly names: readonly string[];
  readonly secret: ReadonlySet<string>;
}
