// One task: what it waits for, and who could wake it.
import {processPath, withQuery} from '../api';
import {shown, words} from '../format';
import {useAnswer} from '../hooks';
import {
  Age,
  Dot,
  Foreign,
  FrameLine,
  Frames,
  Look,
  NativeFrames,
  Notes,
  TaskLink,
  Trouble,
  Sentence,
} from '../parts/basics';
import {waitDetails, waitWords} from '../parts/waits';
import {href, useRoute} from '../route';
import type {Waker, WhyView} from '../types';

function Wakers({pid, wakers, depth, seen}: {pid: number; wakers: Waker[]; depth: number; seen: Set<number>}) {
  if (!wakers.length || depth > 12) return null;
  return (
    <ul class="wakers">
      {wakers.slice(0, 50).map((waker, i) => {
        const task = waker.task;
        const way = waker.allocations ? (
          <span class="quiet">
            {' '}
            by way of {waker.allocations} {waker.allocations === 1 ? 'allocation' : 'allocations'}
          </span>
        ) : null;
        if (!task)
          return (
            <li key={i}>
              <Foreign text={waker.holder || waker.heldBy?.words || 'not known'} most={400} />
              {way}
            </li>
          );
        const again = seen.has(task.id);
        const below = new Set(seen).add(task.id);
        return (
          <li key={i}>
            <TaskLink pid={pid} id={task.id}>
              task {task.id}
            </TaskLink>{' '}
            <FrameLine frame={task.frames?.[task.frames.length - 1]} />{' '}
            <span class="state">
              <Dot what={waitWords(task.wait, task.state)} />
              {waitWords(task.wait, task.state)} <span class="quiet">{waitDetails(task.wait)}</span>
            </span>
            {way}
            {again ? (
              <b class="bad"> — back to where this began</b>
            ) : (
              <Wakers pid={pid} wakers={waker.wakers ?? []} depth={depth + 1} seen={below} />
            )}
          </li>
        );
      })}
      {wakers.length > 50 && <li class="quiet">and {wakers.length - 50} more</li>}
    </ul>
  );
}

const verdicts: Record<string, string> = {
  NEVER_WAKES: 'never wakes',
  HELD: 'held: something alive could wake it',
  LIKELY: 'likely never wakes',
  VERDICT_UNSPECIFIED: '',
};

export function TaskPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const id = options.task;
  const valid = /^\d{1,20}$/.test(id ?? '');
  const asked = useAnswer<WhyView>(valid ? withQuery(`${processPath(pid)}/why`, {task: id}) : null);
  const view = asked.value;
  if (!valid)
    return (
      <p class="empty">
        Which task? Its number stands in the groups, the tree and the leaks; the field beside “save” takes it.
      </p>
    );
  const task = view?.task;
  const bad = view?.verdict === 'NEVER_WAKES' || view?.verdict === 'LIKELY';
  return (
    <>
      <Look asked={asked} stopped={view?.stoppedSeconds ?? 0} />
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && <p class="quiet">reading … the target is stopped for some milliseconds, to be copied</p>}
      {view && task && (
        <article class="task">
          <h2>
            task <span class="num">{task.id}</span>{' '}
            {task.name && (
              <>
                “<Foreign text={task.name} most={200} />”
              </>
            )}{' '}
            <span class="state">
              <Dot what={waitWords(task.wait, task.state)} />
              {words(task.state)}
              {task.wait ? `: ${waitWords(task.wait)}` : ''}
            </span>{' '}
            <Age seconds={task.ageSeconds ?? task.seenSeconds} at={asked.takenAt} />
          </h2>
          {view.verdict && verdicts[view.verdict] && (
            <p class={bad ? 'banner wrong' : 'banner'}>
              <b>{verdicts[view.verdict]}</b> {view.evidence && <Sentence pid={pid} text={view.evidence} most={800} />}
            </p>
          )}
          {(!view.verdict || !verdicts[view.verdict]) && view.evidence && (
            <p>
              <Sentence pid={pid} text={view.evidence} most={800} />
            </p>
          )}
          <ul class="plain">
            {(view.waits ?? []).map((text, i) => (
              <li key={i}>
                <Sentence pid={pid} text={text} most={600} />
              </li>
            ))}
          </ul>
          <dl class="pairs">
            {task.parentId ? (
              <div>
                <dt>spawned by</dt>
                <dd>
                  <TaskLink pid={pid} id={task.parentId}>
                    task {task.parentId}
                  </TaskLink>
                  {task.awaited ? ', which awaits it' : ''}
                </dd>
              </div>
            ) : null}
            {(task.spawnedAt || task.spawnedAfter) && (
              <div>
                <dt>spawned {task.spawnedAt ? 'at' : 'after'}</dt>
                <dd>
                  <FrameLine frame={task.spawnedAt ?? task.spawnedAfter} />
                </dd>
              </div>
            )}
            {task.resumes !== null && task.resumes !== undefined && (
              <div>
                <dt>resumed</dt>
                <dd class="num">{task.resumes} ×</dd>
              </div>
            )}
            {Object.entries(task.labels ?? {})
              .slice(0, 50)
              .map(([key, value]) => (
                <div key={key}>
                  <dt>
                    <Foreign text={key} />
                  </dt>
                  <dd>
                    <Foreign text={value} most={400} />
                  </dd>
                </div>
              ))}
            {view.receiveQueueBytes !== null && view.receiveQueueBytes !== undefined && (
              <div>
                <dt>to be read</dt>
                <dd class="num">{view.receiveQueueBytes} B</dd>
              </div>
            )}
            {view.sendQueueBytes !== null && view.sendQueueBytes !== undefined && (
              <div>
                <dt>to be sent</dt>
                <dd class="num">{view.sendQueueBytes} B</dd>
              </div>
            )}
            {view.connections !== null && view.connections !== undefined && (
              <div>
                <dt>to be accepted</dt>
                <dd class="num">{view.connections}</dd>
              </div>
            )}
            {view.unprovenReason && (
              <div>
                <dt>not proven</dt>
                <dd>
                  <Foreign text={view.unprovenReason} most={600} />
                </dd>
              </div>
            )}
          </dl>
          <h3>Stack</h3>
          <Frames frames={task.frames} />
          {task.nativeFrames && task.nativeFrames.length > 0 && (
            <>
              <h3>Its thread</h3>
              <NativeFrames frames={task.nativeFrames} />
            </>
          )}
          {task.also && task.also.length > 0 && (
            <>
              <h3>It awaits these too</h3>
              <ul class="plain">
                {task.also.slice(0, 50).map((wait, i) => (
                  <li key={i}>
                    {waitWords(wait)} <span class="quiet">{waitDetails(wait)}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
          <h3>
            {bad && view.wakers?.length
              ? 'What points to what it waits on, none of which is alive'
              : 'Who could wake it'}
          </h3>
          {view.wakers?.length ? (
            <Wakers pid={pid} wakers={view.wakers} depth={0} seen={new Set([task.id])} />
          ) : (
            <p class="quiet">{bad ? 'Nobody.' : 'No other task, as far as is known.'}</p>
          )}
          {view.cycle && view.cycle.length > 0 && (
            <p class="bad">
              <b>They wait for each other:</b>{' '}
              {view.cycle.map((step, i) => (
                <span key={i}>
                  <TaskLink pid={pid} id={step.taskId} /> →{' '}
                </span>
              ))}
              <TaskLink pid={pid} id={view.cycle[0].taskId} />
            </p>
          )}
          <p>
            <a href={href({pid, view: 'waits', options: {tasks: String(task.id)}})}>as a graph</a>
          </p>
          <Notes notes={view.notes} />
        </article>
      )}
      {asked.error?.status === 404 && <p class="quiet">Task {shown(id)} has ended, or never was.</p>}
    </>
  );
}
