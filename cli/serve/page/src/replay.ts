// A recording that was brought: sent to the server, and shown as what lives is.
import {ApiError, errorOf, headers} from './api';
import {baseName, count, option, words} from './format';
import {waitWords} from './parts/waits';
import type {LiveView, StackView, VitalsView} from './types';

/** As the server has it. */
const mostBytes = 256 * 2 ** 20;

/** Sends the file; returns the name by which its views are asked for. */
export async function bring(file: File): Promise<string> {
  if (file.size > mostBytes)
    throw new ApiError(
      413,
      'too-large',
      file.name,
      `it has ${count(file.size, 'byte')}, and 256 MiB are the most`,
      'tasks VIEW --from FILE reads larger ones',
    );
  let response: Response;
  try {
    response = await fetch('/api/v1/replays', {
      method: 'POST',
      headers: {...headers(), 'Content-Type': 'application/octet-stream', 'Tasks-Replay': '1'},
      body: file,
      cache: 'no-store',
    });
  } catch {
    throw new ApiError(
      0,
      'no-answer',
      file.name,
      'it could not be read, or not be sent',
      'is it a file? does tasks serve still run?',
    );
  }
  if (response.ok) return ((await response.json()) as {replay: string}).replay;
  const why = await errorOf(response);
  throw new ApiError(why.status, why.code, file.name, why.fact, why.nextStep);
}

export interface Moment {
  name: string;
  pid: string;
  at: string;
  number: number;
  of: number;
}

/** "lab 4131, 2026-01-31 12:30:05, snapshot 3 of 12", which a view of a recording tells beside it. */
export function momentIn(notes: string[]): Moment | null {
  for (const note of notes) {
    const [, name, pid, at, number, of] = /^(.*) (\d+), ([-\d]+ [:\d]+), snapshot (\d+) of (\d+)$/s.exec(note) ?? [];
    if (of) return {name, pid, at, number: Number(number), of: Number(of)};
  }
  return null;
}

/** What the events of a process that lives would have told. */
export function recordedLive(name: string, vitals: VitalsView, stack: StackView): LiveView {
  return {
    ...vitals,
    name,
    atMs: 0,
    note: '',
    groups: (stack.groups ?? []).map(group => {
      const outer = group.frames?.[group.frames.length - 1];
      return {
        what: waitWords(group.wait, group.state),
        function: outer?.function ?? '',
        place: outer?.file ? `${baseName(outer.file)}:${outer.line ?? 0}` : '',
        state: words(group.state),
        kind: group.wait ? option(group.wait.kind) : '',
        count: group.count,
        oldestSeconds: group.oldestSeconds ?? group.seenSeconds,
        resumed: null,
      };
    }),
  };
}
