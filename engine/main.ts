#!/usr/bin/env node
/** The process: argv → command line. */
import { hostname } from 'node:os';
import { runCli } from './cli/cli.ts';
import { processTerminal } from './cli/terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), processTerminal(process, hostname()));
