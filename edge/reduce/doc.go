// Package reduce makes few messages out of many: of the readings of a window one for each topic, with their mean, lowest, highest or last
// value. A stream that says `reduce` carries those instead of what it matches.
//
// # Vocabulary
//
// A window is a piece of time, aligned to the date in UTC: 15min ends at :00, :15, :30 and :45. An input is a message that the stream matches. A sum
// is what is known of one topic in the window that is open. A Reducer is a durable session of the broker that takes the inputs, and
// publishes what comes out under a name of its own, which only the stream subscribes to.
//
// # What comes out
//
// Of a payload that is a number alone, or has its number under "value", there comes out
//
//	{"mean":21.53,"min":21.4,"max":21.7,"last":21.6,"unit":"°C","count":30,"from":"2026-11-22T04:10:00.123Z","time":"2026-11-22T04:14:50.123Z"}
//
// under the same topic, with QoS and RETAIN of the last input. Count is the number of readings in it, from and time are those of the first and the
// last. With only one thing asked for, `to: [mean]`, it stands under "value", so that a consumer of plain readings understands it. A payload with
// several values under "values", as a sensor of this program publishes them, keeps its form, with all of this for each.
//
// A reading that says that it is not good (see edge/mapping) is not in the sums. A window in which none was good has null, and the worst quality
// under "quality". Anything else than numbers cannot be reduced: the last input of the window goes out as it came. An empty payload, which
// ends a retained message, goes out with the window too. What came before payloads of another kind in the same window comes out by itself, before it.
//
// # Guarantees
//
// Each input is in exactly one result, through a SIGKILL and a power cut: what comes out and the account of what is in it are one batch of the log, and
// inputs are acknowledged afterwards. Windows longer than the session may have in flight are kept as a partial account. An input of
// QoS 0 is in the result if nothing ends the program before the window ends. After a time without power the window that was open then is closed first, as
// far as the date tells.
//
// # Limits
//
// The account of an open window is bounded: with more than some 1,500 topics in one stream results come out before the window ends, which is
// reported once. Of a topic whose payloads change their kind more than 8 times within a window the last 8 results come out. Without a date windows
// are counted from the start of the program.
package reduce
