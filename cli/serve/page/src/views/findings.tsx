// What is wrong with a process, what is worth a second look, and which of its tasks an exception has ended.
import {age, thousands} from '../format';
import {Foreign, FrameLine, Sentence} from '../parts/basics';
import type {VitalsView} from '../types';

export function Findings({pid, vitals}: {pid: number; vitals: VitalsView}) {
  const failures = vitals.failures ?? [];
  const findings = vitals.findings ?? [],
    notes = vitals.notes ?? [];
  if (!findings.length && !notes.length && !failures.length) return null;
  return (
    <section class="findings" aria-label="findings">
      {findings.length > 0 && (
        <ul class="wrong" role="alert">
          {findings.slice(0, 20).map((text, i) => (
            <li key={i}>
              <b>!</b> <Sentence pid={pid} text={text} most={800} />
            </li>
          ))}
        </ul>
      )}
      {notes.length > 0 && (
        <ul class="notes">
          {notes.slice(0, 20).map((text, i) => (
            <li key={i}>
              <Sentence pid={pid} text={text} most={800} />
            </li>
          ))}
        </ul>
      )}
      {failures.length > 0 && (
        <details>
          <summary>
            {failures.length === 1 ? 'one kind of task was' : `${failures.length} kinds of tasks were`} ended by
            exceptions
          </summary>
          <ul class="failures">
            {failures.slice(0, 16).map((each, i) => (
              <li key={i}>
                <span class="num">{thousands(each.count ?? 1)} ×</span>{' '}
                <b>
                  <Foreign text={each.type} />
                </b>{' '}
                <Foreign text={each.message} most={400} /> <span class="quiet">{age(each.secondsAgo)} ago</span>
                <br />
                <FrameLine frame={each.frame} />{' '}
                {each.spawnedAt && (
                  <span class="quiet">
                    spawned at <FrameLine frame={each.spawnedAt} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
