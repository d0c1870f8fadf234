// Which coroutines own the memory, how full the heap is, what is resident.
import {processPath} from '../api';
import {baseName, bytes, shown, thousands, words} from '../format';
import {useAnswer} from '../hooks';
import {Foreign, FrameLine, Look, Notes, TaskLinks, Trouble} from '../parts/basics';
import {waitWords} from '../parts/waits';
import type {MemoryView} from '../types';

const Number = ({n}: {n: number | null | undefined}) => (
  <td class="num right">{n === null || n === undefined ? '-' : thousands(n)}</td>
);
const Bytes = ({n}: {n: number | null | undefined}) => (
  <td class="num right" title={n === null || n === undefined ? undefined : `${thousands(n)} B`}>
    {bytes(n)}
  </td>
);

export function MemoryPage({pid}: {pid: number}) {
  const asked = useAnswer<MemoryView>(`${processPath(pid)}/memory?limit=50`);
  const view = asked.value;
  return (
    <>
      <Look asked={asked} stopped={view?.stoppedSeconds ?? 0} />
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && <p class="quiet">reading … the target is stopped for some milliseconds, to be copied</p>}
      {view && (
        <>
          <dl class="facts">
            <div>
              <dt>resident</dt>
              <dd class="num">{bytes(view.residentBytes)}</dd>
            </div>
            <div>
              <dt>heap in use</dt>
              <dd class="num">{bytes(view.heap?.inUseBytes)}</dd>
            </div>
            <div>
              <dt>heap free</dt>
              <dd class="num">{bytes(view.heap?.freeBytes)}</dd>
            </div>
            <div>
              <dt>frames</dt>
              <dd class="num">{thousands(view.frames?.frames ?? 0)}</dd>
            </div>
            <div>
              <dt>in frames</dt>
              <dd class="num">{bytes(view.frames?.bytes)}</dd>
            </div>
            {view.leakedTasks ? (
              <div>
                <dt>leaked tasks keep</dt>
                <dd class="num bad">{bytes(view.keptByLeakedBytes)}</dd>
              </div>
            ) : null}
          </dl>
          <h2>Groups of tasks, and what they alone keep alive</h2>
          <div class="wide">
            <table class="plain">
              <thead>
                <tr>
                  <th class="right">tasks</th>
                  <th class="right">kept</th>
                  <th class="right">frames</th>
                  <th class="right">in frames</th>
                  <th>waits for</th>
                  <th>function</th>
                  <th>tasks</th>
                </tr>
              </thead>
              <tbody>
                {(view.groups ?? []).map((each, i) => (
                  <tr key={i} class={each.leaked && each.leaked !== 'LEAKED_UNSPECIFIED' ? 'wrong' : ''}>
                    <Number n={each.group?.count} />
                    <Bytes n={each.keptBytes} />
                    <Number n={each.frames?.frames} />
                    <Bytes n={each.frames?.bytes} />
                    <td>
                      {waitWords(each.group?.wait, each.group?.state)}
                      {each.leaked && each.leaked !== 'LEAKED_UNSPECIFIED' ? (
                        <b class="bad"> {words(each.leaked).replace('leak ', '')}</b>
                      ) : (
                        ''
                      )}
                    </td>
                    <td>
                      <FrameLine frame={each.group?.frames?.[each.group.frames.length - 1]} />
                    </td>
                    <td>
                      <TaskLinks pid={pid} ids={each.group?.ids} of={each.group?.count} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {view.groupsLeftOut ? <p class="quiet">{thousands(view.groupsLeftOut)} groups more</p> : null}
          <h2>Frames by function</h2>
          <div class="wide">
            <table class="plain">
              <thead>
                <tr>
                  <th class="right">bytes</th>
                  <th class="right">frames</th>
                  <th>function</th>
                </tr>
              </thead>
              <tbody>
                {(view.functions ?? []).map((each, i) => (
                  <tr key={i}>
                    <Bytes n={each.memory?.bytes} />
                    <Number n={each.memory?.frames} />
                    <td>
                      <Foreign text={each.function || 'not known'} most={300} />{' '}
                      <span class="place">
                        <Foreign text={baseName(each.file)} />
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {view.functionsLeftOut ? <p class="quiet">{thousands(view.functionsLeftOut)} functions more</p> : null}
          <h2>Arenas of malloc</h2>
          <div class="wide">
            <table class="plain">
              <thead>
                <tr>
                  <th>arena</th>
                  <th class="right">bytes</th>
                  <th class="right">in use</th>
                  <th class="right">free</th>
                  <th class="right">in holes</th>
                  <th class="right">at the end</th>
                </tr>
              </thead>
              <tbody>
                {(view.heap?.arenas ?? []).slice(0, 100).map(each => (
                  <tr key={each.address}>
                    <td class="num">
                      {shown(each.address)}
                      {each.main ? ' main' : ''}
                    </td>
                    <Bytes n={each.bytes} />
                    <Bytes n={each.inUseBytes} />
                    <Bytes n={each.freeBytes} />
                    <Bytes n={each.holeBytes} />
                    <Bytes n={each.topBytes} />
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <h2>What is resident</h2>
          <div class="wide">
            <table class="plain">
              <thead>
                <tr>
                  <th class="right">resident</th>
                  <th class="right">bytes</th>
                  <th class="right">mappings</th>
                  <th>of</th>
                </tr>
              </thead>
              <tbody>
                {(view.mappings ?? []).slice(0, 200).map((each, i) => (
                  <tr key={i}>
                    <Bytes n={each.residentBytes} />
                    <Bytes n={each.bytes} />
                    <Number n={each.mappings} />
                    <td>
                      {words(each.kind)} <Foreign text={each.path} most={200} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Notes notes={view.notes} />
        </>
      )}
    </>
  );
}
