// What the server says, asked for with fetch(): answers with their age, and events with a connection that is tried again.
import {signal} from './signal';

export class ApiError extends Error {
  constructor(
    public status: number,
    public code: string,
    public subject: string,
    public fact: string,
    public nextStep: string,
  ) {
    super(subject ? `${subject}: ${fact}` : fact);
  }
}

/** The server does not answer: since when, why, and when it is asked again. Null: it does. */
export const lost = signal<{since: number; why: string; next: number} | null>(null);
/** A token is asked for. */
export const refused = signal(false);

let token = sessionStorage.getItem('token') ?? '';
export function setToken(value: string) {
  token = value;
  sessionStorage.setItem('token', value);
  refused.set(false);
}

/** Whether this server has asked for a token, which links do not send. */
export const hasToken = () => token !== '';

/** The recording that is looked at, and which snapshot of it ('': the last one). Null: what is there now. Said by route.ts. */
export const replayed: {id: string | null; at: string} = {id: null, at: ''};

/** As a path about processes is asked now. */
export function addressed(path: string): string {
  if (replayed.id === null || !path.startsWith('/api/v1/processes')) return path;
  const at = replayed.at ? `&at=${encodeURIComponent(replayed.at)}` : '';
  return `${path}${path.includes('?') ? '&' : '?'}replay=${replayed.id}${at}`;
}

export const headers = (): Record<string, string> => (token ? {Authorization: `Bearer ${token}`} : {});
export const processPath = (pid: number | string) => `/api/v1/processes/${encodeURIComponent(pid)}`;

export function withQuery(path: string, options: Record<string, string | number | boolean | undefined>): string {
  const query = Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false && value !== '')
    .map(([name, value]) =>
      value === true ? encodeURIComponent(name) : `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
    );
  return query.length ? `${path}?${query.join('&')}` : path;
}

export async function errorOf(response: Response): Promise<ApiError> {
  let error: Record<string, string> = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    /* not ours: a proxy's, or cut */
  }
  if (response.status === 401) refused.set(true);
  return new ApiError(
    response.status,
    error.code ?? '',
    error.subject ?? '',
    error.fact ?? `the server answered ${response.status}`,
    error.nextStep ?? '',
  );
}

export async function ask(path: string, abort?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(addressed(path), {headers: headers(), signal: abort, cache: 'no-store'});
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError(0, 'no-answer', '', 'tasks serve does not answer', 'is it still running?');
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

export interface Answer<T> {
  value: T;
  takenAt: number;
  /** What the command has told beside it. */
  notes: string[];
}

function notesOf(response: Response): string[] {
  try {
    const notes = decodeURIComponent(response.headers.get('Tasks-Notes') ?? '');
    return notes ? notes.split('\n') : [];
  } catch {
    return []; // it was cut within a letter
  }
}

export async function get<T>(path: string, abort?: AbortSignal): Promise<Answer<T>> {
  const response = await ask(path, abort);
  const old = Number(response.headers.get('Age') ?? 0);
  return {
    value: (await response.json()) as T,
    takenAt: Date.now() - (Number.isFinite(old) ? old : 0) * 1000,
    notes: notesOf(response),
  };
}

const streams = new Set<{wake: () => void}>();
export const tryNow = () => streams.forEach(each => each.wake());

/**
 * Server-sent events of `path`, until what is returned is called. A connection that ends is made anew: after a second, then two, four, at most
 * ten. `onError` hears of answers that are errors; it returns false to give up.
 */
export function follow(
  path: string,
  onEvent: (name: string, data: unknown) => void,
  onError: (error: ApiError) => boolean,
): () => void {
  const abort = new AbortController();
  const self = {wake: () => {}};
  streams.add(self);
  let pause = 1000;
  const since = {at: 0};

  const failed = (why: string) => {
    since.at ||= Date.now();
    lost.set({since: since.at, why, next: Date.now() + pause});
  };
  const read = async (response: Response) => {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      rest = (rest + value).replaceAll('\r\n', '\n');
      for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
        let name = 'message',
          data = '';
        for (const line of rest.slice(0, end).split('\n')) {
          const colon = line.indexOf(':');
          const field = colon < 0 ? line : line.slice(0, colon);
          const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
          if (field === 'event') name = text;
          if (field === 'data') data += (data ? '\n' : '') + text;
        }
        if (!data) continue;
        pause = 1000;
        since.at = 0;
        lost.set(null);
        onEvent(name, JSON.parse(data));
      }
    }
  };
  void (async () => {
    while (!abort.signal.aborted) {
      try {
        await read(await ask(path, abort.signal));
        if (abort.signal.aborted) return;
        failed('the connection was closed');
      } catch (error) {
        if (abort.signal.aborted) return;
        if (error instanceof ApiError && error.status >= 400) {
          if (!onError(error)) return;
        } else {
          failed(error instanceof ApiError ? error.message : 'the connection broke');
        }
      }
      await new Promise<void>(resume => {
        const timer = setTimeout(resume, pause);
        self.wake = () => {
          clearTimeout(timer);
          resume();
        };
        abort.signal.addEventListener(
          'abort',
          () => {
            clearTimeout(timer);
            resume();
          },
          {once: true},
        );
      });
      pause = Math.min(pause * 2, 10000);
    }
  })();
  return () => {
    streams.delete(self);
    abort.abort();
    if (streams.size === 0) lost.set(null);
  };
}
