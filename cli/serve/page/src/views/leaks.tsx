// What will never wake, with the evidence.
import {processPath, withQuery} from '../api';
import {bytes, count, hue, shown, span, thousands} from '../format';
import {useAnswer} from '../hooks';
import {
  Age,
  Foreign,
  FrameLine,
  Frames,
  Look,
  NativeFrames,
  Notes,
  Sentence,
  TaskLink,
  TaskLinks,
  Trouble,
} from '../parts/basics';
import {waitDetails, waitWords} from '../parts/waits';
import {href, setOptions, useRoute} from '../route';
import type {Leak, LeaksView} from '../types';

const meaning: Record<string, string> = {
  PROVEN: 'nothing alive can reach what they wait on, so they never wake',
  LIKELY: 'as proven, but for registers of threads that were not stopped',
  GROWING: 'more and more of them, and those that came stay',
  STALLED: 'a worker has run one task for too long without an await',
  DUE: 'what they wait for has happened, and nobody resumes them',
  OLD: 'they have waited for long, which need not be wrong',
};
const isWrong = (leak: Leak) => leak.verdict !== 'OLD';

export function LeaksPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const asked = useAnswer<LeaksView>(
    withQuery(`${processPath(pid)}/leaks`, {top: 100, interval: options.interval, all: options.all === '1'}),
  );
  const view = asked.value;
  const leaks = view?.leaks ?? [];
  return (
    <>
      <Look asked={asked} stopped={view?.stoppedSeconds ?? 0}>
        <label class="check">
          <input
            type="checkbox"
            checked={options.interval === '5s'}
            onChange={event => setOptions({interval: event.currentTarget.checked ? '5s' : undefined}, false)}
          />{' '}
          over 5 s, for what grows
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={options.all === '1'}
            onChange={event => setOptions({all: event.currentTarget.checked ? 1 : undefined}, false)}
          />{' '}
          waits by design too
        </label>
      </Look>
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && (
        <p class="quiet">
          looking … {options.interval ? `for ${shown(options.interval)}, ` : ''}the target is stopped for some
          milliseconds, to be copied
        </p>
      )}
      {view && (
        <p class="sum">
          <span class="num">{thousands(view.checked ?? 0)}</span> of{' '}
          <span class="num">{thousands(view.tasks ?? 0)}</span> tasks wait for what can be checked:{' '}
          <b class={view.proven ? 'bad' : ''}>
            <span class="num">{thousands(view.proven ?? 0)}</span> proven
          </b>
          ,{' '}
          {view.likely ? (
            <>
              <span class="num">{thousands(view.likely)}</span> likely,{' '}
            </>
          ) : (
            ''
          )}
          <span class="num">{thousands(view.held ?? 0)}</span> held elsewhere
          {view.undecided ? (
            <>
              {' '}
              (<span class="num">{thousands(view.undecided)}</span> by words that may be stale)
            </>
          ) : (
            ''
          )}
          , <span class="num">{thousands(view.unchecked ?? 0)}</span> not checked
          {view.byDesign ? (
            <>
              ; <span class="num">{thousands(view.byDesign)}</span> old ones wait by design
            </>
          ) : (
            ''
          )}
          {view.totalSeconds ? <span class="quiet">; {span(view.totalSeconds)} in all</span> : ''}.{' '}
          <a href={href({pid, view: 'waits'})}>as a graph</a>
        </p>
      )}
      {view && leaks.length === 0 && (
        <p class="empty good">Nothing was found: no task is proven to be leaked, and none is old.</p>
      )}
      {leaks.map((leak, i) => (
        <section
          class={`card leak ${isWrong(leak) ? 'wrong' : ''}`}
          key={i}
          aria-label={`${(leak.verdict ?? '').toLowerCase()}: ${count(leak.count, 'task')}`}
        >
          <header>
            <h2>
              <span class={`verdict ${(leak.verdict ?? '').toLowerCase()}`} title={meaning[leak.verdict ?? '']}>
                {shown((leak.verdict ?? 'not known').toLowerCase())}
              </span>{' '}
              <span class="num">{thousands(leak.count)}</span> {leak.count === 1 ? 'task' : 'tasks'}{' '}
              {leak.wait && <i class={`dot ${hue(waitWords(leak.wait))}`} aria-hidden="true" />}
              {leak.wait ? waitWords(leak.wait) : ''} <span class="quiet">{waitDetails(leak.wait)}</span>
            </h2>
            <span>
              oldest <Age seconds={leak.oldestSeconds ?? leak.seenSeconds} at={asked.takenAt} />
              {leak.frameBytes ? <>, {bytes(leak.frameBytes)} in frames</> : ''}
            </span>
          </header>
          <Frames frames={leak.frames} />
          {leak.nativeFrames && leak.nativeFrames.length > 0 && (
            <>
              <p class="quiet">its thread:</p>
              <NativeFrames frames={leak.nativeFrames} />
            </>
          )}
          {(leak.spawnedAt || leak.spawnedAfter) && (
            <p class="spawned">
              spawned {leak.spawnedAt ? 'at' : 'after'} <FrameLine frame={leak.spawnedAt ?? leak.spawnedAfter} />
            </p>
          )}
          {leak.evidence && (
            <p>
              <span class="quiet">evidence:</span>{' '}
              <b>
                <Sentence pid={pid} text={leak.evidence} most={800} />
              </b>
            </p>
          )}
          {leak.cycle && leak.cycle.length > 0 && (
            <p class="bad">
              they wait for each other:{' '}
              {leak.cycle.map((step, k) => (
                <span key={k}>
                  <TaskLink pid={pid} id={step.taskId} /> →{' '}
                </span>
              ))}
              <TaskLink pid={pid} id={leak.cycle[0].taskId} />
            </p>
          )}
          {leak.likelyEvidence && (
            <p class="quiet">
              <Foreign text={leak.likelyEvidence} most={800} />
            </p>
          )}
          {leak.held ? (
            <p class="quiet">
              beside them: {thousands(leak.held)} of the same stack and spawn site are reached by other words
            </p>
          ) : null}
          {leak.hint && (
            <p>
              <span class="quiet">usual fix:</span> <Foreign text={leak.hint} most={600} />
            </p>
          )}
          <p>
            <TaskLinks pid={pid} ids={leak.taskIds} of={leak.count} />
          </p>
        </section>
      ))}
      {view?.leftOut ? <p class="quiet">{count(view.leftOut, 'group')} more</p> : null}
      <Notes notes={view?.notes} />
    </>
  );
}
