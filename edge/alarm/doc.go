// Package alarm watches rules over the values of a station, and publishes when one begins to hold and when it ends.
//
// # Vocabulary
//
// An alarm is raised when its condition `when` has held for the time `for`, and cleared when its condition `clear` holds, or, without
// one, when `when` holds no longer. Between the two lies the hysteresis: neither holds, and nothing changes. An input can be used when
// its quality is good, or only its time is not.
//
// # Guarantees
//
// Each raise and each clear is one message, with QoS 1 and RETAIN. What is raised is kept: after a restart it is not raised again, and if
// its reason went away meanwhile it is cleared by the first readings that say so. An alarm that is configured no longer is cleared at the start.
// A message that is refused is published later; the alarm has not changed until then.
//
// What hangs on an input that cannot be used is unknown, in three-valued logic: a bad, suspect or stale input neither raises an alarm
// nor clears it, unless the other inputs decide alone. Each message holds the inputs with their quality. While a condition is unknown its time
// goes on, and it is not raised; when that lasts longer than `for`, the time begins anew.
//
// Every reading is judged, also those that a deadband keeps from being published, in the order in which they came.
//
// # Limits
//
// The message and what is kept of it are written one after the other, nearly always in one commit. Power that goes between the two has the
// alarm raised a second time, never not at all. The time of `for` begins anew after a restart. When storage is so slow that more than 4096
// readings wait to be judged, the oldest are passed over.
package alarm
