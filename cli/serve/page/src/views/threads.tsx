// OS threads: what each is for, the task that it runs, and its native stack.
import {processPath} from '../api';
import {shown, span, words} from '../format';
import {useAnswer} from '../hooks';
import {Age, Foreign, Look, NativeFrames, Notes, TaskLink, Trouble} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {Table, type Column} from '../parts/table';
import {setOptions, useRoute} from '../route';
import type {Thread, ThreadsView} from '../types';

export function ThreadsPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const asked = useAnswer<ThreadsView>(`${processPath(pid)}/threads`);
  const view = asked.value;
  const all = view?.threads ?? [];
  const rows = all.filter(thread =>
    matches(
      options.filter,
      [
        thread.tid,
        thread.name,
        thread.state,
        words(thread.role),
        ...(thread.frames ?? []).map(frame => frame.function),
      ].join(' '),
    ),
  );
  const chosen = all.find(thread => String(thread.tid) === options.thread);
  const columns: Column<Thread>[] = [
    {
      key: 'tid',
      title: 'TID',
      width: '5.5rem',
      right: true,
      value: row => -row.tid,
      cell: row => <span class="num">{row.tid}</span>,
    },
    {
      key: 'name',
      title: 'name',
      width: 'minmax(6rem, 12rem)',
      value: row => row.name ?? '',
      cell: row => <Foreign text={row.name} most={40} />,
    },
    {
      key: 'role',
      title: 'role',
      width: '7rem',
      phone: 'none',
      value: row => row.role ?? '',
      cell: row => words(row.role),
    },
    {
      key: 'state',
      title: 'state',
      width: '8rem',
      phone: 'none',
      value: row => row.state ?? '',
      cell: row => (
        <span class={row.state === 'running' ? 'good' : row.state === 'uninterruptible' ? 'bad' : ''}>
          {shown(row.state)}
        </span>
      ),
    },
    {
      key: 'cpu',
      title: 'CPU',
      hint: 'of one CPU, since it began',
      width: '4.5rem',
      right: true,
      value: row => row.cpuPercent ?? -1,
      cell: row => (
        <span class="num">
          {row.cpuPercent === null || row.cpuPercent === undefined ? '-' : `${row.cpuPercent.toFixed(1)}%`}
        </span>
      ),
    },
    {
      key: 'task',
      title: 'task',
      width: '9rem',
      value: row => row.taskSeconds ?? -1,
      cell: row =>
        row.taskId ? (
          <>
            <TaskLink pid={pid} id={row.taskId} />{' '}
            {row.taskSeconds !== null && row.taskSeconds !== undefined && (
              <>
                for <Age seconds={row.taskSeconds} at={asked.takenAt} />
              </>
            )}
          </>
        ) : row.busyTaskId ? (
          <>
            resumes <TaskLink pid={pid} id={row.busyTaskId} />
          </>
        ) : (
          <span class="quiet">-</span>
        ),
    },
    {
      key: 'top',
      title: 'innermost function',
      width: 'minmax(8rem, 1fr)',
      phone: 'below',
      cell: row => <Foreign text={row.frames?.[0]?.function || row.framesMissing} most={200} />,
    },
  ];
  return (
    <>
      <Look asked={asked}>
        <Filter placeholder="filter: name, role, function" />
        {view && (
          <span class="quiet">
            {rows.length} of {view.total ?? all.length} threads
            {view.longestStopSeconds ? `; one was stopped for ${span(view.longestStopSeconds)}` : '; none was stopped'}
          </span>
        )}
      </Look>
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && <p class="quiet">reading …</p>}
      {view && (
        <div class={`split ${chosen ? 'open' : ''}`}>
          <Table
            label="threads"
            columns={columns}
            rows={rows}
            id={row => String(row.tid)}
            sort={options.sort}
            onSort={sort => setOptions({sort})}
            chosen={options.thread}
            onChoose={thread => setOptions({thread})}
            empty={<p>No thread has that.</p>}
          />
          {chosen && (
            <aside class="detail" aria-label="the chosen thread">
              <button type="button" class="close" onClick={() => setOptions({thread: undefined})} title="Esc">
                close
              </button>
              <h2>
                {chosen.tid} <Foreign text={chosen.name} />
              </h2>
              <p>
                {words(chosen.role)}, {shown(chosen.state)}
                {chosen.looksUpBy ? (
                  <>
                    , looks up a name by <Foreign text={chosen.looksUpBy} />
                  </>
                ) : (
                  ''
                )}
                {chosen.mutexOwner ? `, waits for a mutex that thread ${chosen.mutexOwner} has locked` : ''}
                {chosen.lookup ? (
                  <>
                    , looks up <Foreign text={`${chosen.lookup.host ?? ''} ${chosen.lookup.service ?? ''}`} />
                  </>
                ) : (
                  ''
                )}
              </p>
              {chosen.frames?.length ? (
                <NativeFrames frames={chosen.frames} />
              ) : (
                <p class="quiet">
                  <Foreign text={chosen.framesMissing || 'its stack is not known'} />
                </p>
              )}
            </aside>
          )}
        </div>
      )}
      <Notes notes={view?.notes} />
    </>
  );
}
