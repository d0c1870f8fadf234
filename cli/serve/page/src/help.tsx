import {useEffect, useRef} from 'preact/hooks';
import {hasToken} from './api';

const keys: [string, string][] = [
  ['?', 'this'],
  ['/', 'filter'],
  ['↑ ↓  j k', 'choose a row'],
  ['PgUp PgDn Home End', 'further'],
  ['Enter', 'open it'],
  ['← →', 'close and open a branch of the tree'],
  ['Esc', 'leave the filter, the choice, the process'],
  ['1 … 9', 'views of a process'],
  ['r', 'look again'],
  ['s', 'save a recording'],
  ['o', 'open one'],
  ['< >', 'of a recording: the moment before, and after'],
  ['l', 'list of processes'],
  ['D', 'dark, light'],
];

export function Help({close}: {close: () => void}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.focus();
    return () => before?.focus?.();
  }, []);
  return (
    <div class="help" role="dialog" aria-label="keys" tabIndex={-1} ref={box}>
      <h2>Keys</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h2>Filters</h2>
      <p>
        Words that all have to be there, whatever the case: <code>worker lab.cpp</code>. Of groups also{' '}
        <code>kind:timer</code>, <code>state:blocked</code>, <code>older:5m</code>; <code>-word</code> leaves out.
      </p>
      <h2>Links</h2>
      <p>The address has what is shown: view, filter, order, choice. Send it to somebody who reaches this server.</p>
      <p class="quiet">
        <a href="/assets/licenses.txt">licences</a>
        {!hasToken() && (
          <>
            {' '}
            · <a href="/metrics">/metrics</a> · <a href="/debug/pprof/">/debug/pprof/</a>
          </>
        )}
      </p>
      {hasToken() && (
        <p class="quiet">
          Links do not send the token:{' '}
          <code>curl -H "Authorization: Bearer $(cat TOKEN-FILE)" {location.origin}/metrics</code>, and so of{' '}
          <code>/debug/pprof/tasks?pid=PID</code>, a file for <code>go tool pprof</code>.
        </p>
      )}
      <button type="button" onClick={close}>
        close
      </button>
    </div>
  );
}
