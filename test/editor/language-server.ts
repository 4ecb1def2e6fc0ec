/**
 * The YAML language server that editors run, as a process of its own: spoken to over stdio in the Language Server
 * Protocol, as an editor would. It reads the schemas that the files name, and nothing from the network.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type CompletionItem,
  CompletionRequest,
  ConfigurationRequest,
  createProtocolConnection,
  type Diagnostic,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  MarkupContent,
  type Position,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  RegistrationRequest,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';

/** What an editor would show at a place. `line` counts from 1, as editors do. */
export interface Finding {
  readonly line: number;
  readonly message: string;
}

/** A key or value that is offered, and the text shown beside it. */
export interface Offer {
  readonly label: string;
  readonly about: string;
}

export interface LanguageServer {
  /** Every problem that is marked in the file, by line; the file needs no place on the disk. */
  problems(path: string, text: string): Promise<readonly Finding[]>;
  /** What is offered where `text` has the CURSOR. */
  offers(path: string, text: string): Promise<readonly Offer[]>;
  /** What is shown to one who points to where `text` has the CURSOR. */
  hover(path: string, text: string): Promise<string>;
  stop(): Promise<void>;
}

export const CURSOR = '▮';

export async function startLanguageServer(): Promise<LanguageServer> {
  const program = join(
    dirname(fileURLToPath(import.meta.resolve('yaml-language-server'))),
    '../../bin/yaml-language-server',
  );
  const server = spawn(process.execPath, [program, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  await shakeHands(connection);
  const editor = new Editor(connection);
  return {
    problems: (path, text) => editor.problems(path, text),
    offers: (path, text) => editor.offers(path, text),
    hover: (path, text) => editor.hover(path, text),
    stop: async () => {
      await connection.sendRequest(ShutdownRequest.type);
      await connection.sendNotification(ExitNotification.type);
      await ended;
      connection.dispose();
    },
  };
}

/** Done when the server has been told its settings: what is opened from then on is judged by them. */
async function shakeHands(connection: ProtocolConnection): Promise<void> {
  const yaml = {
    validate: true,
    hover: true,
    completion: true,
    schemaStore: { enable: false },
    kubernetesCRDStore: { enable: false },
  };
  const configured = new Promise<void>((resolve) => {
    connection.onRequest(ConfigurationRequest.type, ({ items }) => {
      if (items.some(({ section }) => section === 'yaml')) resolve();
      return items.map(({ section }) => (section === 'yaml' ? yaml : {}));
    });
  });
  connection.onRequest(RegistrationRequest.type, () => undefined);
  connection.listen();
  await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
      textDocument: {
        hover: { contentFormat: ['plaintext'] },
        completion: { completionItem: { documentationFormat: ['plaintext'] } },
        publishDiagnostics: {},
      },
    },
  });
  await connection.sendNotification(InitializedNotification.type, {});
  await configured;
}

class Editor {
  readonly #connection: ProtocolConnection;
  readonly #waiting = new Map<string, (found: readonly Diagnostic[]) => void>();
  #opened = 0;

  constructor(connection: ProtocolConnection) {
    this.#connection = connection;
    connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      this.#waiting.get(uri)?.(diagnostics);
      this.#waiting.delete(uri);
    });
  }

  async problems(path: string, text: string): Promise<readonly Finding[]> {
    const found = await this.#open(path, text, ({ judged }) => judged);
    return found
      .map(({ range, message }) => ({ line: range.start.line + 1, message: textOf(message) }))
      .sort((a, b) => a.line - b.line);
  }

  async offers(path: string, text: string): Promise<readonly Offer[]> {
    const { position, rest } = cursorIn(text);
    const answer = await this.#open(path, rest, ({ uri }) =>
      this.#connection.sendRequest(CompletionRequest.type, { textDocument: { uri }, position }),
    );
    const items: readonly CompletionItem[] = Array.isArray(answer) ? answer : (answer?.items ?? []);
    return items.map(({ label, documentation }) => ({ label, about: textOf(documentation) }));
  }

  async hover(path: string, text: string): Promise<string> {
    const { position, rest } = cursorIn(text);
    const answer = await this.#open(path, rest, ({ uri }) =>
      this.#connection.sendRequest(HoverRequest.type, { textDocument: { uri }, position }),
    );
    const contents = answer?.contents;
    return MarkupContent.is(contents) ? contents.value : '';
  }

  /**
   * Each opening has an address of its own, by a fragment: closing a file sends an empty verdict, and the server keeps what
   * it has read, so that two openings under one address could be taken for each other.
   */
  async #open<T>(path: string, text: string, ask: (file: Opened) => Promise<T>): Promise<T> {
    this.#opened += 1;
    const uri = `${pathToFileURL(path).href}#${this.#opened}`;
    const judged = new Promise<readonly Diagnostic[]>((resolve) => this.#waiting.set(uri, resolve));
    await this.#connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId: 'yaml', version: 1, text },
    });
    try {
      return await ask({ uri, judged });
    } finally {
      await this.#connection.sendNotification(DidCloseTextDocumentNotification.type, {
        textDocument: { uri },
      });
    }
  }
}

interface Opened {
  readonly uri: string;
  /** The first verdict about the file. */
  readonly judged: Promise<readonly Diagnostic[]>;
}

function cursorIn(text: string): { readonly position: Position; readonly rest: string } {
  const before = text.slice(0, text.indexOf(CURSOR)).split('\n');
  const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  return { position, rest: text.replace(CURSOR, '') };
}

function textOf(content: string | MarkupContent | undefined): string {
  return typeof content === 'object' ? content.value : (content ?? '');
}
