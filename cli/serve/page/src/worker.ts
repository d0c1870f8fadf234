// Reads `stack`'s answer a task at a time, however long it is, and keeps of each what a tree or a flame graph shows.
import {baseName, count, shown, thousands} from './format';
import type {Task} from './types';
import {waitDetails, waitWords} from './parts/waits';

export interface Order {
  path: string;
  headers: Record<string, string>;
  want: 'tree' | 'flame';
}
export interface TreeColumns {
  ids: Float64Array;
  parents: Int32Array;
  labels: Uint32Array;
  inner: Uint32Array;
  whats: Uint32Array;
  details: Uint32Array;
  ages: Float32Array;
  awaited: Uint8Array;
  strings: string[];
}
export interface FlameStack {
  frames: {function: string; place: string}[];
  what: string;
  count: number;
  seconds: number;
}
export type Report =
  | {kind: 'progress'; tasks: number}
  | {kind: 'tree'; columns: TreeColumns; notes: string[]; complete: boolean; takenAt: number}
  | {kind: 'flame'; stacks: FlameStack[]; notes: string[]; takenAt: number}
  | {kind: 'error'; status: number; code: string; subject: string; fact: string; nextStep: string};

/** Calls `each` with every object of the document's list `tasks`; returns the rest of the document. */
export function splitter(each: (task: Task) => void) {
  let text = '',
    at = 0,
    depth = 0,
    inText = false,
    start = -1,
    inTasks = false,
    keyFrom = 0,
    key = '',
    rest = '',
    kept = 0;
  return {
    push(chunk: string) {
      text += chunk;
      for (; at < text.length; ++at) {
        const c = text.charCodeAt(at);
        if (inText) {
          if (c === 92) {
            if (at + 1 === text.length) break;
            ++at;
          } else if (c === 34) {
            inText = false;
            if (depth === 1) key = text.slice(keyFrom, at);
          }
        } else if (c === 34) {
          inText = true;
          keyFrom = at + 1;
        } else if (c === 123 || c === 91) {
          ++depth;
          if (depth === 2 && c === 91 && key === 'tasks') {
            inTasks = true;
            rest += text.slice(kept, at + 1);
          } else if (inTasks && depth === 3) {
            start = at;
          }
        } else if (c === 125 || c === 93) {
          --depth;
          if (inTasks && depth === 2) each(JSON.parse(text.slice(start, at + 1)) as Task);
          else if (inTasks && depth === 1) {
            inTasks = false;
            kept = at;
          }
          if (depth === 2) start = -1;
        }
      }
      // What was read is forgotten, but for what has begun.
      let from = start >= 0 ? start : inTasks ? at : inText && depth === 1 ? keyFrom - 1 : at;
      if (!inTasks) {
        from = Math.min(from, at);
        rest += text.slice(kept, from);
        kept = 0;
      }
      text = text.slice(from);
      at -= from;
      if (start >= 0) start -= from;
      keyFrom -= from;
    },
    rest(): Record<string, unknown> {
      return JSON.parse(rest + text.slice(kept));
    },
  };
}

export function work() {
  addEventListener('message', event => {
    void run(event.data as Order).then(report => {
      const buffers =
        report.kind === 'tree'
          ? Object.values(report.columns).flatMap(column =>
              ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
            )
          : [];
      (self as unknown as DedicatedWorkerGlobalScope).postMessage(report, buffers);
    });
  });
}

async function run({path, headers, want}: Order): Promise<Report> {
  let response: Response;
  try {
    response = await fetch(path, {headers, cache: 'no-store'});
  } catch {
    return {
      kind: 'error',
      status: 0,
      code: 'no-answer',
      subject: '',
      fact: 'tasks serve does not answer',
      nextStep: 'is it still running?',
    };
  }
  if (!response.ok) {
    let error: Record<string, string> = {};
    try {
      error = (await response.json()).error ?? {};
    } catch {
      /* none of ours */
    }
    return {
      kind: 'error',
      status: response.status,
      code: error.code ?? '',
      subject: error.subject ?? '',
      fact: error.fact ?? `the server answered ${response.status}`,
      nextStep: error.nextStep ?? '',
    };
  }
  return readTasks(response, want, mostTasks, tasks => postMessage({kind: 'progress', tasks} satisfies Report));
}

/** Tasks of one answer that are read: of half a million columns take 60 MB or so, and nobody scrolls through more. */
const mostTasks = 500_000;

/** Reads an answer a piece at a time, at most `most` of its tasks; `progress` hears five times a second how many there are. */
export async function readTasks(
  response: Response,
  want: Order['want'],
  most: number,
  progress: (tasks: number) => void,
): Promise<Report> {
  const takenAt = Date.now() - (Number(response.headers.get('Age')) || 0) * 1000;
  const tree = new TreeMaker(),
    flame = new FlameMaker();
  let tasks = 0,
    told = Date.now();
  const split = splitter(task => {
    if (++tasks > most) return;
    if (want === 'tree') tree.add(task);
    else flame.add(task);
  });
  let notes: string[], complete: boolean;
  try {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const {done, value} = await reader.read();
      if (done || tasks > most) break;
      split.push(value);
      if (Date.now() - told > 200) {
        told = Date.now();
        progress(tasks);
      }
    }
    if (tasks > most) {
      await reader.cancel();
      complete = false;
      notes = [`more than ${thousands(most)} tasks: the others were not read`];
    } else {
      const rest = split.rest();
      complete = rest.complete !== false;
      notes = (rest.notes ?? []) as string[];
    }
  } catch (error) {
    return {
      kind: 'error',
      status: 0,
      code: 'cut',
      subject: '',
      fact: `the answer was cut after ${count(tasks, 'task')}`,
      nextStep: String(error),
    };
  }
  if (want === 'tree') return {kind: 'tree', columns: tree.columns(), notes, complete, takenAt};
  return {kind: 'flame', stacks: [...flame.stacks.values()], notes, takenAt};
}

const placeOf = (frame: {file?: string; line?: number} | undefined) =>
  frame?.file ? `${baseName(frame.file)}${frame.line ? `:${frame.line}` : ''}` : '';

class TreeMaker {
  private strings: string[] = [''];
  private numbers = new Map<string, number>([['', 0]]);
  private ids: number[] = [];
  private parentIds: number[] = [];
  private rows: [number, number, number, number][] = [];
  private ages: number[] = [];
  private awaited: number[] = [];
  private number(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.strings.length;
      this.strings.push(text);
      this.numbers.set(text, number);
    }
    return number;
  }
  add(task: Task) {
    const frames = task.frames ?? [];
    const outer = frames[frames.length - 1],
      inner = frames[0];
    const name = task.name ? `“${shown(task.name, 80)}” ` : '';
    const labels = Object.entries(task.labels ?? {})
      .slice(0, 8)
      .map(([key, value]) => `${shown(key, 40)}=${shown(value, 80)} `)
      .join('');
    this.ids.push(task.id);
    this.parentIds.push(task.parentId ?? 0);
    this.rows.push([
      this.number(`${name}${labels}${shown(outer?.function || 'not known')}\u0000${shown(placeOf(outer), 80)}`),
      this.number(frames.length > 1 ? `${shown(inner.function, 160)}\u0000${shown(placeOf(inner), 80)}` : ''),
      this.number(task.busy ? 'never rests' : waitWords(task.wait, task.state)),
      this.number(waitDetails(task.wait)),
    ]);
    this.ages.push(task.ageSeconds ?? task.seenSeconds ?? -1);
    this.awaited.push(task.awaited ? 1 : 0);
  }
  columns(): TreeColumns {
    const place = new Map(this.ids.map((id, i) => [id, i]));
    const column = (i: number) => Uint32Array.from(this.rows, row => row[i]);
    return {
      ids: Float64Array.from(this.ids),
      parents: Int32Array.from(this.parentIds, id => (id ? (place.get(id) ?? -1) : -1)),
      labels: column(0),
      inner: column(1),
      whats: column(2),
      details: column(3),
      ages: Float32Array.from(this.ages),
      awaited: Uint8Array.from(this.awaited),
      strings: this.strings,
    };
  }
}

class FlameMaker {
  stacks = new Map<string, FlameStack>();
  add(task: Task) {
    const frames = (task.frames ?? []).map(frame => ({function: frame.function ?? '', place: placeOf(frame)}));
    const what = task.busy ? 'never rests' : waitWords(task.wait, task.state);
    const key = `${what}\u0000${frames.map(frame => `${frame.function}\u0001${frame.place}`).join('\u0000')}`;
    let stack = this.stacks.get(key);
    if (!stack) this.stacks.set(key, (stack = {frames, what, count: 0, seconds: 0}));
    ++stack.count;
    stack.seconds += task.wait ? (task.wait.seconds ?? task.ageSeconds ?? task.seenSeconds ?? 0) : 0;
  }
}
