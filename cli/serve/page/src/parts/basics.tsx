// Small things that every view is made of.
import type {ComponentChildren} from 'preact';
import {replayed, type ApiError} from '../api';
import {age, baseName, clock, hue, shown, span} from '../format';
import type {Asked} from '../hooks';
import {useNow} from '../hooks';
import {href} from '../route';
import type {Frame, NativeFrame} from '../types';

/** Foreign text: whatever it holds, it is text, and stays where it is. */
export const Foreign = ({text, most}: {text: string | undefined | null; most?: number}) => (
  <bdi class="foreign" title={shown(text, 2000)}>
    {shown(text, most)}
  </bdi>
);

/** 3m34s; when that was stands in its title. `at`: when the age was so. */
export function Age({seconds, at}: {seconds: number | null | undefined; at?: number}) {
  if (seconds === null || seconds === undefined)
    return (
      <span class="num none" title="since when is not known">
        -
      </span>
    );
  return (
    <time class="num" title={at && replayed.id === null ? `since ${clock(at - seconds * 1000)}` : undefined}>
      {age(seconds)}
    </time>
  );
}

export function Ago({at}: {at: number}) {
  const now = useNow();
  return <time title={clock(at)}>{age((now - at) / 1000)} ago</time>;
}

export const Place = ({file, line}: {file?: string; line?: number}) =>
  file ? (
    <span class="place foreign" title={`${shown(file, 2000)}:${line}`}>
      {shown(baseName(file), 80)}
      {line ? `:${line}` : ''}
    </span>
  ) : null;

export function FrameLine({frame}: {frame: Frame | null | undefined}) {
  if (!frame) return null;
  return (
    <span class="frame">
      <Foreign text={frame.function || 'not known'} most={400} /> <Place file={frame.file} line={frame.line} />
    </span>
  );
}

export function Frames({frames}: {frames: Frame[] | undefined}) {
  const all = frames ?? [];
  return (
    <ol class="frames" aria-label="stack, innermost first">
      {all.slice(0, 100).map((frame, i) => (
        <li key={i}>
          <FrameLine frame={frame} />
        </li>
      ))}
      {all.length > 100 && <li class="quiet">… {all.length - 100} more</li>}
      {all.length === 0 && <li class="quiet">its stack is not known</li>}
    </ol>
  );
}

export function NativeFrames({frames}: {frames: NativeFrame[]}) {
  return (
    <ol class="frames native" aria-label="native stack, innermost first">
      {frames.slice(0, 100).map((f, i) => (
        <li key={i}>
          <span class="frame">
            <Foreign text={f.function || f.address || 'not known'} most={400} />{' '}
            {f.file ? (
              <Place file={f.file} line={f.line} />
            ) : (
              <span class="place foreign" title={shown(f.module, 2000)}>
                {shown(baseName(f.module), 80)}
              </span>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}

export const Dot = ({what}: {what: string}) => <i class={`dot ${hue(what)}`} aria-hidden="true" />;
export const TaskLink = ({pid, id, children}: {pid: number; id: number; children?: ComponentChildren}) => (
  <a href={href({pid, view: 'task', options: {task: id}})} title="what it waits for, and who could wake it">
    {children ?? `${id}`}
  </a>
);

/** Foreign text in which `task 8` leads to that task. */
export function Sentence({pid, text, most}: {pid: number; text: string | undefined; most?: number}) {
  const parts = shown(text, most).split(/\b(task \d{1,18})\b/);
  return (
    <bdi class="foreign" title={shown(text, 2000)}>
      {parts.map((part, i) =>
        i % 2 ? (
          <TaskLink key={i} pid={pid} id={Number(part.slice(5))}>
            {part}
          </TaskLink>
        ) : (
          part
        ),
      )}
    </bdi>
  );
}

export function TaskLinks({pid, ids, of}: {pid: number; ids: number[] | undefined; of?: number}) {
  const all = (ids ?? []).slice(0, 50);
  if (!all.length) return null;
  const more = (of ?? ids!.length) - all.length;
  return (
    <span class="ids">
      {(of ?? 2) === 1 ? 'task ' : 'tasks '}
      {all.map((id, i) => (
        <>
          {i > 0 && ', '}
          <TaskLink pid={pid} id={id} />
        </>
      ))}
      {more > 0 && ` and ${more} more`}
    </span>
  );
}

/** Why there is no newer answer, and what to do. */
export function Trouble({error, kept}: {error: ApiError; kept?: boolean}) {
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>
          <Foreign text={error.message} most={600} />
        </strong>
      </p>
      {error.nextStep && (
        <p>
          <Foreign text={error.nextStep} most={600} />
        </p>
      )}
      {kept && <p class="quiet">What stands below is older.</p>}
    </div>
  );
}

export function Notes({notes}: {notes: string[] | undefined}) {
  if (!notes?.length) return null;
  return (
    <ul class="notes">
      {notes.slice(0, 30).map((note, i) => (
        <li key={i}>
          <Foreign text={note} most={800} />
        </li>
      ))}
    </ul>
  );
}

/** The line above what one look has found: when, what it cost, once more. */
export function Look<T>({asked, stopped, children}: {asked: Asked<T>; stopped?: number; children?: ComponentChildren}) {
  return (
    <div class="look">
      <span class="quiet" aria-live="polite">
        {asked.takenAt && replayed.id !== null ? (
          'as it was recorded'
        ) : asked.takenAt ? (
          <>
            looked <Ago at={asked.takenAt} />
          </>
        ) : asked.busy ? (
          'looking …'
        ) : (
          ''
        )}
        {stopped !== undefined && asked.value
          ? stopped > 0
            ? `; target stopped ${span(stopped)}`
            : '; nobody was stopped'
          : ''}
      </span>
      {replayed.id === null && (
        <button type="button" onClick={asked.again} disabled={asked.busy} data-key="r" title="look again (r)">
          {asked.busy ? 'looking …' : 'look again'}
        </button>
      )}
      {children}
    </div>
  );
}
