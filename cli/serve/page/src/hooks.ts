import {useCallback, useEffect, useRef, useState} from 'preact/hooks';
import {ApiError, get} from './api';

/** The time, looked at once in `every` ms while the page is seen. */
export function useNow(every = 1000): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) set(Date.now());
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function useMedia(query: string): boolean {
  const [matches, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const heard = () => set(media.matches);
    heard();
    media.addEventListener('change', heard);
    return () => media.removeEventListener('change', heard);
  }, [query]);
  return matches;
}
export const usePhone = () => useMedia('(max-width: 700px)');

/** False when nobody has seen the page for a minute: targets are not looked at for nobody. */
export function useSeenPage(): boolean {
  const [seen, set] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(timer);
      if (!document.hidden) set(true);
      else timer = setTimeout(() => set(false), 60_000);
    };
    heard();
    document.addEventListener('visibilitychange', heard);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', heard);
    };
  }, []);
  return seen;
}

export interface Asked<T> {
  value: T | null;
  /** When the target was looked at for it. */
  takenAt: number;
  /** Why the last look failed; `value` is then an older one's. */
  error: ApiError | null;
  busy: boolean;
  again: () => void;
}

/** What `path` answers; asked again every `every` ms while the page is seen, if given. An answer stays until there is a newer one of the same path. */
export function useAnswer<T>(path: string | null, every?: number): Asked<T> {
  const [state, set] = useState<{path: string | null; value: T | null; takenAt: number; error: ApiError | null}>({
    path: null,
    value: null,
    takenAt: 0,
    error: null,
  });
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound(n => n + 1), []);
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      setBusy(true);
      try {
        const {value, takenAt} = await get<T>(path, abort.signal);
        set({path, value, takenAt, error: null});
      } catch (error) {
        if (abort.signal.aborted) return;
        const why = error instanceof ApiError ? error : new ApiError(0, 'page', '', String(error), '');
        set(old => (old.path === path ? {...old, error: why} : {path, value: null, takenAt: 0, error: why}));
      }
      if (abort.signal.aborted) return;
      setBusy(false);
      if (every)
        timer = setTimeout(function later() {
          if (document.hidden) timer = setTimeout(later, every);
          else void look();
        }, every);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, every, round]);
  const same = state.path === path;
  return {
    value: same ? state.value : null,
    takenAt: same ? state.takenAt : 0,
    error: same ? state.error : null,
    busy,
    again,
  };
}

/** Calls `pressed` for keys that are typed into nothing; it returns true for those that it took. */
export function useKeys(pressed: (event: KeyboardEvent) => boolean | void) {
  const now = useRef(pressed);
  now.current = pressed;
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      const to = event.target as HTMLElement;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(to.tagName) && event.key !== 'Escape') return;
      if (now.current(event)) event.preventDefault();
    };
    addEventListener('keydown', heard);
    return () => removeEventListener('keydown', heard);
  }, []);
}
