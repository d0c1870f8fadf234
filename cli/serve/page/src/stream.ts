// Long answers, read by the worker.
import {useCallback, useEffect, useState} from 'preact/hooks';
import {addressed, ApiError, headers, lost, refused} from './api';
import {script} from './script';
import type {Order, Report} from './worker';

export interface Streamed {
  report: Report | null;
  tasks: number;
  busy: boolean;
  error: ApiError | null;
  again: () => void;
}

export function useStream(path: string | null, want: Order['want']): Streamed {
  const [state, set] = useState<{path: string | null; report: Report | null; error: ApiError | null}>({
    path: null,
    report: null,
    error: null,
  });
  const [tasks, setTasks] = useState(0);
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound(n => n + 1), []);
  useEffect(() => {
    if (path === null) return;
    const worker = new Worker(script);
    setBusy(true);
    setTasks(0);
    const end = (report: Report | null, error: ApiError | null) => {
      setBusy(false);
      set(old => ({path, report: report ?? (old.path === path ? old.report : null), error}));
      worker.terminate();
    };
    worker.onmessage = event => {
      const report = event.data as Report;
      if (report.kind === 'progress') setTasks(report.tasks);
      else if (report.kind === 'error') {
        if (report.status === 401) refused.set(true);
        end(null, new ApiError(report.status, report.code, report.subject, report.fact, report.nextStep));
      } else end(report, null);
    };
    worker.onerror = () =>
      end(
        null,
        new ApiError(0, 'page', '', 'the answer could not be read', lost.get() ? 'tasks serve does not answer' : ''),
      );
    worker.postMessage({path: addressed(path), headers: headers(), want} satisfies Order);
    return () => worker.terminate();
  }, [path, want, round]);
  const same = state.path === path;
  return {report: same ? state.report : null, error: same ? state.error : null, tasks, busy, again};
}
