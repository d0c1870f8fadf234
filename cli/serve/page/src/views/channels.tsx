// Channels that tasks wait on, each drawn as the queue that it is: senders that wait, what is in it, receivers that wait.
import {useState} from 'preact/hooks';
import {processPath} from '../api';
import {count, shown, thousands} from '../format';
import {useAnswer} from '../hooks';
import {Age, Foreign, FrameLine, Frames, Look, Notes, TaskLinks, Trouble, Sentence} from '../parts/basics';
import {Filter} from '../parts/filter';
import {matches} from '../parts/words';
import {setOptions, useRoute} from '../route';
import type {Channel, ChannelsView} from '../types';

/** Up to `most` marks, then a number. */
function Marks({n, what, most = 12}: {n: number; what: string; most?: number}) {
  if (!n) return null;
  return (
    <span class={`marks ${what}`} aria-hidden="true">
      {Array.from({length: Math.min(n, most)}, (_, i) => (
        <i key={i} />
      ))}
      {n > most && <span class="num">+{thousands(n - most)}</span>}
    </span>
  );
}

/** senders ▸ [■■■□] ▸ receivers. Full where senders wait, empty where receivers do: what Asio's channel can tell. */
function Queue({channel}: {channel: Channel}) {
  const full = channel.state === 'FULL';
  const capacity = channel.capacity ?? null;
  const boxes = Math.min(capacity ?? 0, 24);
  const words = `${count(channel.senders ?? 0, 'sender')} waiting; ${full ? 'full' : 'empty'}, capacity ${capacity ?? 'not known'}; ${count(channel.receivers ?? 0, 'receiver')} waiting${channel.closed ? '; closed' : ''}`;
  return (
    <div class="queue" role="img" aria-label={words} title={words}>
      <span class="side right">
        {(channel.senders ?? 0) > 0 && (
          <>
            <Marks n={channel.senders!} what="send" /> ▸
          </>
        )}
      </span>
      <span class={`slots ${channel.closed ? 'closed' : ''}`} aria-hidden="true">
        {capacity === null ? (
          <span class="quiet">capacity not known</span>
        ) : capacity === 0 ? (
          <i class={`slot none ${full ? 'full' : ''}`} />
        ) : (
          Array.from({length: boxes}, (_, i) => <i key={i} class={`slot ${full ? 'full' : ''}`} />)
        )}
        {capacity !== null && capacity > boxes && <span class="num">… {thousands(capacity)}</span>}
      </span>
      <span class="side">
        {(channel.receivers ?? 0) > 0 && (
          <>
            ▸ <Marks n={channel.receivers!} what="receive" />
          </>
        )}
      </span>
    </div>
  );
}

export function ChannelsPage({pid}: {pid: number}) {
  const {options} = useRoute();
  const asked = useAnswer<ChannelsView>(`${processPath(pid)}/channels`);
  const [most, setMost] = useState(40);
  const view = asked.value;
  const all = view?.channels ?? [];
  const found = all.filter(channel =>
    matches(
      options.filter,
      [
        channel.address,
        channel.state,
        channel.closed ? 'closed' : '',
        channel.references === 'NOTHING_ALIVE' ? 'nothing alive' : channel.heldBy,
        ...(channel.waiters ?? []).flatMap(group =>
          (group.frames ?? []).map(frame => `${frame.function} ${frame.file}:${frame.line}`),
        ),
      ].join(' '),
    ),
  );
  return (
    <>
      <Look asked={asked} stopped={view?.stoppedSeconds ?? 0}>
        <Filter placeholder="filter: address, function, nothing alive" />
        {view && (
          <span class="quiet">
            {found.length === all.length ? '' : `${found.length} of `}
            {count(all.length, 'channel')}, {count(view.shown ?? 0, 'task')} wait on them, of{' '}
            {thousands(view.total ?? 0)}
            {view.complete === false ? '; not all were looked at' : ''}
          </span>
        )}
      </Look>
      {asked.error && <Trouble error={asked.error} kept={!!view} />}
      {!view && asked.busy && <p class="quiet">reading … the target is stopped for some milliseconds, to be copied</p>}
      {view && all.length === 0 && <p class="empty">No task waits on a channel.</p>}
      {view && all.length > 0 && found.length === 0 && (
        <p class="empty">
          No channel has that.{' '}
          <button type="button" onClick={() => setOptions({filter: undefined})}>
            show all
          </button>
        </p>
      )}
      <div class="cards">
        {found.slice(0, most).map(channel => (
          <section
            class={`card ${channel.references === 'NOTHING_ALIVE' ? 'wrong' : ''}`}
            key={channel.address}
            aria-label={`channel ${shown(channel.address)}`}
          >
            <header>
              <h2 class="num">
                <Foreign text={channel.address} />
              </h2>
              <span>
                {channel.state === 'FULL' ? 'full' : 'empty'}, capacity{' '}
                <span class="num">{channel.capacity ?? '?'}</span>
                {channel.closed ? <b>, closed</b> : ''}, oldest{' '}
                <Age seconds={channel.oldestSeconds ?? channel.seenSeconds} at={asked.takenAt} />
              </span>
            </header>
            <Queue channel={channel} />
            <p>
              {channel.references === 'NOTHING_ALIVE' ? (
                <b class="bad">nothing alive points to it: its waiters will never wake</b>
              ) : channel.references === 'HELD' ? (
                <>
                  held by <Sentence pid={pid} text={channel.heldBy} most={400} />
                </>
              ) : (
                <span class="quiet">
                  {channel.heldBy ? (
                    <>
                      who holds it is not known: <Foreign text={channel.heldBy} most={400} />
                    </>
                  ) : (
                    'who holds it was not looked for'
                  )}
                </span>
              )}
            </p>
            {(channel.waiters ?? []).slice(0, 6).map((group, i) => (
              <details key={i}>
                <summary>
                  <span class="num">{thousands(group.count)}</span> ×{' '}
                  {group.wait?.kind === 'CHANNEL_SEND' ? 'send' : 'receive'}{' '}
                  <FrameLine frame={group.frames?.[group.frames.length - 1]} />
                </summary>
                <Frames frames={group.frames} />
                {group.spawnedAt && (
                  <p class="spawned">
                    spawned at <FrameLine frame={group.spawnedAt} />
                  </p>
                )}
                <p>
                  <TaskLinks pid={pid} ids={group.ids} of={group.count} />
                </p>
              </details>
            ))}
            {(channel.waiters ?? []).length > 6 && <p class="quiet">and {channel.waiters!.length - 6} stacks more</p>}
          </section>
        ))}
      </div>
      {found.length > most && (
        <p>
          <button type="button" onClick={() => setMost(most + 100)}>
            show 100 more of {thousands(found.length - most)}
          </button>
        </p>
      )}
      <Notes notes={view?.notes} />
    </>
  );
}
