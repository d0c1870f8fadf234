// What pends without a task, and why each run() does not return.
import {processPath} from '../api';
import {baseName, count, shown, thousands} from '../format';
import {useAnswer} from '../hooks';
import {Dot, Foreign, Look, Notes, Trouble} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {Table, type Column} from '../parts/table';
import {waitDetails, waitWords} from '../parts/waits';
import {setOptions, useRoute} from '../route';
import type {Operation, OperationsView} from '../types';

export function OperationsPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const asked = useAnswer<OperationsView>(`${processPath(pid)}/operations`);
  const view = asked.value;
  const all = view?.operations ?? [];
  const rows = all.filter(row =>
    matches(
      options.filter,
      `${row.address} ${waitWords(row.wait)} ${row.handler} ${row.file}:${row.line} ${waitDetails(row.wait)}`,
    ),
  );
  const columns: Column<Operation>[] = [
    {
      key: 'kind',
      title: 'kind',
      width: '10rem',
      value: row => waitWords(row.wait),
      cell: row => (
        <>
          <Dot what={waitWords(row.wait)} />
          {waitWords(row.wait)}
          {row.queued ? ' (queued)' : ''}
        </>
      ),
    },
    {
      key: 'what',
      title: 'what',
      width: 'minmax(8rem, 1fr)',
      cell: row => (
        <Foreign
          text={[waitDetails(row.wait), ...(row.signals ?? []), row.looksUp].filter(Boolean).join(', ')}
          most={160}
        />
      ),
    },
    {
      key: 'handler',
      title: 'handler',
      width: 'minmax(8rem, 2fr)',
      phone: 'below',
      value: row => row.handler ?? '',
      cell: row => <Foreign text={row.handler || 'not known'} most={240} />,
    },
    {
      key: 'place',
      title: 'place',
      width: 'minmax(6rem, 13rem)',
      phone: 'none',
      value: row => row.file ?? '',
      cell: row => (
        <span class="place">
          <Foreign text={row.file ? `${baseName(row.file)}:${row.line}` : ''} />
        </span>
      ),
    },
  ];
  return (
    <>
      <Look asked={asked} stopped={view?.stoppedSeconds ?? 0}>
        <Filter placeholder="filter: kind, handler, place" />
        {view && (
          <span class="quiet">
            {count(view.callbacks ?? 0, 'operation')} without a task, {thousands(view.ofTasks ?? 0)} of tasks
          </span>
        )}
      </Look>
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && <p class="quiet">reading … the target is stopped for some milliseconds, to be copied</p>}
      {view && (
        <Table
          label="operations"
          columns={columns}
          rows={rows}
          id={row => row.address ?? ''}
          sort={options.sort}
          onSort={sort => setOptions({sort})}
          chosen={options.operation}
          onChoose={operation => setOptions({operation})}
          empty={<p>{all.length ? 'No operation has that.' : 'Nothing pends without a task.'}</p>}
        />
      )}
      {(view?.contexts ?? []).slice(0, 100).map(context => (
        <p key={context.address}>
          <b>
            <Foreign text={context.type || 'context'} />
          </b>{' '}
          <span class="num">{shown(context.address)}</span>:{' '}
          {context.outstandingWork === null || context.outstandingWork === undefined ? (
            'its outstanding work is not known'
          ) : (
            <>
              outstanding work <span class="num">{thousands(context.outstandingWork)}</span>, of which{' '}
              {count(context.operations ?? 0, 'operation')}
            </>
          )}
          {context.stopped ? <b class="bad">, stopped: run() returns at once</b> : ''}
        </p>
      ))}
      <Notes notes={view?.notes} />
    </>
  );
}
