/** Problems as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change. */
import type { Diagnostic } from '../base/diagnostic.ts';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

export function sarifOf(problems: readonly Diagnostic[], version: string): object {
  const codes = [...new Set(problems.map(({ code }) => code))].sort();
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'libretto', version, rules: codes.map((id) => ({ id })) } },
        results: problems.map(({ code, severity, file, line, column, message, hint }) => ({
          ruleId: code,
          level: severity,
          message: { text: hint === undefined ? message : `${message} (${hint})` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
        })),
      },
    ],
  };
}
