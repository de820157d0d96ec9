/** A request to a color whose answer must be as expected before the public is moved to it. */
export interface SmokeTest {
  /** For messages; unique among the tests. */
  name: string;
  /** An HTTP method in capitals; GET by default. */
  method: string;
  /** Absolute path, may have a query; the setting healthPath by default. */
  path: string;
  /** Header fields to send, by name. */
  headers: Record<string, string>;
  /** Request body. */
  body?: string;
  /** The expected status, 200 to 599; 200 by default. */
  status: number;
  /** Text that the answer's body must contain. */
  contains?: string;
  /** Values that the answer's JSON must have, by path such as `database.ok` or `items[0].id`. */
  json: Record<string, string | number | boolean | null>;
  /** The longest that it may take, 0.1 to 300; 5 by default. */
  maxSeconds: number;
  /** Whether it asks only a release of `app/`, and no image of somebody else; absent where it asks both. */
  builtOnly?: true;
}

/** Returns the tests that a release is asked. */
export const testsFor = (tests: readonly SmokeTest[], release: { ofApp: boolean }): SmokeTest[] =>
  tests.filter(({ builtOnly }) => !builtOnly || release.ofApp);
